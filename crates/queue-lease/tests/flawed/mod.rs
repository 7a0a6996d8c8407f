//! A right queue with leases that can be broken in one chosen place.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, Codec, DynQueue, Error, GetError, Item, Lease, LeaseKeeper, LeaseTotals, PutError, Queue, QueueCore, Totals,
    Wait, Wire,
};
use queue_lease::{LeaseQueue, Terms};
use queue_sage::SageQueue;
use queue_testkit::{Lending, Loan, Subject};

/// Where it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    LosesWhatIsGivenBack,
    KeepsWhatIsDropped,
    ReturnsToTheTail,
    CountsNoDeliveries,
    CountsNoRedeliveries,
    UsesTicketsAgain,
    IgnoresRests,
    GivesBackWhatIsAcknowledged,
    AcceptsLateEnds,
    NeverRunsOut,
    ExtendsNothing,
    MakesRoom,
    HandsOutTwice,
    WakesNobodyOnAck,
    WakesNobodyOnNack,
    SaysClosedWhileLeased,
    DeliversForEver,
    DropsDeadLetters,
    TakesOnDroppedLease,
}

pub(crate) struct Flawed<T: Item> {
    flaw: Flaw,
    queue: DynQueue<T>,
    // What is only done when somebody calls.
    late: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    me: Weak<Self>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn copy<T: Wire>(item: &T) -> Option<T> {
    let mut frame = Vec::new();
    Codec::default().encode(item, usize::MAX, &mut frame).ok()?;
    Codec::default().decode(&frame, usize::MAX).ok()
}

impl<T: Wire> Flawed<T> {
    fn new(flaw: Flaw, queue: DynQueue<T>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            flaw,
            queue,
            late: Mutex::default(),
            me: me.clone(),
        })
    }

    fn catch_up(&self) {
        let late = std::mem::take(&mut *lock(&self.late));
        late.into_iter().for_each(|deed| deed());
    }

    fn wrap(&self, lease: Lease<T>) -> Result<Lease<T>, GetError> {
        let (Some(item), Some(owner)) = (lease.item().and_then(copy), self.me.upgrade()) else {
            panic!("the items of these clauses can be copied");
        };
        let (mut ticket, mut deliveries) = (lease.ticket(), lease.deliveries());
        let mut held = Some(lease);
        match self.flaw {
            Flaw::CountsNoDeliveries => deliveries = 1,
            Flaw::UsesTicketsAgain => ticket %= 4,
            Flaw::NeverRunsOut => drop(held.as_ref().map(|lease| lease.extend(Duration::from_secs(3600)))),
            Flaw::MakesRoom => drop(held.take().map(Lease::ack)),
            Flaw::HandsOutTwice => drop(copy(&item).map(|item| self.queue.try_put(item))),
            _ => {}
        }
        let keeper = Keeper {
            owner,
            lease: Mutex::new(held),
        };
        Ok(Lease::new(item, ticket, deliveries, Arc::new(keeper)))
    }

    fn end(&self, end: GetError) -> GetError {
        let leased = self.queue.leases().is_some_and(|leases| leases.leased > 0);
        if self.flaw == Flaw::SaysClosedWhileLeased && leased && self.queue.is_closed() {
            return GetError::Closed;
        }
        end
    }
}

/// One lease of the right queue, and what is made of it.
struct Keeper<T: Item> {
    owner: Arc<Flawed<T>>,
    lease: Mutex<Option<Lease<T>>>,
}

impl<T: Wire> LeaseKeeper<T> for Keeper<T> {
    fn ack(&self, _: u64) -> Result<(), Error> {
        let Some(lease) = lock(&self.lease).take() else {
            return Ok(());
        };
        match self.owner.flaw {
            Flaw::GivesBackWhatIsAcknowledged => lease.nack(Duration::ZERO),
            Flaw::AcceptsLateEnds => {
                let _ = lease.ack();
                Ok(())
            }
            Flaw::WakesNobodyOnAck => {
                lock(&self.owner.late).push(Box::new(|| drop(lease.ack())));
                Ok(())
            }
            _ => lease.ack().map(drop),
        }
    }

