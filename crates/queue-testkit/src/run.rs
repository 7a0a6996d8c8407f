//! One run of a clause.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{Caps, DynQueue, Error, Item, QueueCore, Wait};

use crate::kind::{Doors, Kind};
use crate::{InProcess, Lending, Loan, Subject};

/// What a clause works with: the subject and how hard to try.
#[derive(Clone)]
pub struct Run {
    kind: Arc<dyn Kind>,
    doors: Arc<Doors>,
    scale: f64,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("subject", &self.kind.name())
            .field("scale", &self.scale)
            .finish()
    }
}

impl Run {
    /// With the subject's effort times `stress`, for items that may leave the process.
    pub(crate) fn wire<S: Subject>(subject: S, stress: f64) -> Self {
        let subject = Arc::new(subject);
        Self {
            scale: subject.effort() * stress,
            doors: Arc::new(Doors::wire(&subject)),
            kind: subject,
        }
    }

    /// With the subject's effort times `stress`, for any items.
    pub(crate) fn in_process<S: InProcess>(subject: S, stress: f64) -> Self {
        let subject = Arc::new(subject);
        Self {
            scale: subject.effort() * stress,
            doors: Arc::new(Doors::in_process(&subject)),
            kind: subject,
        }
    }

    /// The queue type under test.
    pub(crate) fn kind(&self) -> &dyn Kind {
        &*self.kind
    }

    /// Its abilities.
    #[must_use]
    pub fn caps(&self) -> Caps {
        self.kind.caps()
    }

    /// `usual` items or rounds, more or less of them as the scale says, at least 2.
    #[must_use]
    pub fn times(&self, usual: usize) -> usize {
        ((usual as f64 * self.scale) as usize).max(2)
    }

    /// A new queue for `capacity` items.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn queue<T: Item>(&self, capacity: usize) -> DynQueue<T> {
        self.open(Some(capacity))
    }

    /// A new queue, bounded or not.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn open<T: Item>(&self, capacity: Option<usize>) -> DynQueue<T> {
        match self.try_open(capacity) {
            Ok(queue) => queue,
            Err(error) => panic!("{} with capacity {capacity:?}: {error}", self.kind.name()),
        }
    }

    /// A new queue, bounded or not, or what the queue type says to that.
    pub(crate) fn try_open<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        match self.doors.open(capacity) {
            Some(opened) => opened,
            None => panic!("no clause uses items of type {}", std::any::type_name::<T>()),
        }
    }

    /// A new queue for `capacity` items that lends on these terms.
    ///
    /// # Panics
    /// When it cannot be opened, or the subject has no such queues.
    #[must_use]
    pub fn lending(&self, capacity: usize, loan: Loan) -> Lending<u64> {
        match self.kind.lending(capacity, loan) {
            Some(Ok(lending)) => lending,
            Some(Err(error)) => panic!("{} with {loan:?}: {error}", self.kind.name()),
            None => panic!("{} has leases, and no queue to test them with", self.kind.name()),
        }
    }

    /// The bounded capacities every queue must honour, as far as the subject goes.
    pub fn capacities(&self) -> impl Iterator<Item = usize> {
        let most = self.kind.max_capacity();
        [1, 2, 3, 7, 64, 1024]
            .into_iter()
            .filter(move |capacity| *capacity <= most)
    }
}

/// Waits until what was put is certainly inside, so that what comes next may be exact.
pub(crate) fn settle<Q: QueueCore + ?Sized>(queue: &Q) {
    if let Err(error) = queue.flush(Wait::Forever) {
        panic!("flush: {error}");
    }
}
