//! Putting bytes without a buffer of one's own: room in the ring first, then the bytes, then everybody sees them.

use std::fmt;
use std::io;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use descriptor_core::{PutError, Wait};

use crate::ShmQueue;
use crate::format::too_large;
use crate::layout::{ITEMS, RECORD, ROOM, WRITING, record_bytes};
use crate::lock::Held;
use crate::map::At;
use crate::point;
use crate::put::Refusal;
use crate::record::{Front, Sum};

impl ShmQueue<Bytes> {
    /// Room for an item of up to `len` bytes, waiting for it as `wait` allows.
    ///
    /// What is written to the [`Reservation`] goes into the shared memory and nowhere else; its
    /// [`commit`](Reservation::commit) is the put. Dropped before that, nothing has happened.
    ///
    /// Until then this end of the queue is taken: the puts of all other threads and processes wait, and those with a limit
    /// give up in time. So prepare what can be prepared before, and put nothing else to this queue from the same thread. A
    /// process that dies meanwhile has put nothing, and the next one to put notices within some ten milliseconds; one
    /// that is stopped keeps the others waiting.
    ///
    /// ```
    /// use std::io::{Read, Write};
    ///
    /// use descriptor_core::{QueueId, Wait};
    /// use queue_shm::{ShmQueue, ShmSpec};
    ///
    /// let queue = ShmQueue::open(&QueueId::generated("docs"), &ShmSpec::bounded(8))?;
    /// let mut room = queue.reserve(64, Wait::Forever)?;
    /// write!(room, "{} apples", 3)?;
    /// room.commit();
    ///
    /// let mut text = String::new();
    /// let mut view = queue.view(Wait::Forever)?;
    /// view.read_to_string(&mut text)?;
    /// view.remove();
    /// assert_eq!(text, "3 apples");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// `Full` when the wait ended without room, `Closed`; `Failed` with `TooLarge` for more than `max_item`, and with
    /// `StaleHandle` as every put.
    #[doc(alias = "loan")]
    pub fn reserve(&self, len: usize, wait: Wait) -> Result<Reservation<'_>, PutError<()>> {
        let segment = &*self.segment;
        segment.check("put").map_err(|error| PutError::Failed((), error))?;
        let limit = usize::try_from(segment.header.max_item).unwrap_or(usize::MAX);
        if len > limit {
            return Err(PutError::Failed((), self.named(too_large(len, limit))));
        }
        let bytes = record_bytes(len);
        let attempt = || {
            let Ok(held) = segment.putters(wait) else { return None };
            match held.room((1, bytes), std::iter::once(bytes)) {
                Ok(_) => {
                    held.begin_writing(bytes, 1);
                    Some(Ok(Reservation {
                        place: At::Ring(held.tail().position()).after(RECORD),
                        held: Some(held),
                        len,
                        written: 0,
                        sum: Some(Sum::of_item(len)),
                    }))
                }
                Err(refusal) => {
                    drop(held);
                    segment.was_refused(refusal);
                    (refusal != Refusal::Full).then_some(Err(refusal))
                }
            }
        };
        segment
            .persist(ROOM, wait, attempt)
            .unwrap_or(Err(Refusal::Full))
            .map_err(|refusal| Self::refuse(refusal, ()))
    }
}

/// Room for one item in the ring of a [`ShmQueue`], to be written and committed. See [`ShmQueue::reserve`].
///
/// It is written through [`io::Write`]: what is written is the item, and at most as much as was reserved.
#[must_use = "nothing is put until it is committed"]
pub struct Reservation<'a> {
    // `None` once committed.
    held: Option<Held<'a>>,
    // Of the first byte of the item.
    place: At,
    len: usize,
    written: usize,
    // Of what is written so far; `None` where none is wanted.
    sum: Option<Sum>,
}

impl Reservation<'_> {
    /// Bytes that can still be written.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.len - self.written
    }

    /// Puts the item without a checksum, a second look at each of its bytes. Nobody notices then when
    /// somebody who breaks the rules changes it in the memory. For the whole item, whenever it is called.
    pub const fn without_checksum(mut self) -> Self {
        self.sum = None;
        self
    }

    /// The bytes that are left, to be written in place: their content is what was there before. Say with
    /// [`advance`](Self::advance) how many of them belong to the item.
    ///
    /// # Safety
    /// Nobody else may touch these bytes while they are borrowed. That is so as long as every process that has the queue
    /// open reaches its memory through this library alone; where that cannot be said of them, use [`io::Write`], which
    /// is sound whatever they do.
    pub unsafe fn spare(&mut self) -> &mut [u8] {
        match &self.held {
            // SAFETY: room that was reserved under the lock that is held as long as `self` is borrowed, so that nobody who
            // keeps to the rules has any business there; the caller answers for the others.
            // Leaned on by `what_is_written_in_place_is_put`.
            Some(held) => unsafe { held.segment.map.slice_mut(self.place.after(self.written), self.left()) },
            None => &mut [],
        }
    }

    /// So many bytes more belong to the item, at most as many as are left.
    pub fn advance(&mut self, count: usize) {
        let count = count.min(self.left());
        if let (Some(sum), Some(held)) = (&mut self.sum, &self.held) {
            held.segment.sum(self.place.after(self.written), count, sum);
        }
        self.written += count;
    }

    /// Puts the item: the bytes written so far.
    pub fn commit(mut self) {
        let Some(held) = self.held.take() else { return };
        let front = match self.sum {
            None => Front::unchecked(self.written),
            Some(sum) if self.written == self.len => sum.front(self.len),
            Some(_) => {
                // The checksum began with another length.
                let mut sum = Sum::of_item(self.written);
                held.segment.sum(self.place, self.written, &mut sum);
                sum.front(self.written)
            }
        };
        let word = held.segment.map.ring_word(held.tail().position());
        let next = held.begin_writing(record_bytes(self.written), 1);
        word.store(front.to_word(), Ordering::Relaxed);
        point::reach("put.written");
        held.publish(next);
        let segment = held.segment;
        drop(held);
        segment.announce_items(1);
    }
}

impl io::Write for Reservation<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = bytes.get(..self.left()).unwrap_or(bytes);
        if let Some(held) = &self.held {
            held.segment.map.put(self.place.after(self.written), bytes);
            if let Some(sum) = &mut self.sum {
                sum.add(bytes);
            }
            self.written += bytes.len();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let segment = held.segment;
        segment.map.u64(WRITING).store(0, Ordering::Relaxed);
        drop(held);
        if segment.is_closed() {
            // Who asked whether the closed queue is drained was told to wait for this put.
            segment.ring(ITEMS, usize::MAX);
        }
        // Whoever was woken for this room found the lock taken; it is theirs again.
        segment.ring(ROOM, 1);
    }
}

impl fmt::Debug for Reservation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("len", &self.len)
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}
