//! A queue whose calls are made by two processes.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use sage_comm::wait::Waiter;
use sage_comm::{
    Caps, Error, GetError, Lease, LeaseKeeper, LeaseTotals, PutError, Queue, QueueCore, ShmQueue, ShmSpec, Spec,
    Totals, Wait, Wire,
};
use sage_tests::hand::{Answer, Loaned, Look, Packed, Refusal, State, Verb, pack, unpack};

use crate::hand::{There, error};

/// Which calls the other process makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// Those that put.
    Puts,
    /// Those that get and lease; it holds the leases.
    Gets,
    /// Every other one: each side of the queue is used by both.
    Turns,
    /// All.
    All,
}

/// One half of the calls of a queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Put,
    Get,
    /// `close`, whom the sleepers of the other process must hear of.
    Close,
}

/// A queue that is open in both processes, or, for [`Share::All`], in the other one alone.
pub(crate) struct Apart<T: Wire> {
    share: Share,
    turn: AtomicUsize,
    // First, as it is let go of first.
    here: Option<ShmQueue<T>>,
    there: Arc<There>,
}

/// A future that waits in the other process.
struct Waiting {
    look: Look,
    item: Packed,
}

fn unexpected(answer: &Answer) -> ! {
    panic!("the other process answered with {answer:?}")
}

fn get_refused(refusal: Refusal) -> GetError {
    match refusal {
        Refusal::Empty => GetError::Empty,
        Refusal::Closed => GetError::Closed,
        Refusal::Failed(kind, text) => GetError::Failed(error(kind, text)),
        Refusal::Full => panic!("a get ended with Full"),
    }
}

fn put_refused<I>(refusal: Refusal, item: I) -> PutError<I> {
    match refusal {
        Refusal::Full => PutError::Full(item),
        Refusal::Closed => PutError::Closed(item),
        Refusal::Failed(kind, text) => PutError::Failed(item, error(kind, text)),
        Refusal::Empty => panic!("a put ended with Empty"),
    }
}

fn one<R>(mut all: Vec<R>) -> R {
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => only,
        _ => panic!("a get of one item brought none or several"),
    }
}

fn ended(answer: &Answer) -> Result<(), Error> {
    match answer {
        Answer::Done => Ok(()),
        Answer::Refused(Refusal::Failed(kind, text), _) => Err(error(*kind, text.clone())),
        other => unexpected(other),
    }
}

impl<T: Wire> Apart<T> {
    pub(crate) fn new(share: Share, here: Option<ShmQueue<T>>, there: There) -> Self {
        Self {
            share,
            turn: AtomicUsize::new(0),
            here,
            there: Arc::new(there),
        }
    }

