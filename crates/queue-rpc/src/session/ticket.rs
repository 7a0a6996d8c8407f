//! One answer for one who waits, thread or task.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use descriptor_core::Wait;
use descriptor_core::wait::{Locked, WaitList, Waiter};

/// Where an answer is put down.
pub(crate) struct Ticket<A> {
    answer: Mutex<Option<A>>,
    line: WaitList<Locked>,
}

impl<A> Ticket<A> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(None),
            line: WaitList::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<A>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the answer down, unless there was one, and wakes who waits for it. Not to be called under a lock: a waker is
    /// foreign code.
    pub(crate) fn answer(&self, answer: A) {
        self.lock().get_or_insert(answer);
        self.line.notify_all();
    }

    pub(crate) fn take(&self) -> Option<A> {
        self.lock().take()
    }

    /// The answer, or nothing when the wait ended before.
    pub(crate) fn block(&self, wait: Wait) -> Option<A> {
        self.take().or_else(|| self.line.block(wait, || self.take()))
    }

    pub(crate) fn poll(&self, cx: &Context<'_>, waiter: &mut Waiter) -> Poll<A> {
        self.line.poll(cx, waiter, || self.take())
    }

    pub(crate) fn cancel(&self, waiter: &mut Waiter) {
        self.line.cancel(waiter);
    }
}

impl<A> std::fmt::Debug for Ticket<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ticket").finish_non_exhaustive()
    }
}
