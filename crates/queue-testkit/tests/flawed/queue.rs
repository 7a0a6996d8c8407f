//! The queue itself: a lock around a deque, and two lists of those who wait.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use descriptor_core::wait::{WaitList, Waiter};
use descriptor_core::{Caps, Error, ErrorKind, GetError, Item, PutError, Queue, QueueCore, Totals, Wait};

use super::{Every, Flaw, PUTS, copy};

/// How long a put that stores late looks away after it saw the queue open.
const LATE: Duration = Duration::from_millis(2);

pub(crate) struct Flawed<T: Item> {
    flaw: Flaw,
    capacity: Option<usize>,
    state: Mutex<State<T>>,
    getters: WaitList,
    putters: WaitList,
    every: Every,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    totals: Totals,
}

impl<T: Item> Flawed<T> {
    pub(crate) fn new(flaw: Flaw, capacity: Option<usize>) -> Result<Self, Error> {
        let valid = capacity.is_none_or(|capacity| (1..=1 << 24).contains(&capacity));
        if !valid && flaw != Flaw::OpensAnyCapacity {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "create"));
        }
        Ok(Self {
            flaw,
            capacity,
            state: Mutex::new(State {
                items: VecDeque::new(),
                closed: false,
                totals: Totals::default(),
            }),
            getters: WaitList::new(),
            putters: WaitList::new(),
            every: Every::new(),
        })
    }

    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn room(&self, state: &State<T>) -> bool {
        let inside = state.items.len();
        self.capacity.is_none_or(|capacity| match self.flaw {
            Flaw::TakesOneTooMany => inside <= capacity,
            Flaw::SaysFullEarly => inside < capacity - usize::from(capacity > 2),
            _ => inside < capacity,
        })
    }

    /// `None` means full, with the item still in its slot.
    fn store(&self, slot: &mut Option<T>) -> Option<Result<(), PutError<T>>> {
        let closed_before = self.lock().closed;
        if self.is(Flaw::StoresLate) {
            // Long enough for a close and a drain on a machine of one busy processor, where giving it away is not.
            std::thread::sleep(LATE);
        }
        let mut state = self.lock();
        let closed = match self.flaw {
            Flaw::StoresLate => closed_before,
            Flaw::StoresAfterClose => false,
            _ => state.closed,
        };
        if closed {
            return Some(Err(PutError::Closed(self.refused(slot.take()?))));
        }
        if !self.room(&state) {
            state.totals.put += u64::from(self.is(Flaw::CountsRefusedPuts));
            return None;
        }
        let item = slot.take()?;
        state.totals.put += 1;
        if self.is(Flaw::LosesOneInAThousand) && self.every.is_due(1000) {
            return Some(Ok(()));
        }
        if self.is(Flaw::LosesOneInAMillion) && PUTS.is_due(1_000_000) {
            return Some(Ok(()));
        }
        state.items.push_back(item);
        let last = state.items.len() - 1;
        if self.is(Flaw::SwapsTwo) && last > 0 && self.every.is_due(100) {
            state.items.swap(last - 1, last);
        }
        Some(Ok(()))
    }

    fn put_silently(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        let mut slot = Some(item);
        let done = self.within(&self.putters, wait, || self.store(&mut slot));
        match (done, slot) {
            (None, Some(item)) => Err(PutError::Full(self.refused(item))),
            (done, _) => done.unwrap_or(Ok(())),
        }
    }

    fn refused(&self, item: T) -> T {
        if self.is(Flaw::GivesBackACopy) {
            copy(&item).unwrap_or(item)
        } else {
            item
        }
    }

    fn take(&self) -> Option<Result<T, GetError>> {
        let mut state = self.lock();
        if state.closed && self.is(Flaw::ClosesWithoutDraining) {
            return Some(Err(GetError::Closed));
        }
        let Some(item) = state.items.pop_front() else {
            let failure = if self.is(Flaw::SaysEmptyForClosed) {
                GetError::Empty
            } else {
                GetError::Closed
            };
            return state.closed.then_some(Err(failure));
        };
        if self.is(Flaw::DeliversTwice) && self.every.is_due(1000) {
            state.items.extend(copy(&item));
        }
        state.totals.get += 1;
        Some(Ok(item))
    }

    fn wake_getters(&self, count: usize) {
        match self.flaw {
            Flaw::WakesNobodyOnPut => {}
            Flaw::WakesOneForABatch => drop(self.getters.notify(count.min(1))),
            _ => drop(self.getters.notify(count)),
        }
    }

    fn wake_putters(&self, count: usize) {
        if !self.is(Flaw::WakesNobodyOnGet) {
            self.putters.notify(count);
        }
    }

    /// How long the flawed queue really waits.
    fn real(&self, wait: Wait) -> Wait {
        match wait {
            Wait::Never if self.is(Flaw::SleepsOnTry) => Wait::Forever,
            Wait::Until(deadline) if self.is(Flaw::GivesUpEarly) => {
                let now = Instant::now();
                Wait::Until(now + deadline.saturating_duration_since(now) / 2)
            }
            other => other,
        }
    }

    fn within<R>(&self, list: &WaitList, wait: Wait, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        attempt().or_else(|| list.block(self.real(wait), attempt))
    }

    fn step<R>(
        &self,
        list: &WaitList,
        cx: &Context<'_>,
        waiter: &mut Waiter,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Poll<R> {
        if self.is(Flaw::KeepsTheFirstWaker) && waiter.is_armed() {
            return attempt().map_or(Poll::Pending, Poll::Ready);
        }
        list.poll(cx, waiter, attempt)
    }
}

