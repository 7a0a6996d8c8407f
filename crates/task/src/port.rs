//! One input port of a consumer whose queue holds more than that port's type.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{Caps, DynQueue, Error, ErrorKind, GetError, Item, PutError, Queue, QueueCore, Totals, Wait};

/// All of [`QueueCore`] but `caps`, as the queue inside says.
macro_rules! as_inner {
    () => {
        fn depth(&self) -> Option<usize> {
            self.inner.depth()
        }

        fn capacity(&self) -> Option<usize> {
            self.inner.capacity()
        }

        fn close(&self) {
            self.inner.close();
        }

        fn is_closed(&self) -> bool {
            self.inner.is_closed()
        }

        fn flush(&self, wait: Wait) -> Result<(), Error> {
            self.inner.flush(wait)
        }

        fn totals(&self) -> Option<Totals> {
            self.inner.totals()
        }
    };
}
pub(crate) use as_inner;

/// A queue of `T` that is really a queue of `W`: items are wrapped on their way in and unwrapped when refused.
///
/// It is the producer's end only.
struct Port<T: Item, W: Item> {
    inner: DynQueue<W>,
    wrap: fn(T) -> W,
    unwrap: fn(W) -> T,
    // Kept from batch to batch. A port belongs to one producer, so nobody waits for the lock.
    scratch: Mutex<VecDeque<W>>,
}

/// The producer's end of `inner` for items of another type. `unwrap` is only ever given what `wrap` made.
pub fn port<T: Item, W: Item>(inner: DynQueue<W>, wrap: fn(T) -> W, unwrap: fn(W) -> T) -> DynQueue<T> {
    Arc::new(Port {
        inner,
        wrap,
        unwrap,
        scratch: Mutex::new(VecDeque::new()),
    })
}

fn producers_only() -> GetError {
    GetError::Failed(
        Error::new(ErrorKind::Unsupported, "get")
            .expected("the consumer's own queue")
            .found("the producer's end of an input port")
            .remedy("read in the operator"),
    )
}

impl<T: Item, W: Item> QueueCore for Port<T, W> {
    as_inner!();

    fn caps(&self) -> Caps {
        self.inner.caps()
    }
}

impl<T: Item, W: Item> Queue<T> for Port<T, W> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        self.inner
            .put_within((self.wrap)(item), wait)
            .map_err(|refusal| refusal.map(self.unwrap))
    }

    fn get_within(&self, _: Wait) -> Result<T, GetError> {
        Err(producers_only())
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        let mut wrapped = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        wrapped.clear();
        wrapped.extend(items.drain(..).map(self.wrap));
        let done = self.inner.put_batch(&mut wrapped, wait);
        items.extend(wrapped.drain(..).map(self.unwrap));
        done
    }

    fn get_batch(&self, _: &mut Vec<T>, _: usize, _: Wait) -> Result<usize, GetError> {
        Err(producers_only())
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let mut wrapped = item.take().map(self.wrap);
        let step = self.inner.poll_put(cx, &mut wrapped, waiter);
        *item = wrapped.map(self.unwrap);
        step.map_err(|refusal| refusal.map(self.unwrap))
    }

    fn poll_get(&self, _: &mut Context<'_>, _: &mut Waiter) -> Poll<Result<T, GetError>> {
        Poll::Ready(Err(producers_only()))
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.inner.cancel_put(waiter);
    }

    fn cancel_get(&self, _: &mut Waiter) {}
}
