//! The half of a queue that never waits, and the waiting half made from it.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use crate::sync::{ANSWER, MOMENT, full_barrier, spin};
use crate::wait::{Barrier, WaitList, Waiter};
use crate::{GetError, Item, PutError, QueueCore, Wait};

/// What a queue inside one process has to bring; [`Queue`](crate::Queue) follows from it by
/// [`waiting_queue!`](crate::waiting_queue).
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

    /// False when certainly nothing is to be had right now. Where items inside can be out of reach, such as those on loan,
    /// this spares a getter that waits a wake-up in vain.
    fn may_have_item(&self) -> bool {
        self.depth() != Some(0)
    }

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

    /// The short way of [`put_now`](Self::put_now): stores the item if nothing at all is in the way, and gives it back
    /// otherwise, without saying why. A queue without a shorter way has none.
    ///
    /// # Errors
    /// The item.
    #[inline]
    fn put_at_once(&self, item: T) -> Result<(), T> {
        Err(item)
    }

    /// The short way of [`get_now`](Self::get_now).
    #[inline]
    fn get_at_once(&self) -> Option<T> {
        None
    }

    /// A cheap look for those who wait for room: true while a put would say `Full`. A queue that cannot tell says false.
    #[inline]
    fn seems_full(&self) -> bool {
        false
    }

    /// As [`seems_full`](Self::seems_full), for a get and `Empty`.
    #[inline]
    fn seems_empty(&self) -> bool {
        false
    }

    /// True when items come one at a time lately, as answers do: who waits for one looks more often then. A queue that
    /// cannot tell says false.
    #[inline]
    fn items_come_singly(&self) -> bool {
        false
    }

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

/// Implements [`Queue`](crate::Queue) for a generic type that implements [`TryQueue`]: `waiting_queue!(MyQueue)` for
/// `MyQueue<T: Item>`.
///
/// A macro and not a blanket implementation, which would keep every other crate from implementing it for a
/// generic type of its own.
#[macro_export]
macro_rules! waiting_queue {
    ($name:ident) => {
        impl<T: $crate::Item> $crate::Queue<T> for $name<T> {
            #[inline]
            fn put_within(&self, item: T, wait: $crate::Wait) -> Result<(), $crate::PutError<T>> {
                $crate::try_queue::put_within(self, item, wait)
            }

            #[inline]
            fn get_within(&self, wait: $crate::Wait) -> Result<T, $crate::GetError> {
                $crate::try_queue::get_within(self, wait)
            }

            fn put_batch(
                &self,
                items: &mut ::std::collections::VecDeque<T>,
                wait: $crate::Wait,
            ) -> Result<usize, $crate::PutError<()>> {
                $crate::try_queue::put_batch(self, items, wait)
            }

            fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: $crate::Wait) -> Result<usize, $crate::GetError> {
                $crate::try_queue::get_batch(self, out, max, wait)
            }

            fn poll_put(
                &self,
                cx: &mut ::std::task::Context<'_>,
                item: &mut Option<T>,
                waiter: &mut $crate::wait::Waiter,
            ) -> ::std::task::Poll<Result<(), $crate::PutError<T>>> {
                $crate::try_queue::poll_put(self, cx, item, waiter)
            }

            fn poll_get(
                &self,
                cx: &mut ::std::task::Context<'_>,
                waiter: &mut $crate::wait::Waiter,
            ) -> ::std::task::Poll<Result<T, $crate::GetError>> {
                $crate::try_queue::poll_get(self, cx, waiter)
            }

            fn cancel_put(&self, waiter: &mut $crate::wait::Waiter) {
                $crate::TryQueue::putters(self).cancel(waiter);
            }

            fn cancel_get(&self, waiter: &mut $crate::wait::Waiter) {
                $crate::TryQueue::getters(self).cancel(waiter);
            }
        }
    };
}

/// [`Queue::put_within`](crate::Queue::put_within) over [`TryQueue`].
///
/// # Errors
/// As there.
#[inline]
pub fn put_within<T: Item, Q: TryQueue<T>>(queue: &Q, item: T, wait: Wait) -> Result<(), PutError<T>> {
    match queue.put_at_once(item) {
        Ok(()) => Ok(()),
        Err(item) => put_rest(queue, item, wait),
    }
}

