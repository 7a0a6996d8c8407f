//! What every queue can do besides: futures, iterators, streams, sinks.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_sink::Sink;

use crate::wait::Waiter;
use crate::{GetError, Item, LeaseAsync, PutError, Queue, Wait};

/// Sugar over [`Queue`], for concrete queues and `DynQueue` alike.
///
/// A future does nothing before its first poll and needs no runtime: any executor drives it. Dropping one passes on a
/// wake-up that was meant for it; one that waits and is forgotten (`mem::forget`) keeps the next one to itself.
pub trait QueueExt<T: Item>: Queue<T> {
    /// Puts one item; the future waits for room.
    fn put_async(&self, item: T) -> PutAsync<'_, T, Self> {
        PutAsync {
            queue: self,
            item: Some(item),
            waiter: Waiter::new(),
        }
    }

    /// Takes one item; the future waits for it.
    fn get_async(&self) -> GetAsync<'_, T, Self> {
        GetAsync {
            queue: self,
            waiter: Waiter::new(),
            item: std::marker::PhantomData,
        }
    }

    /// Takes one item on loan; the future waits for it. `Unsupported` where `caps().lease` is false.
    fn lease_async(&self) -> LeaseAsync<'_, T, Self> {
        LeaseAsync::new(self)
    }

    /// Puts from the front of `items`, waiting for room for the first one only; resolves to how many went in.
    /// What did not fit, and everything when the future is dropped, stays in `items`.
    fn put_batch_async<'a>(&'a self, items: &'a mut VecDeque<T>) -> PutBatchAsync<'a, T, Self> {
        PutBatchAsync {
            queue: self,
            items,
            waiter: Waiter::new(),
        }
    }

    /// Appends up to `max` items to `out`, waiting for the first one only; resolves to how many came.
    fn get_batch_async<'a>(&'a self, out: &'a mut Vec<T>, max: usize) -> GetBatchAsync<'a, T, Self> {
        GetBatchAsync {
            queue: self,
            out,
            max,
            waiter: Waiter::new(),
        }
    }

    /// Blocks for items until the queue is closed and drained.
    fn iter(&self) -> Iter<'_, T, Self> {
        Iter {
            queue: self,
            wait: Wait::Forever,
            item: std::marker::PhantomData,
        }
    }

    /// Takes what is there now and ends at the first `Empty`.
    fn drain(&self) -> Iter<'_, T, Self> {
        Iter {
            queue: self,
            wait: Wait::Never,
            item: std::marker::PhantomData,
        }
    }

    /// The items as a stream that ends when the queue is closed and drained.
    fn stream(&self) -> QueueStream<'_, T, Self> {
        QueueStream {
            queue: self,
            waiter: Waiter::new(),
            item: std::marker::PhantomData,
        }
    }

    /// The queue as a sink. Closing the sink flushes it and leaves the queue open for others.
    fn sink(&self) -> QueueSink<'_, T, Self> {
        QueueSink {
            queue: self,
            item: None,
            waiter: Waiter::new(),
        }
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> QueueExt<T> for Q {}

/// Future of [`QueueExt::put_async`]. Dropped before it is ready, it drops its item and stores nothing.
#[must_use = "futures do nothing unless polled"]
pub struct PutAsync<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    item: Option<T>,
    waiter: Waiter,
}

// The item is moved, never pinned.
impl<T: Item, Q: Queue<T> + ?Sized> Unpin for PutAsync<'_, T, Q> {}

impl<T: Item, Q: Queue<T> + ?Sized> Future for PutAsync<'_, T, Q> {
    type Output = Result<(), PutError<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.queue.poll_put(cx, &mut this.item, &mut this.waiter)
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for PutAsync<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_put(&mut self.waiter);
        }
    }
}

/// Future of [`QueueExt::get_async`]. Dropped before it is ready, it has taken nothing.
#[must_use = "futures do nothing unless polled"]
pub struct GetAsync<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    waiter: Waiter,
    item: std::marker::PhantomData<fn() -> T>,
}

impl<T: Item, Q: Queue<T> + ?Sized> Future for GetAsync<'_, T, Q> {
    type Output = Result<T, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        this.queue.poll_get(cx, &mut this.waiter)
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for GetAsync<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_get(&mut self.waiter);
        }
    }
}

