//! The bounded ring: any number of producers and consumers, one compare-and-swap per operation or batch.
//!
//! After Dmitry Vyukov's bounded MPMC queue (1024cores.net), with three changes: stamps count laps and not positions,
//! so that a slot tells "written in this lap" from "free in the next" even at capacity 1 and fresh memory is all
//! zeroes; the capacity is exact and need not be a power of two; and the tail carries the closed mark, so that closing
//! and claiming a slot are ordered by one word.
//!
//! A *position* is `lap | index << 1`, where laps count in steps of `one_lap`, a power of two above every `index << 1`.
//! Bit 0 is the closed mark in the tail and 0 in the head. The stamp of a slot is `lap` while it is free in that lap and
//! `lap | 1` while it holds that lap's item. All of it wraps around together.
//!
//! A position is claimed before its slot is written, so a put that stalls in between holds back the finished ones behind
//! it, and likewise a get. Nobody waits for the stalled one here: it counts as "nothing there" or "no room", and when it
//! is done its own announcement follows. Whoever was woken by that passes on what else there is: see
//! `queue_core::try_queue`.

use std::collections::VecDeque;

use crate::slots::Slots;
use crate::sync::{AtomicUsize, Ordering, Padded, look_again, observe, planted, publish, spin_loop};

/// Set in the tail once the ring is closed; positions are kept above it.
const CLOSED: usize = 1;

/// Why nothing was put.
pub(crate) enum Refused {
    Full,
    Closed,
}

/// Why nothing was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nothing {
    Empty,
    Drained,
}

pub(crate) struct Ring<T> {
    // The next position to read, shifted up by one like the tail.
    head: Padded<AtomicUsize>,
    // The next position to write, and the closed mark.
    tail: Padded<AtomicUsize>,
    slots: Slots<T>,
    one_lap: usize,
}