/// What most puts never come to; apart, so that the short way stays short.
#[inline(never)]
fn put_rest<T: Item, Q: TryQueue<T>>(queue: &Q, item: T, wait: Wait) -> Result<(), PutError<T>> {
    match queue.put_now(item) {
        Err(PutError::Full(item)) if wait != Wait::Never => put_slow(queue, item, wait),
        done => done,
    }
}

/// [`Queue::get_within`](crate::Queue::get_within) over [`TryQueue`].
///
/// # Errors
/// As there.
#[inline]
pub fn get_within<T: Item, Q: TryQueue<T>>(queue: &Q, wait: Wait) -> Result<T, GetError> {
    match queue.get_at_once() {
        Some(item) => Ok(item),
        None => get_rest(queue, wait),
    }
}

#[inline(never)]
fn get_rest<T: Item, Q: TryQueue<T>>(queue: &Q, wait: Wait) -> Result<T, GetError> {
    match queue.get_now() {
        Err(GetError::Empty) if wait != Wait::Never => get_slow(queue, wait),
        done => done,
    }
}

/// [`Queue::put_batch`](crate::Queue::put_batch) over [`TryQueue`].
///
/// # Errors
/// As there.
pub fn put_batch<T: Item, Q: TryQueue<T>>(
    queue: &Q,
    items: &mut VecDeque<T>,
    wait: Wait,
) -> Result<usize, PutError<()>> {
    match queue.put_run(items) {
        Err(PutError::Full(())) if wait != Wait::Never => wait_for_room(queue, wait, || match queue.put_run(items) {
            Err(PutError::Full(())) => None,
            done => Some(done),
        })
        .unwrap_or(Err(PutError::Full(()))),
        done => done,
    }
}

/// [`Queue::get_batch`](crate::Queue::get_batch) over [`TryQueue`].
///
/// # Errors
/// As there.
pub fn get_batch<T: Item, Q: TryQueue<T>>(
    queue: &Q,
    out: &mut Vec<T>,
    max: usize,
    wait: Wait,
) -> Result<usize, GetError> {
    match queue.get_run(out, max) {
        Err(GetError::Empty) if wait != Wait::Never => wait_for_item(queue, wait, || match queue.get_run(out, max) {
            Err(GetError::Empty) => None,
            done => Some(done),
        })
        .unwrap_or(Err(GetError::Empty)),
        done => done,
    }
}

/// [`Queue::poll_put`](crate::Queue::poll_put) over [`TryQueue`].
#[inline]
pub fn poll_put<T: Item, Q: TryQueue<T>>(
    queue: &Q,
    cx: &mut Context<'_>,
    item: &mut Option<T>,
    waiter: &mut Waiter,
) -> Poll<Result<(), PutError<T>>> {
    if !waiter.is_armed()
        && let Some(at_hand) = item.take()
    {
        match queue.put_at_once(at_hand) {
            Ok(()) => return Poll::Ready(Ok(())),
            Err(refused) => *item = Some(refused),
        }
    }
    poll_put_rest(queue, cx, item, waiter)
}

#[inline(never)]
fn poll_put_rest<T: Item, Q: TryQueue<T>>(
    queue: &Q,
    cx: &mut Context<'_>,
    item: &mut Option<T>,
    waiter: &mut Waiter,
) -> Poll<Result<(), PutError<T>>> {
    if item.is_none() {
        return Poll::Ready(Ok(()));
    }
    let mut attempt = || put_from(queue, item);
    if let Some(step) = queue
        .putters()
        .turns()
        .linger(cx, waiter, || !queue.seems_full(), &mut attempt)
    {
        return step;
    }
    let waited = waiter.is_armed();
    let step = queue.putters().poll(cx, waiter, attempt);
    if waited && step.is_ready() {
        hand_on_room(queue);
    }
    step
}

/// [`Queue::poll_get`](crate::Queue::poll_get) over [`TryQueue`].
#[inline]
pub fn poll_get<T: Item, Q: TryQueue<T>>(
    queue: &Q,
    cx: &mut Context<'_>,
    waiter: &mut Waiter,
) -> Poll<Result<T, GetError>> {
    if !waiter.is_armed()
        && let Some(item) = queue.get_at_once()
    {
        return Poll::Ready(Ok(item));
    }
    poll_for_item(queue, cx, waiter, || get_unless_empty(queue))
}

