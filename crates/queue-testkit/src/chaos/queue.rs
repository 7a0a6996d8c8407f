//! The queue around the queue.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::thread;

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, Codec, DynQueue, Error, ErrorKind, GetError, Item, Lease, LeaseTotals, PutError, Queue, QueueCore,
    RetryToken, Totals, Wait, Wire,
};

use super::Faults;
use super::faults::Fate;

/// Copies an item for the fault `duplicate`; `None` where that one cannot be copied.
pub type Copier<T> = fn(&T) -> Option<T>;

/// A queue that loses, doubles, swaps, delays and fails on purpose, for tests of whatever uses queues.
///
/// The faults work on whoever calls through this handle. A delayed call blocks its thread, in async code too, as a slow
/// system call would. An item that is about to be overtaken waits outside and takes no room; it is inside again after
/// the next put or get, and is never lost. Without faults every clause holds that the queue inside keeps.
pub struct Chaos<T: Item> {
    inner: DynQueue<T>,
    faults: Faults,
    fate: Fate,
    copy: Copier<T>,
    // An item that lets the next one pass. Only while the queue inside has items: the next get brings it back, so nobody
    // sleeps beside it.
    held: Mutex<Option<T>>,
}

impl<T: Item> Chaos<T> {
    /// Faults around `inner`, with a way to copy items.
    #[must_use]
    pub const fn new(inner: DynQueue<T>, faults: Faults, copy: Copier<T>) -> Self {
        Self {
            inner,
            faults,
            fate: Fate::new(faults.seed),
            copy,
            held: Mutex::new(None),
        }
    }

    /// Copies are clones.
    #[must_use]
    pub const fn of_clones(inner: DynQueue<T>, faults: Faults) -> Self
    where
        T: Clone,
    {
        Self::new(inner, faults, |item| Some(item.clone()))
    }

    /// Copies are encoded and decoded again.
    #[must_use]
    pub const fn of_wire(inner: DynQueue<T>, faults: Faults) -> Self
    where
        T: Wire,
    {
        Self::new(inner, faults, |item| {
            let mut frame = Vec::new();
            Codec::default().encode(item, usize::MAX, &mut frame).ok()?;
            Codec::default().decode(&frame, usize::MAX).ok()
        })
    }

    fn held(&self) -> MutexGuard<'_, Option<T>> {
        // No foreign code runs under the lock but the queue inside, whose panics leave the item where it was.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What befalls any call before it does anything.
    fn obstruct(&self, operation: &'static str) -> Result<(), Error> {
        if self.fate.strikes(self.faults.delay) {
            thread::sleep(self.faults.delay_time);
        }
        if self.fate.strikes(self.faults.fail) {
            return Err(Error::new(ErrorKind::Disconnected, operation)
                .backend("chaos")
                .expected("a queue that works")
                .found("a failure made on purpose")
                .remedy("repeat the call"));
        }
        Ok(())
    }

    /// What befalls a put; gives the item back when the queue inside shall have it.
    fn divert(&self, item: T) -> Result<Option<T>, PutError<T>> {
        if let Err(error) = self.obstruct("put") {
            return Err(PutError::Failed(item, error));
        }
        if self.fate.strikes(self.faults.drop) && !self.inner.is_closed() {
            return Ok(None);
        }
        if self.fate.strikes(self.faults.reorder) {
            return self.hold_back(item);
        }
        Ok(Some(item))
    }

    fn hold_back(&self, item: T) -> Result<Option<T>, PutError<T>> {
        let mut held = self.held();
        if self.inner.is_closed() {
            return Err(PutError::Closed(item));
        }
        if held.is_some() {
            return Ok(Some(item));
        }
        *held = Some(item);
        // After it was put there: a get that empties the queue either finds it or is seen here.
        if self.inner.is_empty() {
            return Ok(held.take());
        }
        Ok(None)
    }

    /// Brings back the item that was held back, if there is room.
    fn release(&self) {
        if self.faults.reorder > 0.0 {
            self.release_into(&mut self.held());
        }
    }

    fn release_into(&self, held: &mut Option<T>) {
        if let Some(item) = held.take()
            && let Err(refusal) = self.inner.try_put(item)
        {
            *held = Some(refusal.into_item());
        }
    }

