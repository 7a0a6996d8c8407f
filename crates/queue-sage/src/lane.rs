//! The queue behind a pair of handles: the contract over a ring for one who puts and one who gets.
//!
//! The same as [`SageQueue`](crate::SageQueue) but for who may call what: of the calls that put, and of those that get, one
//! at a time. The trait says `&self`, so this type stays inside of the crate, and [`handles`](crate::handles) keep that
//! promise.

use std::collections::VecDeque;

use descriptor_core::wait::WaitList;
use descriptor_core::{Caps, Error, GetError, Item, PutError, QueueCore, Totals, TryQueue};

use crate::barrier::Asymmetric;
use crate::guard::{Free, Sole};
use crate::queue::checked;
use crate::ring::Ring;
use crate::sync::{AtomicBool, Ordering, Padded};

pub(crate) struct Lane<T: Item> {
    ring: Ring<T, Sole, Free>,
    getters: Padded<WaitList<Asymmetric>>,
    putters: Padded<WaitList<Asymmetric>>,
    producer_left: AtomicBool,
    consumer_left: AtomicBool,
}

impl<T: Item> Lane<T> {
    /// A queue for exactly `capacity` items.
    ///
    /// # Safety
    /// As [`Ring::for_two`]: one call that puts at a time, and one that gets.
    pub(crate) unsafe fn new(capacity: usize) -> Result<Self, Error> {
        Ok(Self {
            // SAFETY: the caller's promise is the one asked for. Leaned on by the models of handles.
            ring: checked::<T, _>(capacity, |capacity| unsafe { Ring::for_two(capacity) })?,
            getters: Padded(WaitList::new()),
            putters: Padded(WaitList::new()),
            producer_left: AtomicBool::new(false),
            consumer_left: AtomicBool::new(false),
        })
    }

    /// The producer is gone.
    pub(crate) fn leave_by_producer(&self) {
        self.producer_left.store(true, Ordering::Release);
        self.close();
    }

    /// The consumer is gone.
    pub(crate) fn leave_by_consumer(&self) {
        self.consumer_left.store(true, Ordering::Release);
        self.close();
    }

    pub(crate) fn has_producer(&self) -> bool {
        !self.producer_left.load(Ordering::Acquire)
    }

    pub(crate) fn has_consumer(&self) -> bool {
        !self.consumer_left.load(Ordering::Acquire)
    }
}

impl<T: Item> QueueCore for Lane<T> {
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
        self.ring.close();
        self.getters.notify_all();
        self.putters.notify_all();
    }

    fn is_closed(&self) -> bool {
        self.ring.is_closed()
    }

    fn totals(&self) -> Option<Totals> {
        let (put, get) = self.ring.totals();
        Some(Totals { put, get })
    }
}

impl<T: Item> TryQueue<T> for Lane<T> {
    type Barrier = Asymmetric;

    #[inline]
    fn getters(&self) -> &WaitList<Asymmetric> {
        &self.getters
    }

    #[inline]
    fn putters(&self) -> &WaitList<Asymmetric> {
        &self.putters
    }

    #[inline]
    fn put_at_once(&self, item: T) -> Result<(), T> {
        self.ring.put_owned(item)?;
        self.getters.notify(1);
        Ok(())
    }

    #[inline]
    fn get_at_once(&self) -> Option<T> {
        let item = self.ring.get_owned()?;
        self.putters.notify(1);
        Some(item)
    }

    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        self.ring.try_put(item).map_err(|(item, why)| why.of(item))?;
        self.getters.notify(1);
        Ok(())
    }

    fn get_now(&self) -> Result<T, GetError> {
        let item = self.ring.try_get()?;
        self.putters.notify(1);
        Ok(item)
    }

    #[inline]
    fn seems_full(&self) -> bool {
        self.ring.seems_full()
    }

    #[inline]
    fn seems_empty(&self) -> bool {
        self.ring.seems_empty()
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        if items.is_empty() {
            return Ok(0);
        }
        let stored = self.ring.try_put_run(items).map_err(|why| why.of(()))?;
        self.getters.notify(stored);
        Ok(stored)
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        let taken = self.ring.try_get_run(out, max)?;
        self.putters.notify(taken);
        Ok(taken)
    }
}

descriptor_core::waiting_queue!(Lane);