    /// The queue as this process has it, when the call is its.
    fn mine(&self, side: Side) -> Option<&ShmQueue<T>> {
        let is_mine = match self.share {
            Share::Puts => side != Side::Put,
            Share::Gets => side != Side::Get,
            Share::Turns => self.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2),
            Share::All => false,
        };
        self.here.as_ref().filter(|_| is_mine)
    }

    /// The item as it travels. One that panics when it is serialized does not travel: its put is made here.
    fn packed(&self, item: &T) -> Result<Packed, &ShmQueue<T>> {
        let packed = catch_unwind(AssertUnwindSafe(|| pack(item)));
        packed.map_err(|_| self.here.as_ref().expect("the queue in this process"))
    }

    fn state(&self) -> State {
        match self.there.call(Verb::State) {
            Answer::State(state) => state,
            other => unexpected(&other),
        }
    }

    /// One poll of a future that waits there, or begins to.
    fn poll_there(
        &self,
        cx: &Context<'_>,
        waiter: &mut Waiter,
        item: Packed,
        verb: impl FnOnce(Look, Option<Packed>) -> Verb,
    ) -> Poll<(Answer, Packed)> {
        let hand = &self.there.hand;
        let known = waiting(waiter);
        let is_first = known.is_none();
        let (future, item) = match known {
            Some(known) => {
                hand.forget(known.look.waker);
                (known.look.future, known.item)
            }
            None => (hand.number(), item),
        };
        let look = Look {
            future,
            waker: hand.watch(cx.waker()),
        };
        let answer = self.there.call(verb(look, is_first.then(|| item.clone())));
        if matches!(answer, Answer::Pending) {
            *waiter.state() = Some(Box::new(Waiting { look, item }));
            return Poll::Pending;
        }
        hand.forget(look.waker);
        Poll::Ready((answer, item))
    }

    fn cancel(&self, waiter: &mut Waiter, here: impl FnOnce(&ShmQueue<T>, &mut Waiter)) {
        match (waiting(waiter), &self.here) {
            (Some(Waiting { look, .. }), _) => {
                self.there.hand.forget(look.waker);
                self.there.give_up(Verb::Cancel(look.future));
            }
            (None, Some(queue)) => here(queue, waiter),
            (None, None) => {}
        }
    }

    fn lease_of(&self, loaned: &Loaned) -> Lease<T> {
        let keeper = Arc::new(Keeper(Arc::clone(&self.there)));
        Lease::new(unpack(&loaned.item), loaned.ticket, loaned.deliveries, keeper)
    }

    fn item(answer: Answer) -> Result<T, GetError> {
        match answer {
            Answer::Items(items) => Ok(unpack(&one(items))),
            Answer::Refused(refusal, _) => Err(get_refused(refusal)),
            other => unexpected(&other),
        }
    }

    fn lease_from(&self, answer: Answer) -> Result<Lease<T>, GetError> {
        match answer {
            Answer::Lent(loans) => Ok(self.lease_of(&one(loans))),
            Answer::Refused(refusal, _) => Err(get_refused(refusal)),
            other => unexpected(&other),
        }
    }

    fn put_end(item: T, packed: Packed, answer: Answer) -> Result<(), PutError<T>> {
        match answer {
            Answer::Done => Ok(()),
            Answer::Refused(refusal, back) => {
                assert_eq!(back, [packed], "another item came back there");
                Err(put_refused(refusal, item))
            }
            other => unexpected(&other),
        }
    }
}

/// What the future waits for there, if it does. Until the next poll it does not.
fn waiting(waiter: &mut Waiter) -> Option<Waiting> {
    let state = waiter.state().take()?;
    Some(*state.downcast().expect("a future of this queue"))
}

impl<T: Wire> QueueCore for Apart<T> {
    fn depth(&self) -> Option<usize> {
        match &self.here {
            Some(queue) => queue.depth(),
            None => self.state().depth,
        }
    }

    fn capacity(&self) -> Option<usize> {
        match &self.here {
            Some(queue) => queue.capacity(),
            None => self.state().capacity,
        }
    }

    fn caps(&self) -> Caps {
        ShmSpec::caps()
    }

    fn close(&self) {
        match self.mine(Side::Close) {
            Some(queue) => queue.close(),
            None => drop(self.there.call(Verb::Close)),
        }
    }

    fn is_closed(&self) -> bool {
        match &self.here {
            Some(queue) => queue.is_closed(),
            None => self.state().is_closed,
        }
    }

    fn totals(&self) -> Option<Totals> {
        match &self.here {
            Some(queue) => queue.totals(),
            None => self.state().totals(),
        }
    }

    fn leases(&self) -> Option<LeaseTotals> {
        match &self.here {
            Some(queue) => queue.leases(),
            None => panic!("no clause asks for the leases of a second opening, so they do not travel"),
        }
    }
}

