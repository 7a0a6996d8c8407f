//! The bounded ring: two sides, each with one thread inside at a time.
//!
//! Positions count items since the beginning. The putting side's position is the tail, the getting side's the head;
//! each is written by who is inside and read by the other side. The buffer is a power of two, and the capacity is kept
//! by the distance of the two, so it is exact. Bit 0 of the tail is the closed mark, so that closing and putting are
//! ordered by one word; positions are kept above it.
//!
//! Each side remembers the last position it saw of the other one and looks again only when that is used up, as in the
//! FastForward family of rings (Giacomoni, Moseley and Vachharajani, PPoPP 2008) and in many queues since.

use std::collections::VecDeque;

use crate::side::Side;
use crate::slots::Slots;
use crate::sync::{AtomicUsize, Ordering, Padded, observe, publish};

/// Set in the tail once the ring is closed; positions are kept above it.
const CLOSED: usize = 1;
const ONE: usize = 2;

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

/// What one side writes while somebody is inside.
struct End {
    side: Side,
    // Where this side is. The other side reads a copy of it elsewhere, so that its looks do not slow down ours.
    position: AtomicUsize,
    // How far this side may go without looking at the other one.
    limit: AtomicUsize,
}

pub(crate) struct Ring<T> {
    putting: Padded<End>,
    getting: Padded<End>,
    // The next position to write, and the closed mark.
    tail: Padded<AtomicUsize>,
    // The next position to read, shifted up by one like the tail.
    head: Padded<AtomicUsize>,
    slots: Slots<T>,
    capacity: usize,
}

// SAFETY: items are handed over by value, each to exactly one thread: who is inside the putting side writes a place
// before it releases the tail beyond it, who is inside the getting side reads it after acquiring that tail.
// Leaned on by the lossless clauses and the models.
unsafe impl<T: Send> Send for Ring<T> {}
// SAFETY: as above; no reference to an item is ever shared.
unsafe impl<T: Send> Sync for Ring<T> {}