// SAFETY: items are handed over by value, each to exactly one thread: a slot's item is touched only between the
// compare-and-swap that claims its position and the release of its stamp. Leaned on by the lossless clauses.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; no reference to an item is ever shared.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// A ring of exactly `capacity` slots, at least 1; `None` when the memory cannot be had.
    pub(crate) fn new(capacity: usize) -> Option<Self> {
        let capacity = capacity.max(1);
        // Indices take the bits from 1 up; a spare one keeps laps apart even at capacity 1.
        let one_lap = capacity.checked_next_power_of_two()?.checked_mul(4)?;
        Some(Self {
            head: Padded(AtomicUsize::new(0)),
            tail: Padded(AtomicUsize::new(0)),
            slots: Slots::new(capacity)?,
            one_lap,
        })
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    const fn split(&self, position: usize) -> (usize, usize) {
        let low = position & (self.one_lap - 1);
        (position - low, low >> 1)
    }

    /// The position `count` further on; never more than up to the end of the lap.
    #[inline]
    const fn advance(&self, lap: usize, index: usize, count: usize) -> usize {
        let next = index + count;
        if next < self.slots.len() {
            lap | next << 1
        } else {
            self.next(lap)
        }
    }

    #[inline]
    const fn next(&self, lap: usize) -> usize {
        lap.wrapping_add(self.one_lap)
    }

    #[inline]
    const fn previous(&self, lap: usize) -> usize {
        lap.wrapping_sub(self.one_lap)
    }

    /// True when the slot is still in the hands of the lap before: it holds that lap's item, or that lap's put is yet to
    /// write it.
    #[inline]
    const fn is_taken(&self, stamp: usize, lap: usize) -> bool {
        stamp | 1 == self.previous(lap) | 1
    }

    /// True when nothing can be taken: this lap's item is not written yet, or the slot is still being read by the lap
    /// before.
    #[inline]
    const fn is_vacant(&self, stamp: usize, lap: usize) -> bool {
        stamp == lap || stamp == self.previous(lap) | 1
    }

    /// Why there is nothing at `head`. With the tail there too and closed, nothing ever will be.
    fn nothing(&self, head: usize) -> Nothing {
        let tail = self.tail.load(Ordering::SeqCst);
        if tail == head | CLOSED || planted("drained-in-flight") && tail & CLOSED != 0 {
            Nothing::Drained
        } else {
            Nothing::Empty
        }
    }

    /// Stores `item`, or says why not and leaves it where it is.
    #[inline]
    pub(crate) fn try_put(&self, item: T) -> Result<(), (T, Refused)> {
        let mut tail = self.tail.load(Ordering::Relaxed);
        loop {
            if tail & CLOSED != 0 {
                return Err((item, Refused::Closed));
            }
            let (lap, index) = self.split(tail);
            // SAFETY: the index part of a position is always less than the capacity (`advance` wraps it).
            // Leaned on by the capacity clauses of the conformance kit.
            let slot = unsafe { self.slots.at(index) };
            let stamp = slot.stamp.load(observe());
            if stamp == lap {
                let next = self.advance(lap, index, 1);
                match self
                    .tail
                    .compare_exchange_weak(tail, next, Ordering::SeqCst, Ordering::Relaxed)
                {
                    Ok(_) => {
                        // SAFETY: winning the position makes this thread the only one to touch the item until the
                        // stamp is released; the slot is empty, as its stamp said. Leaned on by the lossless clauses.
                        unsafe { slot.item.fill(item) };
                        slot.stamp.store(lap | 1, publish());
                        return Ok(());
                    }
                    Err(current) => {
                        tail = current;
                        spin_loop();
                    }
                }
            } else if self.is_taken(stamp, lap) {
                return Err((item, Refused::Full));
            } else {
                // Somebody else was here since we read the tail.
                look_again();
                tail = self.tail.load(Ordering::Relaxed);
            }
        }
    }

    /// Takes the oldest item.
    #[inline]
    pub(crate) fn try_get(&self) -> Result<T, Nothing> {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let (lap, index) = self.split(head);
            // SAFETY: as in `try_put`.
            let slot = unsafe { self.slots.at(index) };
            let stamp = slot.stamp.load(observe());
            if stamp == lap | 1 {
                let next = self.advance(lap, index, 1);
                match self
                    .head
                    .compare_exchange_weak(head, next, Ordering::SeqCst, Ordering::Relaxed)
                {
                    Ok(_) => {
                        // SAFETY: winning the position makes this thread the only reader; the stamp said that the
                        // item is written, and acquiring it made the write visible. Leaned on by the lossless clauses.
                        let item = unsafe { slot.item.empty_out() };
                        slot.stamp.store(self.next(lap), publish());
                        return Ok(item);
                    }
                    Err(current) => {
                        head = current;
                        spin_loop();
                    }
                }
            } else if self.is_vacant(stamp, lap) {
                return Err(self.nothing(head));
            } else {
                look_again();
                head = self.head.load(Ordering::Relaxed);
            }
        }
    }

    /// Stores from the front of `items` as many as fit without going around, with one claim.
    pub(crate) fn try_put_run(&self, items: &mut VecDeque<T>) -> Result<usize, Refused> {
        let mut tail = self.tail.load(Ordering::Relaxed);
        loop {
            if tail & CLOSED != 0 {
                return Err(Refused::Closed);
            }
            let (lap, index) = self.split(tail);
            let most = items.len().min(self.slots.len() - index);
            let ready = self.run_of(lap, index, most);
            if ready == 0 {
                // SAFETY: as in `try_put`.
                let stamp = unsafe { self.slots.at(index) }.stamp.load(observe());
                if self.is_taken(stamp, lap) {
                    return Err(Refused::Full);
                }
                look_again();
                tail = self.tail.load(Ordering::Relaxed);
                continue;
            }
            let next = self.advance(lap, index, ready);
            if let Err(current) = self
                .tail
                .compare_exchange_weak(tail, next, Ordering::SeqCst, Ordering::Relaxed)
            {
                tail = current;
                spin_loop();
                continue;
            }
            for (offset, item) in items.drain(..ready).enumerate() {
                // SAFETY: `index + offset` is less than the capacity, as `most` was cut to it, and the claim covers
                // all `ready` slots, which were free before it and can have been taken by nobody else since.
                // Leaned on by the batch clauses of the conformance kit.
                unsafe {
                    let slot = self.slots.at(index + offset);
                    slot.item.fill(item);
                    slot.stamp.store(lap | 1, publish());
                }
            }
            return Ok(ready);
        }
    }

    /// Appends to `out` up to `max` of the oldest items without going around, with one claim.
    pub(crate) fn try_get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, Nothing> {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let (lap, index) = self.split(head);
            let most = max.min(self.slots.len() - index);
            let ready = self.run_of(lap | 1, index, most);
            if ready == 0 {
                // SAFETY: as in `try_put`.
                let stamp = unsafe { self.slots.at(index) }.stamp.load(observe());
                if self.is_vacant(stamp, lap) {
                    return Err(self.nothing(head));
                }
                look_again();
                head = self.head.load(Ordering::Relaxed);
                continue;
            }
            // Before the claim: making room may fail, and a claimed item must not be lost.
            out.reserve(ready);
            let next = self.advance(lap, index, ready);
            if let Err(current) = self
                .head
                .compare_exchange_weak(head, next, Ordering::SeqCst, Ordering::Relaxed)
            {
                head = current;
                spin_loop();
                continue;
            }
            for offset in 0..ready {
                // SAFETY: as in `try_put_run`: the claim covers all `ready` slots, each of which held this lap's item.
                unsafe {
                    let slot = self.slots.at(index + offset);
                    out.push(slot.item.empty_out());
                    slot.stamp.store(self.next(lap), publish());
                }
            }
            return Ok(ready);
        }
    }

    /// How many slots from `index` on carry `stamp`, at most `most`.
    #[inline]
    fn run_of(&self, stamp: usize, index: usize, most: usize) -> usize {
        (0..most)
            // SAFETY: callers cut `most` so that `index + most` does not exceed the capacity.
            .take_while(|offset| unsafe { self.slots.at(index + offset) }.stamp.load(observe()) == stamp)
            .count()
    }

    /// True when it was still open.
    pub(crate) fn close(&self) -> bool {
        self.tail.fetch_or(CLOSED, Ordering::SeqCst) & CLOSED == 0
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.tail.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Items put and items taken since the ring was made.
    pub(crate) fn totals(&self) -> (u64, u64) {
        // Read between two equal tails, the head belongs to the same moment.
        loop {
            let tail = self.tail.load(Ordering::SeqCst);
            let head = self.head.load(Ordering::SeqCst);
            if self.tail.load(Ordering::SeqCst) == tail {
                return (self.count(tail), self.count(head));
            }
            look_again();
        }
    }

    const fn count(&self, position: usize) -> u64 {
        let (lap, index) = self.split(position);
        (lap / self.one_lap) as u64 * self.slots.len() as u64 + index as u64
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        // If dropping one item panics, the guard drops the others while unwinding, as a `Vec` would.
        struct Rest<'a, T>(&'a Ring<T>);
        impl<T> Drop for Rest<'_, T> {
            fn drop(&mut self) {
                while self.0.try_get().is_ok() {}
            }
        }
        let rest = Rest(self);
        while rest.0.try_get().is_ok() {}
    }
}