/// Future of [`QueueExt::put_batch_async`].
#[must_use = "futures do nothing unless polled"]
pub struct PutBatchAsync<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    items: &'a mut VecDeque<T>,
    waiter: Waiter,
}

impl<T: Item, Q: Queue<T> + ?Sized> Future for PutBatchAsync<'_, T, Q> {
    type Output = Result<usize, PutError<()>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let mut first = this.items.pop_front();
        if first.is_none() {
            return Poll::Ready(Ok(0));
        }
        let step = this.queue.poll_put(cx, &mut first, &mut this.waiter);
        // Pending leaves the item in `first`; it belongs to the caller between polls.
        if let Some(item) = first {
            this.items.push_front(item);
        }
        match ready!(step) {
            Ok(()) => match this.queue.put_batch(this.items, Wait::Never) {
                Ok(more) => Poll::Ready(Ok(1 + more)),
                Err(_) => Poll::Ready(Ok(1)),
            },
            Err(refusal) => {
                let mut back = None;
                let refusal = refusal.map(|item| back = Some(item));
                if let Some(item) = back {
                    this.items.push_front(item);
                }
                Poll::Ready(Err(refusal))
            }
        }
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for PutBatchAsync<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_put(&mut self.waiter);
        }
    }
}

/// Future of [`QueueExt::get_batch_async`].
#[must_use = "futures do nothing unless polled"]
pub struct GetBatchAsync<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    out: &'a mut Vec<T>,
    max: usize,
    waiter: Waiter,
}

impl<T: Item, Q: Queue<T> + ?Sized> Future for GetBatchAsync<'_, T, Q> {
    type Output = Result<usize, GetError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if this.max == 0 {
            return Poll::Ready(Ok(0));
        }
        let first = ready!(this.queue.poll_get(cx, &mut this.waiter))?;
        this.out.push(first);
        let more = this.queue.get_batch(this.out, this.max - 1, Wait::Never).unwrap_or(0);
        Poll::Ready(Ok(1 + more))
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for GetBatchAsync<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_get(&mut self.waiter);
        }
    }
}

/// Iterator of [`QueueExt::iter`] and [`QueueExt::drain`]. It ends at the first failure; ask `get` for the reason.
pub struct Iter<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    wait: Wait,
    item: std::marker::PhantomData<fn() -> T>,
}

impl<T: Item, Q: Queue<T> + ?Sized> Iterator for Iter<'_, T, Q> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.queue.get_within(self.wait).ok()
    }
}

/// Stream of [`QueueExt::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct QueueStream<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    waiter: Waiter,
    item: std::marker::PhantomData<fn() -> T>,
}

impl<T: Item, Q: Queue<T> + ?Sized> Stream for QueueStream<'_, T, Q> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let this = self.get_mut();
        this.queue.poll_get(cx, &mut this.waiter).map(Result::ok)
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for QueueStream<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_get(&mut self.waiter);
        }
    }
}

/// Sink of [`QueueExt::sink`]. It holds at most one item that is still on its way in.
pub struct QueueSink<'a, T: Item, Q: Queue<T> + ?Sized> {
    queue: &'a Q,
    item: Option<T>,
    waiter: Waiter,
}

impl<T: Item, Q: Queue<T> + ?Sized> Unpin for QueueSink<'_, T, Q> {}

impl<T: Item, Q: Queue<T> + ?Sized> Sink<T> for QueueSink<'_, T, Q> {
    type Error = PutError<T>;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError<T>>> {
        let this = self.get_mut();
        if this.item.is_none() {
            return Poll::Ready(Ok(()));
        }
        this.queue.poll_put(cx, &mut this.item, &mut this.waiter)
    }

    fn start_send(self: Pin<&mut Self>, item: T) -> Result<(), PutError<T>> {
        let this = self.get_mut();
        if this.item.is_some() {
            return Err(PutError::Full(item));
        }
        this.item = Some(item);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError<T>>> {
        self.poll_ready(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), PutError<T>>> {
        self.poll_ready(cx)
    }
}

impl<T: Item, Q: Queue<T> + ?Sized> Drop for QueueSink<'_, T, Q> {
    fn drop(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_put(&mut self.waiter);
        }
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl<T: Item, Q: Queue<T> + ?Sized> fmt::Debug for $name<'_, T, Q> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
opaque_debug!(
    PutAsync,
    GetAsync,
    PutBatchAsync,
    GetBatchAsync,
    Iter,
    QueueStream,
    QueueSink
);