impl<T> Ring<T> {
    /// A ring for exactly `capacity` items, at least 1; `None` when the memory cannot be had.
    pub(crate) fn new(capacity: usize) -> Option<Self> {
        let capacity = capacity.max(1);
        let end = |limit| {
            Padded(End {
                side: Side::new(),
                position: AtomicUsize::new(0),
                limit: AtomicUsize::new(limit),
            })
        };
        Some(Self {
            putting: end(capacity * ONE),
            getting: end(0),
            tail: Padded(AtomicUsize::new(0)),
            head: Padded(AtomicUsize::new(0)),
            slots: Slots::new(capacity)?,
            capacity,
        })
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Stores `item`, or says why not and leaves it where it is.
    #[inline]
    pub(crate) fn try_put(&self, item: T) -> Result<(), (T, Refused)> {
        let inside = self.putting.side.enter();
        let done = self.put_inside(item);
        drop(inside);
        done
    }

    #[inline]
    fn put_inside(&self, item: T) -> Result<(), (T, Refused)> {
        let tail = self.putting.position.load(Ordering::Relaxed);
        if let Err(why) = self.room(tail) {
            return Err((item, why));
        }
        // SAFETY: inside the putting side, and there is room: the place was emptied before the head we saw.
        unsafe { self.slots.at(tail / ONE).fill(item) };
        self.put_up_to(tail.wrapping_add(ONE));
        Ok(())
    }

    /// Shows the getting side what was put.
    #[inline]
    fn put_up_to(&self, tail: usize) {
        self.putting.position.store(tail, Ordering::Relaxed);
        self.tail.store(tail, publish());
    }

    /// Shows the putting side the room that was made.
    #[inline]
    fn got_up_to(&self, head: usize) {
        self.getting.position.store(head, Ordering::Relaxed);
        self.head.store(head, publish());
    }

    /// How many places are free; for who is inside the putting side.
    #[inline]
    fn room(&self, tail: usize) -> Result<usize, Refused> {
        let limit = self.putting.limit.load(Ordering::Relaxed);
        if tail == limit {
            return self.look_for_room(tail);
        }
        Ok(limit.wrapping_sub(tail) / ONE)
    }

    fn look_for_room(&self, tail: usize) -> Result<usize, Refused> {
        if tail & CLOSED != 0 {
            return Err(Refused::Closed);
        }
        let limit = self.head.load(observe()).wrapping_add(self.capacity * ONE);
        self.putting.limit.store(limit, Ordering::Relaxed);
        match limit.wrapping_sub(tail) / ONE {
            0 => Err(Refused::Full),
            room => Ok(room),
        }
    }

    /// Takes the oldest item.
    #[inline]
    pub(crate) fn try_get(&self) -> Result<T, Nothing> {
        let inside = self.getting.side.enter();
        let done = self.get_inside();
        drop(inside);
        done
    }

    #[inline]
    fn get_inside(&self) -> Result<T, Nothing> {
        let head = self.getting.position.load(Ordering::Relaxed);
        self.ready(head)?;
        // SAFETY: inside the getting side, and the tail we saw is beyond this place.
        let item = unsafe { self.slots.at(head / ONE).empty_out() };
        self.got_up_to(head.wrapping_add(ONE));
        Ok(item)
    }

    /// How many items are there; for who is inside the getting side.
    #[inline]
    fn ready(&self, head: usize) -> Result<usize, Nothing> {
        let mut limit = self.getting.limit.load(Ordering::Relaxed);
        if head == limit {
            let tail = self.tail.load(observe());
            limit = tail & !CLOSED;
            if head == limit {
                return Err(if tail & CLOSED != 0 { Nothing::Drained } else { Nothing::Empty });
            }
            self.getting.limit.store(limit, Ordering::Relaxed);
        }
        Ok(limit.wrapping_sub(head) / ONE)
    }

    /// Stores from the front of `items` as many as fit.
    pub(crate) fn try_put_run(&self, items: &mut VecDeque<T>) -> Result<usize, Refused> {
        let _inside = self.putting.side.enter();
        let tail = self.putting.position.load(Ordering::Relaxed);
        let mut room = self.room(tail)?;
        if room < items.len() {
            room = self.look_for_room(tail)?;
        }
        let count = room.min(items.len());
        for (offset, item) in items.drain(..count).enumerate() {
            // SAFETY: as in `put_inside`; there is room for `count`.
            unsafe { self.slots.at(tail / ONE + offset).fill(item) };
        }
        self.put_up_to(tail.wrapping_add(count * ONE));
        Ok(count)
    }

    /// Appends to `out` up to `max` of the oldest items.
    pub(crate) fn try_get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, Nothing> {
        loop {
            let inside = self.getting.side.enter();
            let head = self.getting.position.load(Ordering::Relaxed);
            let mut ready = self.ready(head)?;
            if ready < max {
                self.getting.limit.store(head, Ordering::Relaxed);
                ready = self.ready(head)?;
            }
            let count = ready.min(max);
            if out.capacity() - out.len() < count {
                // Allocating may fail or run code of others, so not inside.
                drop(inside);
                out.reserve(count);
                continue;
            }
            for offset in 0..count {
                // SAFETY: as in `get_inside`; there are `count` items. There is room in `out`, so nothing is allocated
                // and nothing unwinds before the head moves on.
                out.push(unsafe { self.slots.at(head / ONE + offset).empty_out() });
            }
            self.got_up_to(head.wrapping_add(count * ONE));
            return Ok(count);
        }
    }

    /// True when it was still open.
    pub(crate) fn close(&self) -> bool {
        let _inside = self.putting.side.enter();
        let tail = self.putting.position.load(Ordering::Relaxed);
        self.putting.position.store(tail | CLOSED, Ordering::Relaxed);
        self.tail.store(tail | CLOSED, Ordering::SeqCst);
        // So that the next put looks.
        self.putting.limit.store(tail | CLOSED, Ordering::Relaxed);
        tail & CLOSED == 0
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.tail.load(Ordering::SeqCst) & CLOSED != 0
    }

    /// Items put and items taken since the ring was made.
    pub(crate) fn totals(&self) -> (u64, u64) {
        // Read between two equal tails, the head belongs to the same moment.
        let mut tail = self.tail.load(Ordering::SeqCst);
        loop {
            let head = self.head.load(Ordering::SeqCst);
            let again = self.tail.load(Ordering::SeqCst);
            if again == tail {
                return ((tail / ONE) as u64, (head / ONE) as u64);
            }
            tail = again;
        }
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