/// The two halves of a put and a get, for tests that stop between them.
#[cfg(test)]
impl<T> Ring<T> {
    pub(crate) fn claim_put(&self) -> usize {
        let tail = self.tail.load(Ordering::SeqCst);
        let (lap, index) = self.split(tail);
        self.tail.store(self.advance(lap, index, 1), Ordering::SeqCst);
        tail
    }

    pub(crate) fn fill(&self, claim: usize, item: T) {
        let (lap, index) = self.split(claim);
        // SAFETY: as in `try_put`; the test claimed the position.
        unsafe {
            let slot = self.slots.at(index);
            slot.item.fill(item);
            slot.stamp.store(lap | 1, publish());
        }
    }

    fn claim_get(&self) {
        let head = self.head.load(Ordering::SeqCst);
        let (lap, index) = self.split(head);
        self.head.store(self.advance(lap, index, 1), Ordering::SeqCst);
    }

    /// As if this many laps had gone by.
    fn aged(capacity: usize, laps: usize) -> Self {
        let ring = Self::new(capacity).expect("memory");
        let lap = laps.wrapping_mul(ring.one_lap);
        ring.head.store(lap, Ordering::SeqCst);
        ring.tail.store(lap, Ordering::SeqCst);
        for index in 0..capacity {
            // SAFETY: as in `try_put`.
            unsafe { ring.slots.at(index) }.stamp.store(lap, Ordering::SeqCst);
        }
        ring
    }
}

#[cfg(test)]
mod tests {
    use super::{Nothing, Refused, Ring};

    #[test]
    fn a_put_that_stalls_is_no_room_for_the_next_lap() {
        let ring = Ring::new(1).expect("memory");
        ring.claim_put();
        assert!(matches!(ring.try_put(1), Err((1, Refused::Full))));

        let ring = Ring::new(2).expect("memory");
        ring.claim_put();
        assert!(ring.try_put(1).is_ok());
        assert!(matches!(ring.try_put(2), Err((2, Refused::Full))));
        assert!(matches!(ring.try_put_run(&mut [3].into()), Err(Refused::Full)));
        assert_eq!(
            ring.try_get(),
            Err(Nothing::Empty),
            "the finished item waits behind the stalled one"
        );
    }

    #[test]
    fn a_get_that_stalls_leaves_nothing_for_the_next_lap() {
        let ring = Ring::new(1).expect("memory");
        assert!(ring.try_put(1_u8).is_ok());
        ring.claim_get();
        assert_eq!(ring.try_get(), Err(Nothing::Empty));
        assert_eq!(ring.try_get_run(&mut Vec::new(), 1), Err(Nothing::Empty));
        ring.close();
        assert_eq!(ring.try_get(), Err(Nothing::Drained));
        std::mem::forget(ring);
    }

    #[test]
    fn positions_wrap_around() {
        for capacity in [1, 2, 3, 1000] {
            let ring = Ring::aged(capacity, usize::MAX);
            for item in 0..2 * capacity {
                assert!(ring.try_put(item).is_ok());
                assert_eq!(ring.try_get(), Ok(item));
            }
        }
    }
}
