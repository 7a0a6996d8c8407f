//! A right queue that can be broken in one chosen place.

mod queue;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use descriptor_core::{Caps, DynQueue, Error, Item, Wire};
use queue_testkit::{InProcess, Subject};

pub(crate) use queue::Flawed;

/// Where it is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Nothing,
    LosesOneInAThousand,
    LosesOneInAMillion,
    DeliversTwice,
    SwapsTwo,
    TakesOneTooMany,
    SaysFullEarly,
    ForgetsGettersOnClose,
    ForgetsPuttersOnClose,
    WakesOneOnClose,
    WakesNobodyOnPut,
    WakesNobodyOnGet,
    WakesOneForABatch,
    LosesOnDroppedGet,
    StoresOnDroppedPut,
    KeepsSwallowedWakeUps,
    KeepsTheFirstWaker,
    CountsOneTooMany,
    CountsRefusedPuts,
    GivesUpEarly,
    SleepsOnTry,
    WaitsForTheWholeBatch,
    TakesSingleBatches,
    DropsTheRestOfABatch,
    GivesBackACopy,
    StoresLate,
    StoresAfterClose,
    ClosesWithoutDraining,
    EmptiesOnClose,
    SaysEmptyForClosed,
    LeaksTheRest,
    OpensAnyCapacity,
}

/// The flaw, seeded so that it shows every so many operations.
pub(crate) struct Every(AtomicU64);

/// Over all queues with the rarest flaw: each of them alone lives too short to show it.
pub(crate) static PUTS: Every = Every::new();

impl Every {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn is_due(&self, period: u64) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) % period == period - 1
    }
}

/// A copy of the items that the clauses count.
pub(crate) fn copy<T: 'static>(item: &T) -> Option<T> {
    fn same<A: Clone + 'static, T: 'static>(item: &T) -> Option<T> {
        let copy: A = (item as &dyn Any).downcast_ref::<A>()?.clone();
        let copy: Box<dyn Any> = Box::new(copy);
        copy.downcast::<T>().ok().map(|copy| *copy)
    }
    same::<(u32, u32), T>(item)
        .or_else(|| same::<Box<u64>, T>(item))
        .or_else(|| same::<u64, T>(item))
}

/// Queues with one flaw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FlawedQueues(pub(crate) Flaw);

impl Subject for FlawedQueues {
    fn name(&self) -> &str {
        "flawed"
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

impl InProcess for FlawedQueues {
    fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(Flawed::new(self.0, capacity)?))
    }
}
