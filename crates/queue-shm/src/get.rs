//! The side of the getters: an item is copied out, then one word makes its room free.

use std::sync::atomic::Ordering;

use descriptor_core::{Error, ErrorKind, GetError, Wait};

use crate::cursor::{Cursor, total_at};
use crate::layout::{
    DAMAGED, FINISHED, GET_TOTAL, GETTERS, HEAD, ITEMS, PUTTERS, RECORD, ROOM, SEEN_TAIL, STAGE, TAIL, TAKEN,
    TAKEN_NEXT, TAKING, record_bytes,
};
use crate::lock::Held;
use crate::map::At;
use crate::participant::{self, NOT_NAME, Name};
use crate::point;
use crate::record::Front;
use crate::segment::Segment;

/// The most bytes copied out at once for a batch.
const BATCH_BYTES: u64 = 256 * 1024;
/// Where the next item is, and how many items and bytes there are from it on.
type Ahead = (Cursor, u64, u64);
/// Of a word.
const LOWER_HALF: u64 = u32::MAX as u64;

impl Segment {
    /// The side of the getters; `None` when somebody else is at work and the wait is over.
    #[inline]
    pub(crate) fn getters(&self, wait: Wait) -> Option<Held<'_>> {
        self.lock(GETTERS, wait)
    }

    /// Tells those who wait for room, and when the last item of a closed queue is gone, those who wait for items.
    #[inline]
    pub(crate) fn announce_room(&self, count: usize) {
        self.ring(ROOM, count);
        if self.is_closed() {
            // The last item of a closed queue is gone: the other getters must learn that nothing more will come.
            self.ring(ITEMS, usize::MAX);
        }
        point::reach("get.rung");
    }

    /// True when the next item, if there is one, was not seen yet.
    #[inline]
    pub(crate) fn has_seen_none(&self) -> bool {
        self.map.u64(SEEN_TAIL).load(Ordering::Relaxed) == self.map.u64(HEAD).load(Ordering::Relaxed)
    }

    /// The call that took `count` items is about to return them.
    #[inline]
    pub(crate) fn finish(&self, count: usize) {
        self.map
            .u64(participant::at(self.index, FINISHED))
            .fetch_add(count as u64, Ordering::Relaxed);
    }

    /// True when the queue is closed, nothing is inside, and no put is in the middle of adding to it.
    pub(crate) fn is_drained(&self) -> bool {
        if self.map.u32(STAGE).load(Ordering::Acquire) == 0 {
            return false;
        }
        // A put that found the queue open is done when its lock is free, and the next one finds it closed. One that is still at
        // work wakes those who wait when it is done, whatever came of it.
        let word = self.map.u32(PUTTERS.lock);
        let holder = word.fetch_or(0, Ordering::AcqRel);
        if holder != 0 {
            self.release_dead(Name(holder & !NOT_NAME), PUTTERS);
        }
        word.fetch_or(0, Ordering::AcqRel) == 0 && self.depth() == 0
    }
}

