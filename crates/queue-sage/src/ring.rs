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

use descriptor_core::{GetError, PutError};

use crate::guard::{Free, Guard, Sole};
use crate::side::Side;
use crate::slots::Slots;
use crate::sync::{AtomicU64, Ordering, Padded, Place, observe, pause_briefly, planted, publish};

/// Set in the tail once the ring is closed; positions are kept above it.
const CLOSED: Position = 1;
const ONE: Position = 2;

/// Items since the beginning, above the closed mark. 63 bits of them last for centuries.
type Position = u64;

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

impl Refused {
    pub(crate) fn of<T>(self, item: T) -> PutError<T> {
        match self {
            Self::Full => PutError::Full(item),
            Self::Closed => PutError::Closed(item),
        }
    }
}

impl From<Nothing> for GetError {
    fn from(nothing: Nothing) -> Self {
        match nothing {
            Nothing::Empty => Self::Empty,
            Nothing::Drained => Self::Closed,
        }
    }
}

/// What one side writes while somebody is inside.
struct End<S> {
    side: S,
    // Where this side is. The other side reads a copy of it elsewhere, so that its looks do not slow down ours.
    position: AtomicU64,
    // How far this side may go without looking at the other one.
    limit: AtomicU64,
    // What the last look at the other side was worth; for the getting side, the last one that found something.
    gain: AtomicU64,
}

impl<S: Guard> End<S> {
    fn new(side: S, limit: Position) -> Self {
        Self {
            side,
            position: AtomicU64::new(0),
            limit: AtomicU64::new(limit),
            gain: AtomicU64::new(0),
        }
    }

    /// Waits until the caller, who uses this side, is alone there.
    #[inline]
    fn enter(&self) -> S::Inside<'_> {
        self.side.enter(|| self.items())
    }

    /// As [`enter`](Self::enter), for somebody else.
    fn intrude(&self) -> S::Inside<'_> {
        self.side.intrude(|| self.items())
    }

    /// How many went by this side, for who is inside.
    fn items(&self) -> u64 {
        self.position.load(Ordering::Relaxed) / ONE
    }

    /// Before a look at the other side. Two threads that follow each other closely fetch the other's position for every
    /// item; a look that gained several last time is worth putting off for a moment, so that it gains many. Where the
    /// last look gained one, as between two threads that answer each other, nothing is put off.
    #[inline]
    fn linger(&self) {
        if self.gain.load(Ordering::Relaxed) > 1 {
            pause_briefly();
        }
    }
}

pub(crate) struct Ring<T, P: Guard = Side, G: Guard = Side> {
    putting: Padded<End<P>>,
    getting: Padded<End<G>>,
    // The next position to write, and the closed mark.
    tail: Padded<AtomicU64>,
    // The next position to read, shifted up by one like the tail.
    head: Padded<AtomicU64>,
    slots: Slots<T>,
    capacity: Position,
}

// SAFETY: items are handed over by value, each to exactly one thread: who is inside the putting side writes a place
// before it releases the tail beyond it, who is inside the getting side reads it after acquiring that tail.
// Leaned on by the lossless clauses and the models.
unsafe impl<T: Send, P: Guard + Send, G: Guard + Send> Send for Ring<T, P, G> {}
// SAFETY: as above; no reference to an item is ever shared.
unsafe impl<T: Send, P: Guard + Sync, G: Guard + Sync> Sync for Ring<T, P, G> {}

impl<T> Ring<T> {
    /// A ring for exactly `capacity` items, at least 1; `None` when the memory cannot be had.
    pub(crate) fn new(capacity: usize) -> Option<Self> {
        Self::with(Side::new(), Side::new(), capacity)
    }
}

impl<T> Ring<T, Sole, Free> {
    /// As [`new`](Ring::new), for one who puts and one who gets. Anybody may close it and look at it.
    ///
    /// # Safety
    /// At any time one thread at most is in a call that puts, and the next one's call comes after it has returned, by
    /// something that orders the two, such as a `&mut`. The same for calls that get.
    pub(crate) unsafe fn for_two(capacity: usize) -> Option<Self> {
        Self::with(Sole::new(), Free, capacity)
    }
}

impl<T, P: Guard, G: Guard> Ring<T, P, G> {
    fn with(putting: P, getting: G, capacity: usize) -> Option<Self> {
        let capacity = capacity.max(1);
        Some(Self {
            putting: Padded(End::new(putting, capacity as Position * ONE)),
            getting: Padded(End::new(getting, 0)),
            tail: Padded(AtomicU64::new(0)),
            head: Padded(AtomicU64::new(0)),
            slots: Slots::new(capacity)?,
            capacity: capacity as Position,
        })
    }

