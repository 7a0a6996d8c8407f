//! The plainest queue that keeps the contract.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, DynQueue, Error, ErrorKind, GetError, Item, PutError, Queue, QueueCore, Totals, Wait, Wire,
};

use crate::{InProcess, Subject};

/// A queue under one lock that wakes everybody on every change. Slow, and easy to see that it is right: it shows that
/// the clauses can be kept, and is something to compare a real queue with.
pub struct Reference<T: Item> {
    state: Mutex<State<T>>,
    changed: Condvar,
    capacity: Option<usize>,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    totals: Totals,
    wakers: Vec<Waker>,
}

impl<T: Item> Reference<T> {
    /// The largest capacity, in items.
    pub const MAX_CAPACITY: usize = 1 << 24;

    /// A queue for `capacity` items, or for as many as memory holds.
    ///
    /// # Errors
    /// `InvalidDescriptor` for a capacity of 0 or above [`MAX_CAPACITY`](Self::MAX_CAPACITY).
    pub fn new(capacity: Option<usize>) -> Result<Self, Error> {
        if let Some(wrong) = capacity.filter(|capacity| !(1..=Self::MAX_CAPACITY).contains(capacity)) {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "create")
                .backend("reference")
                .expected("a capacity from 1 to 16777216 items, or none")
                .found(wrong.to_string())
                .remedy("choose a capacity in that range"));
        }
        Ok(Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                closed: false,
                totals: Totals::default(),
                wakers: Vec::new(),
            }),
            changed: Condvar::new(),
            capacity,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // No foreign code runs under the lock, so nothing is half done after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self, mut state: MutexGuard<'_, State<T>>) {
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Tries under the lock until something came of it or the wait ends.
    fn attempt<R>(&self, wait: Wait, mut attempt: impl FnMut(&mut State<T>) -> Option<R>) -> Option<R> {
        let mut state = self.lock();
        loop {
            if let Some(done) = attempt(&mut state) {
                self.announce(state);
                return Some(done);
            }
            state = match wait {
                Wait::Never => return None,
                Wait::Forever => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Wait::Until(deadline) => {
                    let left = deadline
                        .checked_duration_since(Instant::now())
                        .filter(|left| !left.is_zero())?;
                    self.changed
                        .wait_timeout(state, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    fn poll<R>(&self, cx: &Context<'_>, mut attempt: impl FnMut(&mut State<T>) -> Option<R>) -> Poll<R> {
        let mut state = self.lock();
        match attempt(&mut state) {
            Some(done) => {
                self.announce(state);
                Poll::Ready(done)
            }
            None => {
                state.wakers.push(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Takes the item out of the slot unless there is no room for it.
    fn store(&self, state: &mut State<T>, slot: &mut Option<T>) -> Option<Result<(), PutError<T>>> {
        if !state.closed && self.capacity.is_some_and(|capacity| state.items.len() >= capacity) {
            return None;
        }
        let item = slot.take()?;
        if state.closed {
            return Some(Err(PutError::Closed(item)));
        }
        state.items.push_back(item);
        state.totals.put += 1;
        Some(Ok(()))
    }
}

fn take<T>(state: &mut State<T>) -> Option<Result<T, GetError>> {
    match state.items.pop_front() {
        Some(item) => {
            state.totals.get += 1;
            Some(Ok(item))
        }
        None => state.closed.then_some(Err(GetError::Closed)),
    }
}

impl<T: Item> QueueCore for Reference<T> {
    fn depth(&self) -> Option<usize> {
        Some(self.lock().items.len())
    }
    fn capacity(&self) -> Option<usize> {
        self.capacity
    }
    fn caps(&self) -> Caps {
        Caps::IN_PROCESS.with_bounded(self.capacity.is_some())
    }
    fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.announce(state);
    }
    fn is_closed(&self) -> bool {
        self.lock().closed
    }
    fn totals(&self) -> Option<Totals> {
        Some(self.lock().totals)
    }
}

impl<T: Item> Queue<T> for Reference<T> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        let mut slot = Some(item);
        let done = self.attempt(wait, |state| self.store(state, &mut slot));
        match (done, slot) {
            (None, Some(item)) => Err(PutError::Full(item)),
            (done, _) => done.unwrap_or(Ok(())),
        }
    }

    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        self.attempt(wait, take).unwrap_or(Err(GetError::Empty))
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        let Some(first) = items.pop_front() else {
            return Ok(0);
        };
        if let Err(refusal) = self.put_within(first, wait) {
            return Err(refusal.map(|item| items.push_front(item)));
        }
        let mut stored = 1;
        while let Some(item) = items.pop_front() {
            if let Err(refusal) = self.try_put(item) {
                items.push_front(refusal.into_item());
                break;
            }
            stored += 1;
        }
        Ok(stored)
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        out.push(self.get_within(wait)?);
        let mut taken = 1;
        while taken < max {
            let Ok(item) = self.try_get() else { break };
            out.push(item);
            taken += 1;
        }
        Ok(taken)
    }

    fn poll_put(&self, cx: &mut Context<'_>, item: &mut Option<T>, _: &mut Waiter) -> Poll<Result<(), PutError<T>>> {
        self.poll(cx, |state| self.store(state, item))
    }

    fn poll_get(&self, cx: &mut Context<'_>, _: &mut Waiter) -> Poll<Result<T, GetError>> {
        self.poll(cx, take)
    }

    // Everybody is woken by every change, so there is nothing to pass on.
    fn cancel_put(&self, _: &mut Waiter) {}
    fn cancel_get(&self, _: &mut Waiter) {}
}

impl<T: Item> fmt::Debug for Reference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reference")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// [`Reference`] as a [`Subject`].
#[derive(Clone, Copy, Debug, Default)]
pub struct ReferenceQueues;

impl Subject for ReferenceQueues {
    fn name(&self) -> &str {
        "reference"
    }
    fn caps(&self) -> Caps {
        Caps::IN_PROCESS
    }
    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        self.open_any(capacity)
    }
    fn unbounded(&self) -> bool {
        true
    }
}

impl InProcess for ReferenceQueues {
    fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(Reference::new(capacity)?))
    }
}