/// The asynchronous form of [`wait_for_item`].
#[inline(never)]
pub fn poll_for_item<T: Item, Q: TryQueue<T>, R>(
    queue: &Q,
    cx: &Context<'_>,
    waiter: &mut Waiter,
    mut attempt: impl FnMut() -> Option<R>,
) -> Poll<R> {
    if let Some(step) = queue
        .getters()
        .turns()
        .linger(cx, waiter, || !queue.seems_empty(), &mut attempt)
    {
        return step;
    }
    let waited = waiter.is_armed();
    let step = queue.getters().poll(cx, waiter, attempt);
    if waited && step.is_ready() {
        hand_on_item(queue);
    }
    step
}

/// Tries for a moment, then blocks as [`WaitList::block`] on the getters does. Who waited and succeeded wakes the next
/// one if there is more.
///
/// A queue may hold back what is finished behind what is still on its way: an item behind an older put, room behind an
/// older get. Its announcement then comes too early and wakes somebody in vain, or nobody; the later announcement of the
/// one that held it back is a single one. So each of those who are woken looks on behalf of the next.
pub fn wait_for_item<T: Item, Q: TryQueue<T>, R>(
    queue: &Q,
    wait: Wait,
    mut attempt: impl FnMut() -> Option<R>,
) -> Option<R> {
    if wait == Wait::Never {
        return None;
    }
    let moment = if queue.items_come_singly() { ANSWER } else { MOMENT };
    if let Some(done) = spin(moment, || !queue.seems_empty(), &mut attempt) {
        return Some(done);
    }
    let done = queue.getters().block(wait, attempt);
    if done.is_some() {
        hand_on_item(queue);
    }
    done
}

/// As [`wait_for_item`], for room.
fn wait_for_room<T: Item, Q: TryQueue<T>, R>(
    queue: &Q,
    wait: Wait,
    mut attempt: impl FnMut() -> Option<R>,
) -> Option<R> {
    if let Some(done) = spin(MOMENT, || !queue.seems_full(), &mut attempt) {
        return Some(done);
    }
    let done = queue.putters().block(wait, attempt);
    if done.is_some() {
        hand_on_room(queue);
    }
    done
}

/// Wakes everybody who waits, for [`close`](QueueCore::close). A waker is foreign code: when one of the getters' panics, the
/// putters still get their call.
#[cold]
pub fn wake_everybody<B: Barrier>(getters: &WaitList<B>, putters: &WaitList<B>) {
    struct Last<'a, B: Barrier>(&'a WaitList<B>);
    impl<B: Barrier> Drop for Last<'_, B> {
        fn drop(&mut self) {
            self.0.notify_all();
        }
    }
    let _last = Last(putters);
    getters.notify_all();
}

#[cold]
fn hand_on_item<T: Item, Q: TryQueue<T>>(queue: &Q) {
    if queue.getters().waiting() > 0 {
        full_barrier();
        if queue.may_have_item() || queue.is_closed() {
            queue.getters().notify(1);
        }
    }
}

#[cold]
fn hand_on_room<T: Item, Q: TryQueue<T>>(queue: &Q) {
    if queue.putters().waiting() > 0 {
        full_barrier();
        let full = matches!((queue.depth(), queue.capacity()), (Some(depth), Some(most)) if depth >= most);
        if !full || queue.is_closed() {
            queue.putters().notify(1);
        }
    }
}

#[cold]
fn put_slow<T: Item, Q: TryQueue<T>>(queue: &Q, item: T, wait: Wait) -> Result<(), PutError<T>> {
    let mut slot = Some(item);
    let done = wait_for_room(queue, wait, || put_from(queue, &mut slot));
    match (done, slot) {
        (Some(done), _) => done,
        (None, Some(item)) => Err(PutError::Full(item)),
        // Unreachable: without a result the item is in its slot. Nothing to lose in any case.
        (None, None) => Ok(()),
    }
}

#[cold]
fn get_slow<T: Item, Q: TryQueue<T>>(queue: &Q, wait: Wait) -> Result<T, GetError> {
    wait_for_item(queue, wait, || get_unless_empty(queue)).unwrap_or(Err(GetError::Empty))
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
