//! Bytes in batches without an allocation for each: one piece of memory for all of them, used again.

use std::fmt;

use bytes::Bytes;
use descriptor_core::{Error, GetError, PutError, Wait};

use crate::ShmQueue;
use crate::format::too_large;
use crate::layout::{ITEMS, ROOM};
use crate::put::Refusal;
use crate::record::{self, Front};

/// Items of a [`ShmQueue`] of `Bytes`, one after the other: to be put together, or got together.
///
/// Between a pack and the memory that processes share, all its items are copied at once, and nothing is allocated once
/// a pack has its size. Made by [`ShmQueue::pack`].
pub struct Pack {
    // Records as in the ring.
    records: Vec<u8>,
    // Where the first one begins that is still here, and how many there are.
    start: usize,
    count: usize,
    limit: usize,
}

impl Pack {
    /// Appends a copy of an item.
    ///
    /// # Errors
    /// `TooLarge` for more than `max_item` of the queue that made the pack.
    #[inline]
    pub fn push(&mut self, item: &[u8]) -> Result<(), Error> {
        if item.len() > self.limit {
            return Err(too_large(item.len(), self.limit));
        }
        if self.count == 0 {
            self.clear();
        }
        record::append(&mut self.records, item);
        self.count += 1;
        Ok(())
    }

    /// How many items there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Removes all items, and keeps their memory.
    pub fn clear(&mut self) {
        self.records.clear();
        (self.start, self.count) = (0, 0);
    }

    /// The items, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.fronts().map(|(_, item)| item)
    }

    /// Takes the first item out.
    #[inline]
    pub fn pop_front(&mut self) -> Option<&[u8]> {
        let left = self.count.checked_sub(1)?;
        let (front, item, _) = record::split(self.records.get(self.start..)?)?;
        self.start += front.record_bytes();
        self.count = left;
        Some(item)
    }

    fn fronts(&self) -> Walk<'_> {
        Walk {
            rest: self.records.get(self.start..).unwrap_or_default(),
            left: self.count,
        }
    }

    /// The first ones are gone.
    fn remove_first(&mut self, count: usize, bytes: usize) {
        self.start += bytes;
        self.count -= count;
        if self.count == 0 {
            self.clear();
        }
    }
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack").field("len", &self.count).finish_non_exhaustive()
    }
}

/// Records, one after the other.
#[derive(Clone)]
struct Walk<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Iterator for Walk<'a> {
    type Item = (Front, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (front, item, rest) = record::split(self.rest)?;
        self.rest = rest;
        Some((front, item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Walk<'_> {}

impl ShmQueue<Bytes> {
    /// An empty pack for items of this queue.
    ///
    /// ```
    /// use descriptor_core::{QueueId, Wait};
    /// use queue_shm::{ShmQueue, ShmSpec};
    ///
    /// let queue = ShmQueue::open(&QueueId::generated("docs"), &ShmSpec::bounded(8))?;
    /// let mut pack = queue.pack();
    /// pack.push(b"three")?;
    /// pack.push(b"apples")?;
    /// assert_eq!(queue.put_pack(&mut pack, Wait::Forever)?, 2);
    ///
    /// queue.get_pack(&mut pack, 64, Wait::Forever)?;
    /// assert!(pack.iter().eq([b"three".as_slice(), b"apples"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn pack(&self) -> Pack {
        Pack {
            records: Vec::new(),
            start: 0,
            count: 0,
            limit: self.limit(),
        }
    }

    /// Puts items from the front of a pack, as many as there is room for, and takes them out of it: as `put_batch` does.
    ///
    /// # Errors
    /// Those of `put_batch`; the items are still in the pack.
    pub fn put_pack(&self, pack: &mut Pack, wait: Wait) -> Result<usize, PutError<()>> {
        if pack.is_empty() {
            return Ok(0);
        }
        let failed = |error| PutError::Failed((), error);
        self.segment.check("put").map_err(failed)?;
        if pack.limit > self.limit() {
            // Made by a queue of larger items.
            if let Some(item) = pack.iter().find(|item| item.len() > self.limit()) {
                return Err(failed(self.named(too_large(item.len(), self.limit()))));
            }
        }
        let attempt = || match self.put_records(pack, wait) {
            Err(Refusal::Full) => None,
            done => Some(done),
        };
        let done = self.segment.persist(ROOM, wait, attempt);
        let (count, bytes) = done
            .unwrap_or(Err(Refusal::Full))
            .map_err(|refusal| Self::refuse(refusal, ()))?;
        pack.remove_first(count, bytes);
        Ok(count)
    }

    fn put_records(&self, pack: &Pack, wait: Wait) -> Result<(usize, usize), Refusal> {
        let all = (pack.count, pack.records.len() - pack.start);
        let held = self.segment.putters(wait)?;
        match held.room(all, pack.fronts().map(|(front, _)| front.record_bytes())) {
            Ok((count, bytes)) => {
                let end = pack.start + bytes;
                held.write_records(pack.records.get(pack.start..end).unwrap_or_default(), count);
                drop(held);
                self.segment.announce_items(count);
                Ok((count, bytes))
            }
            Err(refusal) => {
                drop(held);
                self.segment.was_refused(refusal);
                Err(refusal)
            }
        }
    }

    /// Gets up to `max` items into a pack, in the place of those in it, and says how many: as `get_batch` does.
    ///
    /// # Errors
    /// Those of `get_batch`.
    pub fn get_pack(&self, pack: &mut Pack, max: usize, wait: Wait) -> Result<usize, GetError> {
        pack.clear();
        if max == 0 {
            return Ok(0);
        }
        self.admit()?;
        let attempt = || match self.take_pack(pack, max, wait) {
            Ok(0) => None,
            done => Some(done),
        };
        let done = self.segment.persist(ITEMS, wait, attempt);
        done.unwrap_or(Err(GetError::Empty))
    }

    fn take_pack(&self, pack: &mut Pack, max: usize, wait: Wait) -> Result<usize, GetError> {
        let Some(count) = self.take_records(&mut pack.records, max, wait)? else {
            // Items that came back from a loan are taken one by one.
            let mut items = Vec::new();
            self.take_singly(&mut items, max)?;
            for item in &items {
                record::append(&mut pack.records, item);
            }
            pack.count = items.len();
            return Ok(pack.count);
        };
        if count == 0 {
            return Ok(0);
        }
        pack.count = count;
        if !pack.fronts().all(|(front, item)| front.check(item).is_ok()) {
            self.sort_out(pack);
        }
        self.segment.finish(count);
        self.unless_none(pack.count)
    }

    /// Keeps what fits its checksum.
    #[cold]
    fn sort_out(&self, pack: &mut Pack) {
        let mut good = self.pack();
        for (front, item) in pack.fronts() {
            match front.check(item) {
                Ok(()) => {
                    record::append(&mut good.records, item);
                    good.count += 1;
                }
                Err(error) => self.keep_fault(self.named(error)),
            }
        }
        *pack = good;
    }
}