impl<T: Wire> Queue<T> for Apart<T> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        if let Some(queue) = self.mine(Side::Put) {
            return queue.put_within(item, wait);
        }
        match self.packed(&item) {
            Ok(packed) => {
                let answer = self.there.call(Verb::Put(packed.clone(), wait.into()));
                Self::put_end(item, packed, answer)
            }
            Err(queue) => queue.put_within(item, wait),
        }
    }

    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        match self.mine(Side::Get) {
            Some(queue) => queue.get_within(wait),
            None => Self::item(self.there.call(Verb::Get(wait.into()))),
        }
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        if let Some(queue) = self.mine(Side::Put) {
            return queue.put_batch(items, wait);
        }
        let packed: Vec<Packed> = items.iter().map(pack).collect();
        match self.there.call(Verb::PutBatch(packed.clone(), wait.into())) {
            Answer::Stored(stored, left) => {
                let stored = stored as usize;
                assert_eq!(packed.get(stored..), Some(&*left), "other items are left there");
                items.drain(..stored);
                Ok(stored)
            }
            Answer::Refused(refusal, left) => {
                assert_eq!(packed, left, "a refused batch was changed there");
                Err(put_refused(refusal, ()))
            }
            other => unexpected(&other),
        }
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if let Some(queue) = self.mine(Side::Get) {
            return queue.get_batch(out, max, wait);
        }
        match self.there.call(Verb::GetBatch(max as u64, wait.into())) {
            Answer::Items(items) => {
                out.extend(items.iter().map(|item| unpack::<T>(item)));
                Ok(items.len())
            }
            Answer::Refused(refusal, _) => Err(get_refused(refusal)),
            other => unexpected(&other),
        }
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let Some(at_hand) = item.as_ref() else {
            return Poll::Ready(Ok(()));
        };
        let begins = !waiter.is_armed();
        let mine = if begins {
            self.mine(Side::Put)
        } else {
            self.waits_here(waiter)
        };
        if let Some(queue) = mine {
            return queue.poll_put(cx, item, waiter);
        }
        let packed = match self.packed(at_hand) {
            Ok(packed) => packed,
            Err(queue) => return queue.poll_put(cx, item, waiter),
        };
        match self.poll_there(cx, waiter, packed, Verb::PollPut) {
            Poll::Pending => Poll::Pending,
            Poll::Ready((answer, packed)) => Poll::Ready(match item.take() {
                Some(item) => Self::put_end(item, packed, answer),
                None => Ok(()),
            }),
        }
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        if let Some(queue) = self.getter(waiter) {
            return queue.poll_get(cx, waiter);
        }
        let step = self.poll_there(cx, waiter, Vec::new(), |look, _| Verb::PollGet(look));
        step.map(|(answer, _)| Self::item(answer))
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.cancel(waiter, |queue, waiter| queue.cancel_put(waiter));
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.cancel(waiter, |queue, waiter| queue.cancel_get(waiter));
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        match self.mine(Side::Get) {
            Some(queue) => queue.lease(wait),
            None => self.lease_from(self.there.call(Verb::Lease(wait.into()))),
        }
    }

    fn lease_batch(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if let Some(queue) = self.mine(Side::Get) {
            return queue.lease_batch(out, max, wait);
        }
        match self.there.call(Verb::LeaseBatch(max as u64, wait.into())) {
            Answer::Lent(loans) => {
                out.extend(loans.iter().map(|loaned| self.lease_of(loaned)));
                Ok(loans.len())
            }
            Answer::Refused(refusal, _) => Err(get_refused(refusal)),
            other => unexpected(&other),
        }
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        if let Some(queue) = self.getter(waiter) {
            return queue.poll_lease(cx, waiter);
        }
        let step = self.poll_there(cx, waiter, Vec::new(), |look, _| Verb::PollLease(look));
        step.map(|(answer, _)| self.lease_from(answer))
    }
}

impl<T: Wire> Apart<T> {
    /// The queue in this process when the future that waits does so here.
    fn waits_here(&self, waiter: &mut Waiter) -> Option<&ShmQueue<T>> {
        let waits_there = waiter.state().is_some();
        self.here.as_ref().filter(|_| !waits_there)
    }

    /// The queue in this process when the future of a get belongs here.
    fn getter(&self, waiter: &mut Waiter) -> Option<&ShmQueue<T>> {
        if waiter.is_armed() {
            self.waits_here(waiter)
        } else {
            self.mine(Side::Get)
        }
    }
}

/// Ends the leases that the other process holds.
struct Keeper(Arc<There>);

impl<T: Wire> LeaseKeeper<T> for Keeper {
    fn ack(&self, ticket: u64) -> Result<(), Error> {
        ended(&self.0.call(Verb::Ack(ticket)))
    }

    fn nack(&self, ticket: u64, item: T, after: Duration) -> Result<(), Error> {
        drop(item);
        ended(&self.0.give_up(Verb::Nack(ticket, after)))
    }

    fn extend(&self, ticket: u64, by: Duration) -> Result<(), Error> {
        ended(&self.0.call(Verb::Extend(ticket, by)))
    }
}