    pub(crate) const fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Stores `item` if this thread owns the putting side and there is room.
    #[inline]
    pub(crate) fn put_owned(&self, item: T) -> Result<(), T> {
        let Some(_inside) = self.putting.side.enter_owned() else {
            return Err(item);
        };
        let tail = self.putting.position.load(Ordering::Relaxed);
        if self.room(tail).is_err() {
            return Err(item);
        }
        self.store(tail, item);
        Ok(())
    }

    /// Takes the oldest item if this thread owns the getting side and there is one.
    #[inline]
    pub(crate) fn get_owned(&self) -> Option<T> {
        let _inside = self.getting.side.enter_owned()?;
        let head = self.getting.position.load(Ordering::Relaxed);
        self.ready(head).is_ok().then(|| self.take(head))
    }

    /// Stores `item` at `tail`; for who is inside the putting side and knows that there is room.
    #[inline]
    fn store(&self, tail: Position, item: T) {
        // SAFETY: alone inside the putting side, and there is room: the place was emptied before the head we saw.
        // Leaned on by the lossless clauses and the models of moving.
        unsafe { self.place(tail).fill(item) };
        self.put_up_to(tail.wrapping_add(ONE));
    }

    /// Takes what is at `head`; for who is inside the getting side and knows that there is an item.
    #[inline]
    fn take(&self, head: Position) -> T {
        // SAFETY: alone inside the getting side, and the tail we saw is beyond this place.
        // Leaned on by the lossless clauses and the models of moving.
        let item = unsafe { self.place(head).empty_out() };
        self.got_up_to(head.wrapping_add(ONE));
        item
    }

    #[inline]
    const fn place(&self, position: Position) -> &Place<T> {
        self.slots.at((position / ONE) as usize)
    }

    /// Stores `item`, or says why not and leaves it where it is.
    pub(crate) fn try_put(&self, item: T) -> Result<(), (T, Refused)> {
        let _inside = self.putting.enter();
        let tail = self.putting.position.load(Ordering::Relaxed);
        match self.room(tail) {
            Ok(_) => {
                self.store(tail, item);
                Ok(())
            }
            Err(why) => Err((item, why)),
        }
    }

    /// Shows the getting side what was put.
    #[inline]
    fn put_up_to(&self, tail: Position) {
        self.putting.position.store(tail, Ordering::Relaxed);
        self.tail.store(tail, publish());
    }

    /// Shows the putting side the room that was made.
    #[inline]
    fn got_up_to(&self, head: Position) {
        self.getting.position.store(head, Ordering::Relaxed);
        self.head.store(head, publish());
    }

    /// How many places are free; for who is inside the putting side.
    #[inline]
    fn room(&self, tail: Position) -> Result<usize, Refused> {
        let limit = self.putting.limit.load(Ordering::Relaxed);
        if tail == limit {
            return self.look_for_room(tail);
        }
        Ok((limit.wrapping_sub(tail) / ONE) as usize)
    }

    #[inline]
    fn look_for_room(&self, tail: Position) -> Result<usize, Refused> {
        if tail & CLOSED != 0 {
            return Err(Refused::Closed);
        }
        self.putting.linger();
        let limit = self.head.load(observe()).wrapping_add(self.capacity * ONE);
        self.putting.limit.store(limit, Ordering::Relaxed);
        self.putting
            .gain
            .store(limit.wrapping_sub(tail) / ONE, Ordering::Relaxed);
        match limit.wrapping_sub(tail) / ONE {
            0 => Err(Refused::Full),
            room => Ok(room as usize),
        }
    }

    /// Takes the oldest item.
    pub(crate) fn try_get(&self) -> Result<T, Nothing> {
        let _inside = self.getting.enter();
        let head = self.getting.position.load(Ordering::Relaxed);
        self.ready(head)?;
        Ok(self.take(head))
    }

    /// How many items are there; for who is inside the getting side.
    #[inline]
    fn ready(&self, head: Position) -> Result<usize, Nothing> {
        let mut limit = self.getting.limit.load(Ordering::Relaxed);
        if head == limit {
            self.getting.linger();
            let tail = self.tail.load(observe());
            limit = tail & !CLOSED;
            if head == limit || planted("drained-too-early") && tail & CLOSED != 0 {
                return Err(if tail & CLOSED != 0 {
                    Nothing::Drained
                } else {
                    Nothing::Empty
                });
            }
            self.getting.limit.store(limit, Ordering::Relaxed);
            self.getting
                .gain
                .store(limit.wrapping_sub(head) / ONE, Ordering::Relaxed);
        }
        Ok((limit.wrapping_sub(head) / ONE) as usize)
    }