    fn copy_of(&self, item: &T) -> Option<T> {
        self.fate
            .strikes(self.faults.duplicate)
            .then(|| (self.copy)(item))
            .flatten()
    }

    /// After an item went in, with a copy if there shall be two.
    fn stored(&self, copy: Option<T>) {
        if let Some(copy) = copy {
            // No room for the copy: then it stays one.
            let _ = self.inner.try_put(copy);
        }
        self.release();
    }

    /// The last item may be the one that was held back.
    fn last(&self, end: GetError) -> Result<T, GetError> {
        match end {
            GetError::Closed => self.held().take().ok_or(GetError::Closed),
            other => Err(other),
        }
    }
}

impl<T: Item> QueueCore for Chaos<T> {
    fn depth(&self) -> Option<usize> {
        let held = self.held();
        Some(self.inner.depth()? + usize::from(held.is_some()))
    }
    fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }
    fn caps(&self) -> Caps {
        self.inner.caps()
    }
    fn close(&self) {
        let mut held = self.held();
        self.release_into(&mut held);
        self.inner.close();
    }
    fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }
    fn flush(&self, wait: Wait) -> Result<(), Error> {
        self.release();
        self.inner.flush(wait)
    }
    fn totals(&self) -> Option<Totals> {
        self.inner.totals()
    }
    fn leases(&self) -> Option<LeaseTotals> {
        self.inner.leases()
    }
}

impl<T: Item> Queue<T> for Chaos<T> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        let Some(item) = self.divert(item)? else {
            return Ok(());
        };
        let copy = self.copy_of(&item);
        self.inner.put_within(item, wait)?;
        self.stored(copy);
        Ok(())
    }

    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        self.obstruct("get").map_err(GetError::Failed)?;
        match self.inner.get_within(wait) {
            Ok(item) => {
                self.release();
                Ok(item)
            }
            Err(end) => self.last(end),
        }
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        let mut stored = 0;
        while let Some(item) = items.pop_front() {
            match self.put_within(item, if stored == 0 { wait } else { Wait::Never }) {
                Ok(()) => stored += 1,
                Err(refusal) => {
                    let refusal = refusal.map(|item| items.push_front(item));
                    if stored == 0 {
                        return Err(refusal);
                    }
                    break;
                }
            }
        }
        Ok(stored)
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.obstruct("get").map_err(GetError::Failed)?;
        match self.inner.get_batch(out, max, wait) {
            Ok(taken) => {
                self.release();
                Ok(taken)
            }
            Err(end) => {
                out.push(self.last(end)?);
                Ok(1)
            }
        }
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        // Only at its start: one put has one fate, however often it is polled.
        if !waiter.is_armed()
            && let Some(fresh) = item.take()
        {
            *item = self.divert(fresh)?;
            if item.is_none() {
                return Poll::Ready(Ok(()));
            }
        }
        let copy = item.as_ref().and_then(|item| self.copy_of(item));
        ready!(self.inner.poll_put(cx, item, waiter))?;
        self.stored(copy);
        Poll::Ready(Ok(()))
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        if !waiter.is_armed() {
            self.obstruct("get").map_err(GetError::Failed)?;
        }
        match ready!(self.inner.poll_get(cx, waiter)) {
            Ok(item) => {
                self.release();
                Poll::Ready(Ok(item))
            }
            Err(end) => Poll::Ready(self.last(end)),
        }
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.inner.cancel_put(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.inner.cancel_get(waiter);
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.obstruct("lease").map_err(GetError::Failed)?;
        let lease = self.inner.lease(wait)?;
        self.release();
        Ok(lease)
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        if !waiter.is_armed() {
            self.obstruct("lease").map_err(GetError::Failed)?;
        }
        let lease = ready!(self.inner.poll_lease(cx, waiter))?;
        self.release();
        Poll::Ready(Ok(lease))
    }

    fn retry(&self, item: T, token: RetryToken, wait: Wait) -> Result<(), PutError<T>> {
        match self.obstruct("retry") {
            Ok(()) => self.inner.retry(item, token, wait),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }
}

impl<T: Item> fmt::Debug for Chaos<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chaos")
            .field("inner", &self.inner)
            .field("faults", &self.faults)
            .finish_non_exhaustive()
    }
}
