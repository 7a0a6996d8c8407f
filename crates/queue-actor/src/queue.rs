//! The queue contract over a ring that may leave.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, Error, GetError, Lease, LeaseTotals, PutError, Queue, QueueCore, Totals, TryQueue, Wait, Wire,
};

use crate::far::Far;
use crate::ring::Ring;

/// What a task keeps that waits for a queue which has left, or at it.
#[derive(Default)]
struct Journey {
    arrival: Waiter,
    far: Waiter,
}

impl<T: Wire> QueueCore for Ring<T> {
    fn depth(&self) -> Option<usize> {
        if self.is_here() {
            let depth = self.inner.depth();
            if !self.has_left() {
                return depth;
            }
        }
        self.far("depth").ok()?.depth()
    }

    fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    fn caps(&self) -> Caps {
        self.about.caps
    }

    fn close(&self) {
        let mut closed = self.lock_closed();
        if self.is_here() {
            *closed = true;
            self.inner.close();
            return;
        }
        drop(closed);
        if let Ok(far) = self.far("close") {
            far.close();
        }
    }

    fn is_closed(&self) -> bool {
        if self.is_here() {
            let is_closed = self.inner.is_closed();
            if !self.has_left() {
                return is_closed;
            }
        }
        self.far("look").is_ok_and(QueueCore::is_closed)
    }

    fn flush(&self, wait: Wait) -> Result<(), Error> {
        match self.is_here() {
            true => Ok(()),
            false => self.far("flush")?.flush(wait),
        }
    }

    fn totals(&self) -> Option<Totals> {
        if self.is_here() {
            let totals = self.inner.totals();
            if !self.has_left() {
                return totals;
            }
        }
        self.far("stats").ok()?.totals()
    }

    fn leases(&self) -> Option<LeaseTotals> {
        match self.is_here() {
            true => Some(LeaseTotals::default()),
            false => self.far("stats").ok()?.leases(),
        }
    }
}

impl<T: Wire> Ring<T> {
    /// The queue at the server, for a get.
    fn far_for_get(&self) -> Result<&Far<T>, GetError> {
        let far = self.far("get").map_err(GetError::Failed)?;
        self.fault()?;
        Ok(far)
    }

    /// What most puts never come to; apart, so that the short way is as short as that of a ring which stays.
    #[inline(never)]
    fn put_rest(&self, mut item: T, wait: Wait) -> Result<(), PutError<T>> {
        if self.is_here() {
            match self.inner.put_within(item, wait) {
                Err(PutError::Closed(refused)) if self.has_left() => item = refused,
                done => return done,
            }
        }
        match self.far("put") {
            Ok(far) => far.put_within(item, wait),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }

    /// The same of gets.
    #[inline(never)]
    fn get_rest(&self, wait: Wait) -> Result<T, GetError> {
        if self.is_here() {
            match self.inner.get_within(wait) {
                Err(GetError::Closed) if self.has_left() => {}
                done => return done,
            }
        }
        self.far_for_get()?.get_within(wait)
    }

    /// One step of a task at the queue that has left.
    fn poll_journey<R>(
        &self,
        cx: &mut Context<'_>,
        waiter: &mut Waiter,
        operation: &'static str,
        mut step: impl FnMut(&Far<T>, &mut Context<'_>, &mut Waiter) -> Poll<R>,
        fail: impl FnOnce(Error) -> R,
    ) -> Poll<R> {
        let mut journey = match waiter.state().take().map(|state| state.downcast::<Journey>()) {
            Some(Ok(journey)) => Some(journey),
            _ => {
                // It waited at the ring, or did not wait.
                let line = if operation == "put" {
                    self.inner.putters()
                } else {
                    self.inner.getters()
                };
                line.cancel(waiter);
                None
            }
        };
        let mut fresh = Journey::default();
        let at = journey.as_deref_mut().unwrap_or(&mut fresh);
        let outcome = match self.poll_far(cx, &mut at.arrival, operation) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(far)) => step(far, cx, &mut at.far),
            Poll::Ready(Err(error)) => Poll::Ready(fail(error)),
        };
        if outcome.is_pending() {
            let journey = journey.unwrap_or_else(|| Box::new(fresh));
            *waiter.state() = Some(journey);
        }
        outcome
    }

    fn cancel(&self, waiter: &mut Waiter, is_put: bool) {
        if let Some(Ok(mut journey)) = waiter.state().take().map(|state| state.downcast::<Journey>()) {
            self.stop_waiting(&mut journey.arrival);
            if let Some(far) = self.far_now().filter(|_| journey.far.is_armed()) {
                match is_put {
                    true => far.cancel_put(&mut journey.far),
                    false => far.cancel_get(&mut journey.far),
                }
            }
        } else if is_put {
            self.inner.cancel_put(waiter);
        } else {
            self.inner.cancel_get(waiter);
        }
    }
}

impl<T: Wire> Queue<T> for Ring<T> {
    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        if !self.is_here() {
            return self.put_rest(item, wait);
        }
        match self.inner.put_at_once(item) {
            Ok(()) => Ok(()),
            Err(item) => self.put_rest(item, wait),
        }
    }

    #[inline]
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        if self.is_here()
            && let Some(item) = self.inner.get_at_once()
        {
            return Ok(item);
        }
        self.get_rest(wait)
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        if self.is_here() {
            match self.inner.put_batch(items, wait) {
                Err(PutError::Closed(())) if self.has_left() => {}
                done => return done,
            }
        }
        match self.far("put") {
            Ok(far) => far.put_batch(items, wait),
            Err(error) => Err(PutError::Failed((), error)),
        }
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if self.is_here() {
            match self.inner.get_batch(out, max, wait) {
                Err(GetError::Closed) if self.has_left() => {}
                done => return done,
            }
        }
        self.far_for_get()?.get_batch(out, max, wait)
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        if self.is_here() {
            match self.inner.poll_put(cx, item, waiter) {
                Poll::Ready(Err(PutError::Closed(refused))) if self.has_left() => *item = Some(refused),
                done => return done,
            }
        }
        let mut slot = item.take();
        let outcome = self.poll_journey(
            cx,
            waiter,
            "put",
            |far, cx, waiter| far.poll_put(cx, &mut slot, waiter).map(Ok),
            Err,
        );
        *item = slot;
        outcome.map(|told| match told {
            Ok(done) => done,
            Err(error) => match item.take() {
                Some(item) => Err(PutError::Failed(item, error)),
                None => Ok(()),
            },
        })
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        if self.is_here() {
            match self.inner.poll_get(cx, waiter) {
                Poll::Ready(Err(GetError::Closed)) if self.has_left() => {}
                done => return done,
            }
        }
        self.poll_journey(
            cx,
            waiter,
            "get",
            |far, cx, waiter| match self.fault() {
                Ok(()) => far.poll_get(cx, waiter),
                Err(fault) => {
                    far.cancel_get(waiter);
                    Poll::Ready(Err(fault))
                }
            },
            |error| Err(GetError::Failed(error)),
        )
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.cancel(waiter, true);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.cancel(waiter, false);
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.go();
        self.far_for_get()?.lease(wait)
    }

    fn lease_batch(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.go();
        self.far_for_get()?.lease_batch(out, max, wait)
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        self.go();
        self.poll_journey(
            cx,
            waiter,
            "lease",
            |far, cx, waiter| far.poll_lease(cx, waiter),
            |error| Err(GetError::Failed(error)),
        )
    }
}