impl<T: Item> Drop for Flawed<T> {
    fn drop(&mut self) {
        if self.is(Flaw::LeaksTheRest) {
            std::mem::forget(std::mem::take(&mut self.lock().items));
        }
    }
}

impl<T: Item> QueueCore for Flawed<T> {
    fn depth(&self) -> Option<usize> {
        let inside = self.lock().items.len();
        Some(inside + usize::from(self.is(Flaw::CountsOneTooMany) && inside > 0))
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
        if self.is(Flaw::EmptiesOnClose) {
            state.items.clear();
        }
        drop(state);
        if self.is(Flaw::WakesOneOnClose) {
            self.getters.notify(1);
            self.putters.notify(1);
            return;
        }
        if !self.is(Flaw::ForgetsGettersOnClose) {
            self.getters.notify_all();
        }
        if !self.is(Flaw::ForgetsPuttersOnClose) {
            self.putters.notify_all();
        }
    }
    fn is_closed(&self) -> bool {
        self.lock().closed
    }
    fn totals(&self) -> Option<Totals> {
        Some(self.lock().totals)
    }
}

impl<T: Item> Queue<T> for Flawed<T> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        self.put_silently(item, wait)?;
        self.wake_getters(1);
        Ok(())
    }

    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        let item = self
            .within(&self.getters, wait, || self.take())
            .unwrap_or(Err(GetError::Empty))?;
        self.wake_putters(1);
        Ok(item)
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        let (mut stored, mut end) = (0, None);
        while let Some(item) = items.pop_front() {
            let patient = stored == 0 || self.is(Flaw::WaitsForTheWholeBatch);
            if let Err(refusal) = self.put_silently(item, if patient { wait } else { Wait::Never }) {
                end = Some(refusal.map(|item| items.push_front(item)));
                break;
            }
            stored += 1;
        }
        self.wake_getters(stored);
        if self.is(Flaw::DropsTheRestOfABatch) && stored > 0 {
            items.clear();
        }
        match end {
            Some(refusal) if stored == 0 => Err(refusal),
            _ => Ok(stored),
        }
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        let mut taken = 0;
        while taken < max {
            let wait = if taken == 0 { wait } else { Wait::Never };
            match self.within(&self.getters, wait, || self.take()) {
                Some(Ok(item)) => out.push(item),
                Some(Err(failure)) if taken == 0 => return Err(failure),
                None if taken == 0 => return Err(GetError::Empty),
                _ => break,
            }
            taken += 1;
            if self.is(Flaw::TakesSingleBatches) {
                break;
            }
        }
        self.wake_putters(taken);
        Ok(taken)
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let step = self.step(&self.putters, cx, waiter, || self.store(item));
        match step {
            Poll::Ready(Ok(())) => self.wake_getters(1),
            Poll::Pending if self.is(Flaw::StoresOnDroppedPut) => {
                waiter.state().replace(Box::new(item.as_ref().and_then(copy)));
            }
            _ => {}
        }
        step
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        if let Some(taken) = waiter.state().take().and_then(|taken| taken.downcast::<T>().ok()) {
            return Poll::Ready(Ok(*taken));
        }
        let woken = waiter.is_armed();
        let step = self.step(&self.getters, cx, waiter, || self.take());
        match step {
            Poll::Ready(Ok(item)) => {
                self.wake_putters(1);
                if self.is(Flaw::LosesOnDroppedGet) && woken {
                    waiter.state().replace(Box::new(item));
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(Ok(item))
            }
            other => other,
        }
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        let late = waiter.state().take().and_then(|item| item.downcast::<Option<T>>().ok());
        if let Some(item) = late.and_then(|item| *item) {
            self.lock().items.push_back(item);
        }
        if !self.is(Flaw::KeepsSwallowedWakeUps) {
            self.putters.cancel(waiter);
        }
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        if !self.is(Flaw::KeepsSwallowedWakeUps) {
            self.getters.cancel(waiter);
        }
    }
}
