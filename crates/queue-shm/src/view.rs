//! Reading bytes where they are: the item stays in the ring, and in the queue, until it is removed.

use std::fmt;
use std::io;

use bytes::Bytes;
use descriptor_core::{Error, GetError, Wait};

use crate::ShmQueue;
use crate::cursor::Cursor;
use crate::layout::{ITEMS, RECORD, record_bytes};
use crate::lock::Held;
use crate::map::At;
use crate::point;
use crate::record::{Front, Sum};
use crate::segment::Segment;

/// Bytes that are copied at once to be summed: they stay in the nearest cache.
const PIECE: usize = 4096;

impl Segment {
    /// Adds bytes of the segment to a checksum. Through a copy of ours, as others may change them at any moment.
    pub(crate) fn sum(&self, at: At, len: usize, sum: &mut Sum) {
        let mut piece = [0; PIECE];
        let mut done = 0;
        while done < len {
            let count = PIECE.min(len - done);
            let (piece, _) = piece.split_at_mut(count);
            self.map.copy_out(at.after(done), piece);
            sum.add(piece);
            done += count;
        }
    }
}

impl ShmQueue<Bytes> {
    /// The next item where it lies, waiting for it as `wait` allows.
    ///
    /// [`View::remove`] is the get. Dropped before that, the item stays where it is, for whoever comes next.
    ///
    /// Until then this end of the queue is taken: the gets of all other threads and processes wait, and those with a limit
    /// give up in time. So get nothing else from this queue in the same thread meanwhile. When the process dies, the item is
    /// still there, and the next one to get notices within some ten milliseconds; one that is stopped keeps the others
    /// waiting.
    ///
    /// # Errors
    /// `Empty` when the wait ended without an item, `Closed` once drained; `Failed` as every get: an item that does not
    /// fit its checksum is one error, and gone.
    #[doc(alias = "peek")]
    pub fn view(&self, wait: Wait) -> Result<View<'_>, GetError> {
        self.admit()?;
        let attempt = || self.view_now(wait).transpose();
        self.segment
            .persist(ITEMS, wait, attempt)
            .unwrap_or(Err(GetError::Empty))
    }

    fn view_now(&self, wait: Wait) -> Result<Option<View<'_>>, GetError> {
        self.segment.tend();
        let Some(held) = self.segment.getters(wait) else {
            return Ok(None);
        };
        if let Some((index, front)) = held.returned() {
            let place = self.segment.loan_place(index, front);
            return self.checked(held, Source::Loan(index), place, front).map(Some);
        }
        let Some((held, (head, _, bytes))) = held.ahead(1)? else {
            return Ok(None);
        };
        let front = held.front(head, bytes).map_err(GetError::Failed)?;
        let place = At::Ring(head.position()).after(RECORD);
        self.checked(held, Source::Ring(head), place, front).map(Some)
    }

    fn checked<'a>(&'a self, held: Held<'a>, source: Source, place: At, front: Front) -> Result<View<'a>, GetError> {
        let view = View {
            held: Some(held),
            source,
            place,
            front,
            read: 0,
        };
        match view.check() {
            Ok(()) => Ok(view),
            Err(error) => {
                view.remove();
                Err(GetError::Failed(self.named(error)))
            }
        }
    }
}

/// Where an item is taken from.
#[derive(Clone, Copy)]
enum Source {
    Ring(Cursor),
    /// An entry of the table of loans: the item came back.
    Loan(usize),
}

/// The next item of a [`ShmQueue`], where it lies. See [`ShmQueue::view`].
///
/// It is read through [`io::Read`], which copies: once, to where the bytes are wanted. Its checksum was right when the
/// view was made.
#[must_use = "the item stays in the queue until it is removed"]
pub struct View<'a> {
    // `None` once the item is removed.
    held: Option<Held<'a>>,
    source: Source,
    // Of the first byte of the item.
    place: At,
    front: Front,
    read: usize,
}

impl View<'_> {
    /// The bytes of the item, those that were read included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.front.len()
    }

    /// Whether the item has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The item in place, without a copy.
    ///
    /// # Safety
    /// Nobody may change these bytes while they are borrowed. That is so as long as every process that has the queue open
    /// reaches its memory through this library alone; where that cannot be said of them, use [`io::Read`], which is
    /// sound whatever they do.
    #[must_use]
    pub unsafe fn as_slice(&self) -> &[u8] {
        match &self.held {
            // SAFETY: an item whose room is not free as long as the lock is held, and that is as long as `self` is
            // borrowed; the caller answers for those who break the rules. Leaned on by `a_view_shows_the_item_in_place`.
            Some(held) => unsafe { held.segment.map.slice(self.place, self.len()) },
            None => &[],
        }
    }

    /// Takes the item out of the queue.
    pub fn remove(mut self) {
        let Some(held) = self.held.take() else { return };
        match self.source {
            Source::Ring(head) => held.take(head.after(record_bytes(self.len()), 1), 1),
            Source::Loan(index) => held.take_loan(index, self.front),
        }
        let segment = held.segment;
        drop(held);
        segment.announce_room(1);
        segment.finish(1);
    }

    fn check(&self) -> Result<(), Error> {
        let mut sum = Sum::of_item(self.len());
        if let Some(held) = self.held.as_ref().filter(|_| self.front.is_checked()) {
            held.segment.sum(self.place, self.len(), &mut sum);
        }
        point::reach("get.read");
        self.front.check_sum(sum)
    }
}

impl io::Read for View<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = out.len().min(self.len() - self.read);
        let (out, _) = out.split_at_mut(count);
        if let Some(held) = &self.held {
            held.segment.map.copy_out(self.place.after(self.read), out);
        }
        self.read += count;
        Ok(count)
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else { return };
        let segment = held.segment;
        drop(held);
        // The wake-up for this item may have been spent on us.
        segment.ring(ITEMS, 1);
    }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View")
            .field("len", &self.len())
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}