impl Held<'_> {
    /// Where the next item is, and how many items and bytes there are from it on: all of them, or at least `max`. `None` when
    /// there is none.
    ///
    /// # Errors
    /// `Corrupt` when the two ends of the ring contradict each other. What was inside is given up.
    #[inline]
    pub(crate) fn next(&self, max: usize) -> Result<Option<Ahead>, Error> {
        let map = &self.segment.map;
        let head = Cursor(map.u64(HEAD).load(Ordering::Relaxed));
        let mut tail = Cursor(map.u64(SEEN_TAIL).load(Ordering::Relaxed));
        // What was seen last is enough for as many: more only comes behind it.
        if tail.items_since(head) < max as u64 {
            tail = Cursor(map.u64(TAIL).load(Ordering::Acquire));
            if head == tail {
                return Ok(None);
            }
            map.u64(SEEN_TAIL).store(tail.0, Ordering::Relaxed);
        }
        let (items, bytes) = (tail.items_since(head), tail.bytes_since(head));
        if items == 0 || items > self.segment.capacity || bytes > self.segment.header.ring_bytes {
            return Err(self.give_up(head, "as many items and bytes as the ring can hold"));
        }
        Ok(Some((head, items, bytes)))
    }

    /// As [`next`](Self::next), for a call that hands items out: `None` when there is none yet.
    ///
    /// # Errors
    /// `Closed` when none will come any more, and what `next` says.
    #[inline]
    pub(crate) fn ahead(self, max: usize) -> Result<Option<(Self, Ahead)>, GetError> {
        match self.next(max) {
            Ok(Some(next)) => Ok(Some((self, next))),
            Ok(None) => {
                let segment = self.segment;
                drop(self);
                if segment.is_drained() {
                    return Err(GetError::Closed);
                }
                Ok(None)
            }
            Err(error) => Err(GetError::Failed(error)),
        }
    }

    /// The front of the record at `head`, of which `bytes` can be there.
    ///
    /// # Errors
    /// `Corrupt` when it cannot be one. What was inside is given up, because nobody knows where the next one begins.
    #[inline]
    pub(crate) fn front(&self, head: Cursor, bytes: u64) -> Result<Front, Error> {
        let front = Front::from_word(self.segment.map.ring_word(head.position()).load(Ordering::Relaxed));
        let len = front.len();
        if len as u64 > self.segment.header.max_item || record_bytes(len) as u64 > bytes {
            return Err(self.give_up(head, "an item within the limits of the queue"));
        }
        Ok(front)
    }

    /// Copies the item at `head` to the end of `out`.
    #[inline]
    pub(crate) fn copy_item(&self, head: Cursor, front: Front, out: &mut Vec<u8>) {
        let at = At::Ring(head.position()).after(RECORD);
        self.segment.map.take(at, front.len(), out);
        point::reach("get.read");
    }

    /// Copies records from `head` on: at least the first one, and not more than can be worth copying for `max` items.
    pub(crate) fn copy_records(
        &self,
        head: Cursor,
        (items, bytes): (u64, u64),
        max: usize,
        first: usize,
        out: &mut Vec<u8>,
    ) {
        // By the mean size: when those in front are larger, fewer are taken this time.
        let wanted = if max as u64 >= items {
            bytes
        } else {
            (bytes / items + 8).saturating_mul(max as u64)
        };
        let len = wanted.min(BATCH_BYTES).max(first as u64).min(bytes);
        self.segment.map.take(At::Ring(head.position()), len as usize, out);
        point::reach("get.read");
    }

    /// Everything before `next` is taken.
    #[inline]
    pub(crate) fn take(&self, next: Cursor, items: usize) {
        let map = &self.segment.map;
        let taken = map.u64(participant::at(self.segment.index, TAKEN));
        let taken_next = taken.load(Ordering::Relaxed).wrapping_add(items as u64);
        let named = u64::from(self.segment.me.0) << 32 | taken_next & LOWER_HALF;
        map.u64(TAKEN_NEXT).store(named, Ordering::Relaxed);
        map.u64(TAKING).store(next.0, Ordering::Relaxed);
        point::reach("get.marked");
        map.u64(HEAD).store(next.0, Ordering::Release);
        point::reach("get.published");
        taken.store(taken_next, Ordering::Relaxed);
        point::reach("get.counted");
        self.settle(next);
    }

    /// One item was copied, and everything before `next` is taken.
    #[inline]
    pub(crate) fn finish_take(self, next: Cursor) {
        self.take(next, 1);
        let segment = self.segment;
        drop(self);
        segment.announce_room(1);
    }

    pub(crate) fn settle(&self, head: Cursor) {
        let map = &self.segment.map;
        let total = map.u64(GET_TOTAL);
        total.store(total_at(head, total.load(Ordering::Relaxed)), Ordering::Relaxed);
        map.u64(TAKING).store(0, Ordering::Relaxed);
    }

    /// Somebody who breaks the rules wrote into the ring: what is inside cannot be read any more.
    #[cold]
    pub(crate) fn give_up(&self, head: Cursor, expected: &str) -> Error {
        let map = &self.segment.map;
        let tail = Cursor(map.u64(TAIL).load(Ordering::Acquire));
        let lost = tail.items_since(head);
        map.u64(DAMAGED).fetch_add(lost, Ordering::Relaxed);
        map.u64(SEEN_TAIL).store(tail.0, Ordering::Relaxed);
        map.u64(HEAD).store(tail.0, Ordering::Release);
        self.settle(tail);
        self.segment
            .error(ErrorKind::Corrupt, "get")
            .expected(expected)
            .found("other numbers")
            .with("items_given_up", lost)
            .remedy("see who else writes to the segment; the queue goes on empty")
    }

    /// After the holder died: an item whose room was made free is taken, and who said so before took it. That is not
    /// always the one who held the lock last: that one may have died while it was here.
    pub(crate) fn repair_get(&self) {
        let map = &self.segment.map;
        if point::planted("repair-drops") {
            map.u64(HEAD)
                .store(map.u64(TAIL).load(Ordering::Relaxed), Ordering::Relaxed);
        }
        let head = Cursor(map.u64(HEAD).load(Ordering::Relaxed));
        let taking = map.u64(TAKING).load(Ordering::Relaxed);
        let taken_next = map.u64(TAKEN_NEXT).load(Ordering::Relaxed);
        let taker = Name((taken_next >> 32) as u32);
        if taking != 0
            && taking == head.0
            && let Some(index) = taker.index()
            && participant::name_of(map, index) == Some(taker)
        {
            let taken = map.u64(participant::at(index, TAKEN));
            let before = taken.load(Ordering::Relaxed);
            let more = taken_next.wrapping_sub(before) & LOWER_HALF;
            taken.store(before.wrapping_add(more), Ordering::Relaxed);
        }
        self.repair_loans();
        self.settle(head);
        point::reach("repair.get");
        self.segment.ring(ROOM, usize::MAX);
    }
}