    fn nack(&self, _: u64, item: T, after: Duration) -> Result<(), Error> {
        let Some(lease) = lock(&self.lease).take() else {
            drop(self.owner.queue.try_put(item));
            return Ok(());
        };
        match self.owner.flaw {
            Flaw::LosesWhatIsGivenBack => lease.ack().map(drop),
            Flaw::KeepsWhatIsDropped => {
                std::mem::forget(lease);
                Ok(())
            }
            Flaw::ReturnsToTheTail => {
                lease.ack()?;
                drop(self.owner.queue.try_put(item));
                Ok(())
            }
            Flaw::IgnoresRests => lease.nack(Duration::ZERO),
            Flaw::WakesNobodyOnNack => {
                lock(&self.owner.late).push(Box::new(move || drop(lease.nack(after))));
                Ok(())
            }
            _ => lease.nack(after),
        }
    }

    fn extend(&self, _: u64, by: Duration) -> Result<(), Error> {
        match &*lock(&self.lease) {
            Some(lease) if self.owner.flaw != Flaw::ExtendsNothing => lease.extend(by),
            _ => Ok(()),
        }
    }
}

impl<T: Wire> QueueCore for Flawed<T> {
    fn depth(&self) -> Option<usize> {
        self.queue.depth()
    }
    fn capacity(&self) -> Option<usize> {
        self.queue.capacity()
    }
    fn caps(&self) -> Caps {
        self.queue.caps()
    }
    fn close(&self) {
        self.queue.close();
    }
    fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
    fn totals(&self) -> Option<Totals> {
        self.queue.totals()
    }
    fn leases(&self) -> Option<LeaseTotals> {
        let mut leases = self.queue.leases()?;
        if self.flaw == Flaw::CountsNoRedeliveries {
            leases.redelivered = 0;
        }
        Some(leases)
    }
}

impl<T: Wire> Queue<T> for Flawed<T> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        self.catch_up();
        self.queue.put_within(item, wait)
    }
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        self.catch_up();
        self.queue.get_within(wait).map_err(|end| self.end(end))
    }
    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        self.queue.put_batch(items, wait)
    }
    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.queue.get_batch(out, max, wait)
    }
    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        self.queue.poll_put(cx, item, waiter)
    }
    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        self.queue.poll_get(cx, waiter)
    }
    fn cancel_put(&self, waiter: &mut Waiter) {
        self.queue.cancel_put(waiter);
    }
    fn cancel_get(&self, waiter: &mut Waiter) {
        if self.flaw == Flaw::TakesOnDroppedLease {
            std::mem::forget(self.queue.lease(Wait::Never));
        }
        self.queue.cancel_get(waiter);
    }
    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.catch_up();
        self.queue.lease(wait).and_then(|lease| self.wrap(lease))
    }
    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        self.queue
            .poll_lease(cx, waiter)
            .map(|lease| lease.and_then(|lease| self.wrap(lease)))
    }
}

/// Queues with one flaw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlawedQueues(pub(crate) Flaw);

impl Subject for FlawedQueues {
    fn name(&self) -> &str {
        "flawed"
    }
    fn caps(&self) -> Caps {
        let mut caps = Caps::IN_PROCESS;
        caps.lease = true;
        caps
    }
    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        let inner = SageQueue::new(capacity.unwrap_or(0))?;
        Ok(Flawed::new(self.0, LeaseQueue::new(inner, Terms::new())))
    }
    fn unbounded(&self) -> bool {
        false
    }
    fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
        let max_deliveries = match self.0 {
            Flaw::DeliversForEver => 0,
            _ => loan.max_deliveries,
        };
        let mut terms = Terms::new().expiring_wire(loan.time).max_deliveries(max_deliveries);
        let dead_letters = match loan.dead_letters {
            0 => None,
            room => self.open(Some(room)).ok(),
        };
        if let Some(queue) = dead_letters.clone().filter(|_| self.0 != Flaw::DropsDeadLetters) {
            terms = terms.dead_letters(queue);
        }
        let inner = match SageQueue::new(capacity) {
            Ok(inner) => LeaseQueue::new(inner, terms),
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(Lending {
            queue: Flawed::new(self.0, inner),
            dead_letters,
        }))
    }
}
