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
use crate::queue::{checked, queue_over_ring};
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

queue_over_ring!(Lane);
