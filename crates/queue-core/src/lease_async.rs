//! The future of a lease.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::wait::Waiter;
use crate::{GetError, Item, Lease, Queue};

/// Future of [`QueueExt::lease_async`](crate::QueueExt::lease_async). Dropped before it is ready, it has taken nothing.
#[must_use = "futures do nothing unless polled"]
pub struct LeaseAsync<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    waiter: Waiter,
    item: PhantomData<fn() -> T>,
}

impl<'a, T: Item, Q: Queue<T> + ?Sized> LeaseAsync<'a, T, Q> {
    pub(crate) const fn new(queue: &'a Q) -> Self {
        Self {
            queue,
            waiter: Waiter::new(),
            item: PhantomData,
        }
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Future for LeaseAsync<'_, T, Q> {
    type Output = Result<Lease<T>, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.queue.poll_lease(cx, &mut this.waiter)
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for LeaseAsync<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_get(&mut self.waiter);
        }
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> fmt::Debug for LeaseAsync<'_, T, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LeaseAsync").finish_non_exhaustive()
    }
}
