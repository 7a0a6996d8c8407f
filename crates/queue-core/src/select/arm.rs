//! One operation of a select.

use std::task::{Context, Poll};

use crate::wait::Waiter;
use crate::{GetError, Item, PutError, Queue};

/// What a look at an arm came to.
pub(super) enum Step {
    /// It has an answer.
    Done,
    /// Nothing yet.
    Waiting,
    /// Nothing ever again.
    Over,
}

/// One operation of a select, with its types forgotten.
pub(super) trait Arm<R>: Send {
    fn attempt(&mut self) -> Step;
    fn poll(&mut self, cx: &mut Context<'_>) -> Step;
    fn disarm(&mut self);
    /// What `Done` stood for; `None` without it.
    fn answer(&mut self) -> Option<Result<R, GetError>>;
}

pub(super) struct GetArm<'a, T: Item, Q: ?Sized, F> {
    queue: &'a Q,
    then: F,
    waiter: Waiter,
    outcome: Option<Result<T, GetError>>,
    is_over: bool,
}

impl<'a, T: Item, Q: Queue<T> + ?Sized, F> GetArm<'a, T, Q, F> {
    pub(super) const fn new(queue: &'a Q, then: F) -> Self {
        Self {
            queue,
            then,
            waiter: Waiter::hurried(),
            outcome: None,
            is_over: false,
        }
    }

    fn settle(&mut self, outcome: Result<T, GetError>) -> Step {
        if matches!(outcome, Err(GetError::Closed)) {
            self.is_over = true;
            return Step::Over;
        }
        self.outcome = Some(outcome);
        Step::Done
    }
}

impl<T: Item, Q: Queue<T> + ?Sized, F: FnMut(T) -> R + Send, R> Arm<R> for GetArm<'_, T, Q, F> {
    fn attempt(&mut self) -> Step {
        if self.is_over {
            return Step::Over;
        }
        match self.queue.try_get() {
            Err(GetError::Empty) => Step::Waiting,
            outcome => self.settle(outcome),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Step {
        if self.is_over {
            return Step::Over;
        }
        match self.queue.poll_get(cx, &mut self.waiter) {
            Poll::Pending => Step::Waiting,
            Poll::Ready(outcome) => self.settle(outcome),
        }
    }

    fn disarm(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_get(&mut self.waiter);
        }
    }

    fn answer(&mut self) -> Option<Result<R, GetError>> {
        Some(self.outcome.take()?.map(&mut self.then))
    }
}

pub(super) struct PutArm<'a, T: Item, Q: ?Sized, F> {
    queue: &'a Q,
    slot: &'a mut Option<T>,
    then: F,
    waiter: Waiter,
    outcome: Option<Result<(), PutError<T>>>,
}

impl<'a, T: Item, Q: Queue<T> + ?Sized, F> PutArm<'a, T, Q, F> {
    pub(super) const fn new(queue: &'a Q, slot: &'a mut Option<T>, then: F) -> Self {
        Self {
            queue,
            slot,
            then,
            waiter: Waiter::hurried(),
            outcome: None,
        }
    }
}

impl<T: Item, Q: Queue<T> + ?Sized, F, R> Arm<R> for PutArm<'_, T, Q, F>
where
    F: FnMut(Result<(), PutError<T>>) -> R + Send,
{
    fn attempt(&mut self) -> Step {
        let Some(item) = self.slot.take() else {
            return Step::Over;
        };
        match self.queue.try_put(item) {
            Err(PutError::Full(item)) => {
                *self.slot = Some(item);
                Step::Waiting
            }
            outcome => {
                self.outcome = Some(outcome);
                Step::Done
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Step {
        if self.slot.is_none() && !self.waiter.is_armed() {
            return Step::Over;
        }
        match self.queue.poll_put(cx, self.slot, &mut self.waiter) {
            Poll::Pending => Step::Waiting,
            Poll::Ready(outcome) => {
                self.outcome = Some(outcome);
                Step::Done
            }
        }
    }

    fn disarm(&mut self) {
        if self.waiter.is_armed() {
            self.queue.cancel_put(&mut self.waiter);
        }
    }

    fn answer(&mut self) -> Option<Result<R, GetError>> {
        self.outcome.take().map(|outcome| Ok((self.then)(outcome)))
    }
}
