//! The half of a queue that never waits, and the waiting half made from it.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::wait::{Barrier, WaitList, Waiter};
use crate::{GetError, Item, PutError, Queue, QueueCore, Wait};

/// What a queue inside one process has to bring; [`Queue`] follows from it.
///
/// Every operation wakes those for whom it changed something: a put the getters, a get the putters, a close everybody.
/// It does so after the change, through the two lists.
pub trait TryQueue<T: Item>: QueueCore {
    /// The barrier of its two lists.
    type Barrier: Barrier;

    /// Those who wait for an item.
    fn getters(&self) -> &WaitList<Self::Barrier>;

    /// Those who wait for room.
    fn putters(&self) -> &WaitList<Self::Barrier>;

    /// Puts one item if there is room.
    ///
    /// # Errors
    /// `Full`, `Closed`. The item comes back.
    fn put_now(&self, item: T) -> Result<(), PutError<T>>;

    /// Takes one item if there is one.
    ///
    /// # Errors
    /// `Empty`, and `Closed` when nothing is inside or on its way and nothing ever will be.
    fn get_now(&self) -> Result<T, GetError>;

    /// Puts from the front of `items` what fits.
    ///
    /// # Errors
    /// As [`put_now`](Self::put_now), when there was one and not even that went in.
    fn put_run(&self, items: &mut VecDeque<T>) -> Result<usize, PutError<()>>;

    /// Appends to `out` what is there, at most `max`.
    ///
    /// # Errors
    /// As [`get_now`](Self::get_now), when `max` is not 0 and not even one came.
    fn get_run(&self, out: &mut Vec<T>, max: usize) -> Result<usize, GetError>;
}

impl<T: Item, Q: TryQueue<T>> Queue<T> for Q {
    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        match self.put_now(item) {
            Err(PutError::Full(item)) if wait != Wait::Never => put_slow(self, item, wait),
            done => done,
        }
    }

    #[inline]
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        match self.get_now() {
            Err(GetError::Empty) if wait != Wait::Never => get_slow(self, wait),
            done => done,
        }
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        match self.put_run(items) {
            Err(PutError::Full(())) if wait != Wait::Never => self
                .putters()
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
                .getters()
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
        self.putters().poll(cx, waiter, || put_from(self, item))
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        self.getters().poll(cx, waiter, || get_unless_empty(self))
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.putters().cancel(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.getters().cancel(waiter);
    }
}

#[cold]
fn put_slow<T: Item, Q: TryQueue<T>>(queue: &Q, item: T, wait: Wait) -> Result<(), PutError<T>> {
    let mut slot = Some(item);
    let done = queue.putters().block(wait, || put_from(queue, &mut slot));
    match (done, slot) {
        (Some(done), _) => done,
        (None, Some(item)) => Err(PutError::Full(item)),
        // Unreachable: without a result the item is in its slot. Nothing to lose in any case.
        (None, None) => Ok(()),
    }
}

#[cold]
fn get_slow<T: Item, Q: TryQueue<T>>(queue: &Q, wait: Wait) -> Result<T, GetError> {
    queue
        .getters()
        .block(wait, || get_unless_empty(queue))
        .unwrap_or(Err(GetError::Empty))
}

/// Like `put_now` on an item in a slot; `None` means full, with the item back in its slot.
fn put_from<T: Item, Q: TryQueue<T>>(queue: &Q, slot: &mut Option<T>) -> Option<Result<(), PutError<T>>> {
    match queue.put_now(slot.take()?) {
        Err(PutError::Full(item)) => {
            *slot = Some(item);
            None
        }
        done => Some(done),
    }
}

fn get_unless_empty<T: Item, Q: TryQueue<T>>(queue: &Q) -> Option<Result<T, GetError>> {
    match queue.get_now() {
        Err(GetError::Empty) => None,
        done => Some(done),
    }
}
