//! The side of the putters: records go into the ring, then one word makes them visible.

use std::sync::atomic::Ordering;

use descriptor_core::Wait;

use crate::cursor::{Cursor, total_at};
use crate::layout::{AWAY, HEAD, ITEMS, PUT_TOTAL, PUTTERS, RECORD, SEEN_AWAY, SEEN_HEAD, STAGE, TAIL, TORN, WRITING};
use crate::lock::Held;
use crate::map::At;
use crate::point;
use crate::record::Front;
use crate::segment::Segment;

/// How many records, and the bytes they take.
pub(crate) type Amount = (usize, usize);

/// Why records were not put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Full,
    Closed,
}

impl Segment {
    /// The side of the putters.
    ///
    /// # Errors
    /// `Full` when somebody else is at work and the wait is over.
    #[inline]
    pub(crate) fn putters(&self, wait: Wait) -> Result<Held<'_>, Refusal> {
        self.lock(PUTTERS, wait).ok_or(Refusal::Full)
    }

    /// After a refusal: who asked whether a closed queue is drained while we held the lock was told to wait for us.
    #[inline]
    pub(crate) fn was_refused(&self, refusal: Refusal) {
        if refusal == Refusal::Closed {
            self.ring(ITEMS, usize::MAX);
        }
    }

    /// Puts one item, if there is room now.
    ///
    /// # Errors
    /// `Full`, `Closed`.
    #[inline]
    pub(crate) fn put(&self, front: Front, item: &[u8], wait: Wait) -> Result<(), Refusal> {
        self.put_run(wait, std::iter::once((front, item))).map(drop)
    }

    /// Puts as many of these items as there is room for, at least one, and says how many.
    ///
    /// # Errors
    /// `Full`, `Closed`.
    #[inline]
    pub(crate) fn put_run<'a>(
        &self,
        wait: Wait,
        items: impl ExactSizeIterator<Item = (Front, &'a [u8])> + Clone,
    ) -> Result<usize, Refusal> {
        let sizes = items.clone().map(|(front, _)| front.record_bytes());
        let all = (items.len(), sizes.clone().sum());
        let held = self.putters(wait)?;
        match held.room(all, sizes) {
            Ok((count, bytes)) => {
                held.write(bytes, items.take(count));
                drop(held);
                self.announce_items(count);
                Ok(count)
            }
            Err(refusal) => {
                drop(held);
                self.was_refused(refusal);
                Err(refusal)
            }
        }
    }

    /// Tells those who wait for items.
    #[inline]
    pub(crate) fn announce_items(&self, count: usize) {
        self.ring(ITEMS, count);
        point::reach("put.rung");
    }
}

