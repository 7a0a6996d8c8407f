//! The queue contract with leases, around a queue without.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use descriptor_core::wait::{WaitList, Waiter};
use descriptor_core::{
    Caps, GetError, Item, Lease, LeaseTotals, PutError, Queue, QueueCore, Totals, TryQueue, Wait, try_queue,
};

use crate::store::Store;
use crate::{Lendable, Terms};

/// Nothing was ever lent: the queue inside does everything.
const PLAIN: u8 = 0;
/// The first lease has closed the queue inside, and waits for the puts that were let in before.
const TURNING: u8 = 1;
/// The store does everything; the queue inside is only emptied.
const LENDING: u8 = 2;

/// A queue of `T` inside one process whose items can be had on loan.
///
/// It is the queue inside, at the cost of one load per call, until somebody leases for the first time. An item on loan
/// must keep its room and its place in the order, and a put that looks for leases and then puts would be too late to
/// honour the one that began in between. So the first lease closes the queue inside, which is the one thing that every put
/// of it is ordered with, and from then on items are kept under one lock. Those who wait do not notice: they stand in
/// the lines of the queue inside before and after.
pub struct LeaseQueue<T: Item, Q: Lendable<T>> {
    pub(crate) inner: Q,
    stage: AtomicU8,
    store: Mutex<Store<T>>,
    pub(crate) terms: Terms<T>,
    pub(crate) me: Weak<Self>,
}

impl<T: Item, Q: Lendable<T> + 'static> LeaseQueue<T, Q> {
    /// Leases around `inner`, which nobody else uses.
    #[must_use]
    pub fn new(inner: Q, terms: Terms<T>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            inner,
            stage: AtomicU8::new(PLAIN),
            store: Mutex::new(Store::new()),
            terms,
            me: me.clone(),
        })
    }
}

impl<T: Item, Q: Lendable<T>> LeaseQueue<T, Q> {
    #[inline]
    fn is_plain(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == PLAIN
    }

    /// After the queue inside said that it is closed: true when a lease did that and no user.
    fn has_turned(&self) -> bool {
        // With the one in `turn`: whoever sees the queue inside closed, or empty after that, sees the stage.
        fence(Ordering::SeqCst);
        !self.is_plain()
    }

    #[cold]
    fn put_closed(&self, item: T) -> Result<(), PutError<T>> {
        if self.has_turned() {
            self.put_stored(item)
        } else {
            Err(PutError::Closed(item))
        }
    }

    #[cold]
    fn get_closed(&self) -> Result<T, GetError> {
        if self.has_turned() {
            self.get_stored()
        } else {
            Err(GetError::Closed)
        }
    }