    /// Stores from the front of `items` as many as fit.
    pub(crate) fn try_put_run(&self, items: &mut VecDeque<T>) -> Result<usize, Refused> {
        let _inside = self.putting.enter();
        let tail = self.putting.position.load(Ordering::Relaxed);
        let mut room = self.room(tail)?;
        if room < items.len() {
            room = self.look_for_room(tail)?;
        }
        let count = room.min(items.len());
        let mut position = tail;
        for item in items.drain(..count) {
            // SAFETY: as in `store`; there is room for `count`. Leaned on by the batch clauses.
            unsafe { self.place(position).fill(item) };
            position = position.wrapping_add(ONE);
        }
        self.put_up_to(position);
        Ok(count)
    }

    /// Appends to `out` up to `max` of the oldest items.
    pub(crate) fn try_get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, Nothing> {
        loop {
            let inside = self.getting.enter();
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
            let mut position = head;
            for _ in 0..count {
                // SAFETY: as in `take`; there are `count` items. There is room in `out`, so nothing is allocated and
                // nothing unwinds before the head moves on. Leaned on by the batch clauses.
                out.push(unsafe { self.place(position).empty_out() });
                position = position.wrapping_add(ONE);
            }
            self.got_up_to(position);
            return Ok(count);
        }
    }

    /// A look from outside, for those who wait: false when a put may succeed or say why not.
    #[inline]
    pub(crate) fn seems_full(&self) -> bool {
        // The head first: one that is newer than the tail would look like a very full ring.
        let head = self.head.load(Ordering::Acquire);
        let tail = self.tail.load(Ordering::Relaxed);
        tail & CLOSED == 0 && tail.wrapping_sub(head) >= self.capacity * ONE
    }

    /// As [`seems_full`](Self::seems_full), for a get.
    #[inline]
    pub(crate) fn seems_empty(&self) -> bool {
        self.tail.load(Ordering::Relaxed) == self.head.load(Ordering::Relaxed)
    }

    /// Whether the last look that found something found one item.
    pub(crate) fn items_come_singly(&self) -> bool {
        self.getting.gain.load(Ordering::Relaxed) <= 1
    }

    /// True when it was still open.
    pub(crate) fn close(&self) -> bool {
        let _inside = self.putting.intrude();
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
                return (tail / ONE, head / ONE);
            }
            tail = again;
        }
    }
}

impl<T, P: Guard, G: Guard> Drop for Ring<T, P, G> {
    fn drop(&mut self) {
        // If dropping one item panics, the guard drops the others while unwinding, as a `Vec` would.
        struct Rest<'a, T, P: Guard, G: Guard>(&'a Ring<T, P, G>);
        impl<T, P: Guard, G: Guard> Drop for Rest<'_, T, P, G> {
            fn drop(&mut self) {
                while self.0.try_get().is_ok() {}
            }
        }
        let rest = Rest(self);
        while rest.0.try_get().is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Nothing, Refused, Ring};

    #[test]
    fn positions_wrap_around_the_buffer_at_any_capacity() {
        for capacity in [1, 2, 3, 1000] {
            let ring = Ring::new(capacity).expect("memory");
            for item in 0..3 * capacity {
                assert!(ring.try_put(item).is_ok());
                assert_eq!(ring.try_get(), Ok(item));
            }
            for item in 0..capacity {
                assert!(ring.try_put(item).is_ok(), "{item} of {capacity}");
            }
            assert!(matches!(ring.try_put(0), Err((0, Refused::Full))));
        }
    }

    #[test]
    fn items_without_a_size_need_no_memory() {
        let ring = Ring::new(2).expect("nothing to have");
        assert!(ring.try_put(()).is_ok());
        assert!(ring.try_put(()).is_ok());
        assert!(matches!(ring.try_put(()), Err(((), Refused::Full))));
        assert_eq!(ring.try_get(), Ok(()));
    }

    #[test]
    fn the_owner_s_short_way_obeys_the_same_bounds() {
        let ring = Ring::new(2).expect("memory");
        for item in 0..100 {
            assert!(ring.try_put(item).is_ok());
            assert_eq!(ring.try_get(), Ok(item));
        }
        let owns = crate::barrier::is_available();
        assert_eq!(
            ring.put_owned(1).is_ok(),
            owns,
            "the only thread owns both sides by now"
        );
        if owns {
            assert_eq!(ring.put_owned(2), Ok(()));
            assert_eq!(ring.put_owned(3), Err(3), "full");
            assert_eq!(ring.get_owned(), Some(1));
            ring.close();
            assert_eq!(ring.put_owned(3), Err(3), "closed");
            assert_eq!(ring.try_get(), Ok(2));
            assert_eq!(ring.try_get(), Err(Nothing::Drained));
            assert_eq!(ring.get_owned(), None);
        }
    }
}