impl Held<'_> {
    /// How many of the records of `sizes` fit, and the bytes they take together; `all` is that of all of them.
    ///
    /// # Errors
    /// `Closed`, or `Full` when not even the first one fits.
    #[inline]
    pub(crate) fn room(&self, all: Amount, sizes: impl Iterator<Item = usize>) -> Result<Amount, Refusal> {
        let map = &self.segment.map;
        if map.u32(STAGE).load(Ordering::Acquire) != 0 {
            return Err(Refusal::Closed);
        }
        // What was seen last is enough while it says that there is room: room only grows behind our back.
        let head = Cursor(map.u64(SEEN_HEAD).load(Ordering::Relaxed));
        let away = Cursor(map.u64(SEEN_AWAY).load(Ordering::Relaxed));
        let (items, bytes) = self.left(head, away);
        if all.0 <= items && all.1 <= bytes {
            return Ok(all);
        }
        // The head first: an item that is lent in between is then counted twice and not left out.
        let head = Cursor(map.u64(HEAD).load(Ordering::Acquire));
        let away = Cursor(map.u64(AWAY).load(Ordering::Acquire));
        map.u64(SEEN_HEAD).store(head.0, Ordering::Relaxed);
        map.u64(SEEN_AWAY).store(away.0, Ordering::Relaxed);
        let (items, bytes) = self.left(head, away);
        let (mut count, mut used) = (0, 0);
        for size in sizes.take(items) {
            if size > bytes - used {
                break;
            }
            used += size;
            count += 1;
        }
        if count == 0 {
            return Err(Refusal::Full);
        }
        Ok((count, used))
    }

    /// Items and bytes that there is room for.
    fn left(&self, head: Cursor, away: Cursor) -> Amount {
        let header = &self.segment.header;
        let (tail, none) = (self.tail(), Cursor::default());
        let items = tail.items_since(head) + away.items_since(none);
        let in_ring = tail.bytes_since(head);
        let bytes = in_ring + away.bytes_since(none);
        let room = header.max_bytes.saturating_sub(bytes);
        let room = room.min(header.ring_bytes.saturating_sub(in_ring));
        (self.segment.capacity.saturating_sub(items) as usize, room as usize)
    }

    /// Where the next record goes.
    pub(crate) fn tail(&self) -> Cursor {
        Cursor(self.segment.map.u64(TAIL).load(Ordering::Relaxed))
    }

    /// Says that records of `bytes` bytes are being written from the tail on.
    #[inline]
    pub(crate) fn begin_writing(&self, bytes: usize, items: usize) -> Cursor {
        let tail = self.tail();
        let next = tail.after(bytes, items);
        let map = &self.segment.map;
        map.u64(WRITING).store(next.0, Ordering::Relaxed);
        point::reach("put.reserved");
        map.expect_to_write(next.position(), bytes);
        next
    }

    /// Writes items and their fronts, which take `bytes` and for which there is room, and makes them visible.
    #[inline]
    pub(crate) fn write<'a>(&self, bytes: usize, items: impl ExactSizeIterator<Item = (Front, &'a [u8])>) {
        let map = &self.segment.map;
        let mut position = self.tail().position();
        let next = self.begin_writing(bytes, items.len());
        if point::planted("early-publish") {
            map.u64(TAIL).store(next.0, Ordering::Release);
        }
        for (front, item) in items {
            map.ring_word(position).store(front.to_word(), Ordering::Relaxed);
            point::reach("put.half");
            map.put(At::Ring(position).after(RECORD), item);
            position += front.record_bytes() as u64;
        }
        point::reach("put.written");
        self.publish(next);
    }

    /// The same for records that are one after the other.
    #[inline]
    pub(crate) fn write_records(&self, records: &[u8], items: usize) {
        let position = self.tail().position();
        let next = self.begin_writing(records.len(), items);
        let (half, rest) = records.split_at(if cfg!(feature = "kill-points") {
            records.len() / 2
        } else {
            0
        });
        self.segment.map.put(At::Ring(position), half);
        point::reach("put.half");
        self.segment.map.put(At::Ring(position).after(half.len()), rest);
        point::reach("put.written");
        self.publish(next);
    }

    /// Makes everything before `next` visible.
    #[inline]
    pub(crate) fn publish(&self, next: Cursor) {
        let map = &self.segment.map;
        map.u64(TAIL).store(next.0, Ordering::Release);
        point::reach("put.published");
        let total = map.u64(PUT_TOTAL);
        total.store(total_at(next, total.load(Ordering::Relaxed)), Ordering::Relaxed);
        map.u64(WRITING).store(0, Ordering::Relaxed);
    }

    /// After the holder died: what it had not made visible is not there.
    pub(crate) fn repair_put(&self) {
        let map = &self.segment.map;
        let tail = self.tail();
        let writing = map.u64(WRITING).load(Ordering::Relaxed);
        if writing != 0 && writing != tail.0 {
            map.u64(TORN).fetch_add(1, Ordering::Relaxed);
        }
        let total = map.u64(PUT_TOTAL);
        total.store(total_at(tail, total.load(Ordering::Relaxed)), Ordering::Relaxed);
        map.u64(WRITING).store(0, Ordering::Relaxed);
        point::reach("repair.put");
        // The dead one may have made items visible and told nobody.
        self.segment.ring(ITEMS, usize::MAX);
    }
}
