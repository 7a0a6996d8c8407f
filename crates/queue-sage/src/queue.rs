//! The queue contract over the ring.

use std::collections::VecDeque;
use std::fmt;
use std::task::{Context, Poll};

use descriptor_core::wait::{WaitList, Waiter};
use descriptor_core::{Caps, Error, ErrorKind, GetError, Item, PutError, Queue, QueueCore, Totals, Wait};

use crate::barrier::Asymmetric;
use crate::ring::{Nothing, Refused, Ring};
use crate::sync::Padded;

/// A bounded lock-free queue of `T` inside one process, for threads and tasks alike.
///
/// Items are moved, never serialized or boxed. See [`Queue`] for the contract.
pub struct SageQueue<T: Item> {
    ring: Ring<T>,
    // Padded: a sleeper's registration must not disturb those who are working.
    getters: Padded<WaitList<Asymmetric>>,
    putters: Padded<WaitList<Asymmetric>>,
}

impl<T: Item> SageQueue<T> {
    /// The largest capacity, in items.
    pub const MAX_CAPACITY: usize = 1 << 24;

    /// A queue for exactly `capacity` items.
    ///
    /// # Errors
    /// `InvalidDescriptor` unless `capacity` is between 1 and [`MAX_CAPACITY`](Self::MAX_CAPACITY);
    /// `ResourceExhausted` when the memory cannot be had.
    pub fn new(capacity: usize) -> Result<Self, Error> {
        if capacity == 0 || capacity > Self::MAX_CAPACITY {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "create")
                .backend("sage_queue")
                .expected("a capacity from 1 to 16777216 items")
                .found(capacity.to_string())
                .remedy("set maxsize in that range, or use `local` for an unbounded queue"));
        }
        Asymmetric::prepare();
        let ring = Ring::new(capacity).ok_or_else(|| {
            Error::new(ErrorKind::ResourceExhausted, "create")
                .backend("sage_queue")
                .expected(format!("memory for {capacity} items of {} bytes", size_of::<T>()))
                .remedy("lower maxsize, or queue boxed items")
        })?;
        Ok(Self {
            ring,
            getters: Padded(WaitList::new()),
            putters: Padded(WaitList::new()),
        })
    }

    #[inline]
    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        match self.ring.try_put(item) {
            Ok(()) => {
                self.announce(1);
                Ok(())
            }
            Err((item, Refused::Full)) => Err(PutError::Full(item)),
            Err((item, Refused::Closed)) => Err(PutError::Closed(item)),
        }
    }

    /// Wakes those for whom there is something new.
    #[inline]
    fn announce(&self, stored: usize) {
        // A put that was on its way when the queue was closed is the last thing the getters wait for: one of them gets
        // the item, the others must learn that nothing more will come.
        if self.getters.notify(stored) && self.ring.is_closed() {
            self.getters.notify_all();
        }
    }

    #[inline]
    fn get_now(&self) -> Result<T, GetError> {
        match self.ring.try_get() {
            Ok(item) => {
                self.putters.notify(1);
                Ok(item)
            }
            Err(Nothing::Empty) => Err(GetError::Empty),
            Err(Nothing::Drained) => Err(GetError::Closed),
        }
    }

    /// Like `put_now` on an item in a slot; `None` means full, with the item back in its slot.
    fn put_from(&self, slot: &mut Option<T>) -> Option<Result<(), PutError<T>>> {
        match self.put_now(slot.take()?) {
            Err(PutError::Full(item)) => {
                *slot = Some(item);
                None
            }
            done => Some(done),
        }
    }

    fn get_unless_empty(&self) -> Option<Result<T, GetError>> {
        match self.get_now() {
            Err(GetError::Empty) => None,
            done => Some(done),
        }
    }

    #[cold]
    fn put_slow(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        let mut slot = Some(item);
        let done = self.putters.block(wait, || self.put_from(&mut slot));
        match (done, slot) {
            (Some(done), _) => done,
            (None, Some(item)) => Err(PutError::Full(item)),
            // Unreachable: without a result the item is in its slot. Nothing to lose in any case.
            (None, None) => Ok(()),
        }
    }

    #[cold]
    fn get_slow(&self, wait: Wait) -> Result<T, GetError> {
        self.getters
            .block(wait, || self.get_unless_empty())
            .unwrap_or(Err(GetError::Empty))
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        let mut stored = 0;
        // Twice at most: up to the end of the lap, and from its start.
        while !items.is_empty() {
            match self.ring.try_put_run(items) {
                Ok(count) => stored += count,
                Err(_) if stored > 0 => break,
                Err(Refused::Full) => return Err(PutError::Full(())),
                Err(Refused::Closed) => return Err(PutError::Closed(())),
            }
        }
        if stored > 0 {
            self.announce(stored);
        }
        Ok(stored)
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        let mut taken = 0;
        while taken < max {
            match self.ring.try_get_run(out, max - taken) {
                Ok(count) => taken += count,
                Err(_) if taken > 0 => break,
                Err(Nothing::Empty) => return Err(GetError::Empty),
                Err(Nothing::Drained) => return Err(GetError::Closed),
            }
        }
        if taken > 0 {
            self.putters.notify(taken);
        }
        Ok(taken)
    }
}

impl<T: Item> QueueCore for SageQueue<T> {
    fn depth(&self) -> Option<usize> {
        let (put, got) = self.ring.totals();
        Some(put.saturating_sub(got) as usize)
    }

    fn capacity(&self) -> Option<usize> {
        Some(self.ring.capacity())
    }

    fn caps(&self) -> Caps {
        Caps::IN_PROCESS
    }

    fn close(&self) {
        if self.ring.close() {
            self.getters.notify_all();
            self.putters.notify_all();
        }
    }

    fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    fn totals(&self) -> Option<Totals> {
        let (put, get) = self.ring.totals();
        Some(Totals { put, get })
    }
}

impl<T: Item> Queue<T> for SageQueue<T> {
    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        match self.put_now(item) {
            Err(PutError::Full(item)) if wait != Wait::Never => self.put_slow(item, wait),
            done => done,
        }
    }

    #[inline]
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        match self.get_now() {
            Err(GetError::Empty) if wait != Wait::Never => self.get_slow(wait),
            done => done,
        }
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        match self.put_run(items) {
            Err(PutError::Full(())) if wait != Wait::Never => self
                .putters
                .block(wait, || match self.put_run(items) {
                    Err(PutError::Full(())) => None,
                    done => Some(done),
                })
                .unwrap_or(Err(PutError::Full(()))),
            done => done,
        }
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        match self.get_run(out, max) {
            Err(GetError::Empty) if wait != Wait::Never => self
                .getters
                .block(wait, || match self.get_run(out, max) {
                    Err(GetError::Empty) => None,
                    done => Some(done),
                })
                .unwrap_or(Err(GetError::Empty)),
            done => done,
        }
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        if item.is_none() {
            return Poll::Ready(Ok(()));
        }
        self.putters.poll(cx, waiter, || self.put_from(item))
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        self.getters.poll(cx, waiter, || self.get_unless_empty())
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.putters.cancel(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.getters.cancel(waiter);
    }
}

impl<T: Item> fmt::Debug for SageQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (put, got) = self.ring.totals();
        f.debug_struct("SageQueue")
            .field("capacity", &self.ring.capacity())
            .field("put", &put)
            .field("got", &got)
            .field("closed", &self.ring.is_closed())
            .finish()
    }
}