    /// Closes the queue inside for good. Whoever comes while this goes on does the same.
    #[cold]
    pub(crate) fn turn(&self) {
        let _ = self
            .stage
            .compare_exchange(PLAIN, TURNING, Ordering::SeqCst, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // Wakes all who sleep. They look again, and find this.
        self.inner.close();
        // A put that was let in but is not inside would take room that it is not seen to take. It is in the middle of a call
        // that does not wait.
        while !self.inner.is_settled() {
            std::thread::yield_now();
        }
        self.stage.store(LENDING, Ordering::Release);
    }

    /// The store, once there is a lease or was one.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store<T>> {
        if self.stage.load(Ordering::Acquire) != LENDING {
            self.turn();
        }
        self.lock()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Store<T>> {
        // Nothing of a user runs under the lock, so nothing is half done after a panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait that `count` items are gone; and the getters, when they were the last ones.
    pub(crate) fn announce_room(&self, count: usize, is_drained: bool) {
        self.inner.putters().notify(count);
        if is_drained {
            self.inner.getters().notify_all();
        }
    }

    fn has_room(&self, store: &Store<T>) -> bool {
        self.inner
            .capacity()
            .is_none_or(|capacity| store.inside(&self.inner) < capacity)
    }

    #[inline(never)]
    fn put_stored(&self, item: T) -> Result<(), PutError<T>> {
        let mut store = self.store();
        if store.closed {
            return Err(PutError::Closed(item));
        }
        if !self.has_room(&store) {
            return Err(PutError::Full(item));
        }
        store.push(item);
        drop(store);
        self.inner.getters().notify(1);
        Ok(())
    }

    #[inline(never)]
    fn get_stored(&self) -> Result<T, GetError> {
        let mut store = self.store();
        let entry = store.next(&self.inner)?;
        store.tally.got += 1;
        let is_drained = store.is_drained(&self.inner);
        drop(store);
        self.announce_room(1, is_drained);
        Ok(entry.item)
    }

    fn put_run_stored(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        if items.is_empty() {
            return Ok(0);
        }
        let mut store = self.store();
        if store.closed {
            return Err(PutError::Closed(()));
        }
        let mut stored = 0;
        while self.has_room(&store)
            && let Some(item) = items.pop_front()
        {
            store.push(item);
            stored += 1;
        }
        drop(store);
        if stored == 0 {
            return Err(PutError::Full(()));
        }
        self.inner.getters().notify(stored);
        Ok(stored)
    }

    fn get_run_stored(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        let mut store = self.store();
        let mut taken = 0;
        while taken < max {
            match store.next(&self.inner) {
                Ok(entry) => out.push(entry.item),
                Err(end) if taken == 0 => return Err(end),
                Err(_) => break,
            }
            taken += 1;
        }
        store.tally.got += taken as u64;
        let is_drained = store.is_drained(&self.inner);
        drop(store);
        if taken > 0 {
            self.announce_room(taken, is_drained);
        }
        Ok(taken)
    }
}

impl<T: Item, Q: Lendable<T>> QueueCore for LeaseQueue<T, Q> {
    /// With the items on loan: they are still inside.
    fn depth(&self) -> Option<usize> {
        if self.is_plain() {
            return self.inner.depth();
        }
        Some(self.lock().inside(&self.inner))
    }

    fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    fn caps(&self) -> Caps {
        let mut caps = self.inner.caps();
        caps.lease = true;
        caps
    }

    fn close(&self) {
        self.lock().closed = true;
        self.inner.close();
        self.inner.getters().notify_all();
        self.inner.putters().notify_all();
    }

    fn is_closed(&self) -> bool {
        if self.is_plain() {
            if !self.inner.is_closed() {
                return false;
            }
            if !self.has_turned() {
                return true;
            }
        }
        self.lock().closed
    }

    fn totals(&self) -> Option<Totals> {
        let store = self.lock();
        let inner = self.inner.totals()?;
        Some(Totals {
            put: inner.put + store.tally.put,
            get: inner.get.saturating_sub(store.tally.pulled) + store.tally.got,
        })
    }

    fn leases(&self) -> Option<LeaseTotals> {
        let store = self.lock();
        Some(LeaseTotals {
            leased: store.away.lent(),
            resting: store.away.len() - store.away.lent(),
            redelivered: store.tally.redelivered,
            expired: store.tally.expired,
            dead_lettered: store.tally.dead_lettered,
            dropped: store.tally.dropped,
            refused: store.tally.refused,
        })
    }
}

impl<T: Item, Q: Lendable<T>> TryQueue<T> for LeaseQueue<T, Q> {
    type Barrier = Q::Barrier;

    #[inline]
    fn getters(&self) -> &WaitList<Q::Barrier> {
        self.inner.getters()
    }

    #[inline]
    fn putters(&self) -> &WaitList<Q::Barrier> {
        self.inner.putters()
    }

    fn may_have_item(&self) -> bool {
        if self.is_plain() {
            return self.inner.may_have_item();
        }
        self.lock().visible(&self.inner) > 0
    }

    #[inline]
    fn put_now(&self, item: T) -> Result<(), PutError<T>> {
        if !self.is_plain() {
            return self.put_stored(item);
        }
        match self.inner.put_now(item) {
            Ok(()) => Ok(()),
            Err(PutError::Closed(item)) => self.put_closed(item),
            Err(refusal) => Err(refusal),
        }
    }

    #[inline]
    fn get_now(&self) -> Result<T, GetError> {
        if !self.is_plain() {
            return self.get_stored();
        }
        match self.inner.get_now() {
            Ok(item) => Ok(item),
            Err(GetError::Closed) => self.get_closed(),
            Err(end) => Err(end),
        }
    }

    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>> {
        if self.is_plain() {
            match self.inner.put_run(items) {
                Err(PutError::Closed(())) if self.has_turned() => {}
                done => return done,
            }
        }
        self.put_run_stored(items)
    }

    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError> {
        if self.is_plain() {
            match self.inner.get_run(out, max) {
                Err(GetError::Closed) if self.has_turned() => {}
                done => return done,
            }
        }
        self.get_run_stored(out, max)
    }
}

impl<T: Item, Q: Lendable<T> + 'static> Queue<T> for LeaseQueue<T, Q> {
    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        try_queue::put_within(self, item, wait)
    }

    #[inline]
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        try_queue::get_within(self, wait)
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        try_queue::put_batch(self, items, wait)
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        try_queue::get_batch(self, out, max, wait)
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        try_queue::poll_put(self, cx, item, waiter)
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        try_queue::poll_get(self, cx, waiter)
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.putters().cancel(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.getters().cancel(waiter);
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        match self.lease_now() {
            Err(GetError::Empty) if wait != Wait::Never => {
                try_queue::wait_for_item(self, wait, || self.lease_unless_empty()).unwrap_or(Err(GetError::Empty))
            }
            done => done,
        }
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        try_queue::poll_for_item(self, cx, waiter, || self.lease_unless_empty())
    }
}

impl<T: Item, Q: Lendable<T>> fmt::Debug for LeaseQueue<T, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseQueue")
            .field("capacity", &self.capacity())
            .field("depth", &self.depth())
            .field("closed", &self.is_closed())
            .field("leases", &self.leases())
            .field("terms", &self.terms)
            .finish_non_exhaustive()
    }
}
