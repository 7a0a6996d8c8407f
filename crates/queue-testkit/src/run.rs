//! One run of a clause.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{Caps, DynQueue, Item, QueueCore, Wait, Wire};

use crate::{InProcess, Lending, Loan, Subject};

/// What a clause works with: the subject and how hard to try.
pub struct Run<S> {
    subject: Arc<S>,
    scale: f64,
}

impl<S> Clone for Run<S> {
    fn clone(&self) -> Self {
        Self {
            subject: Arc::clone(&self.subject),
            scale: self.scale,
        }
    }
}

impl<S: Subject> fmt::Debug for Run<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("subject", &self.subject.name())
            .field("scale", &self.scale)
            .finish()
    }
}

impl<S: Subject> Run<S> {
    /// A run with the subject's effort times `stress`.
    pub fn new(subject: S, stress: f64) -> Self {
        let scale = subject.effort() * stress;
        Self {
            subject: Arc::new(subject),
            scale,
        }
    }

    /// The queue type under test.
    #[must_use]
    pub fn subject(&self) -> &S {
        &self.subject
    }

    /// Its abilities.
    #[must_use]
    pub fn caps(&self) -> Caps {
        self.subject.caps()
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
    pub fn queue<T: Wire>(&self, capacity: usize) -> DynQueue<T> {
        self.open(Some(capacity))
    }

    /// A new queue, bounded or not.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn open<T: Wire>(&self, capacity: Option<usize>) -> DynQueue<T> {
        match self.subject.open(capacity) {
            Ok(queue) => queue,
            Err(error) => panic!("{} with capacity {capacity:?}: {error}", self.subject.name()),
        }
    }

    /// A new queue for `capacity` items that lends on these terms.
    ///
    /// # Panics
    /// When it cannot be opened, or the subject has no such queues.
    #[must_use]
    pub fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Lending<T> {
        match self.subject.lending(capacity, loan) {
            Some(Ok(lending)) => lending,
            Some(Err(error)) => panic!("{} with {loan:?}: {error}", self.subject.name()),
            None => panic!("{} has leases, and no queue to test them with", self.subject.name()),
        }
    }

    /// The bounded capacities every queue must honour, as far as the subject goes.
    pub fn capacities(&self) -> impl Iterator<Item = usize> {
        let most = self.subject.max_capacity();
        [1, 2, 3, 7, 64, 1024]
            .into_iter()
            .filter(move |capacity| *capacity <= most)
    }
}

impl<S: InProcess> Run<S> {
    /// A new queue of anything.
    ///
    /// # Panics
    /// When it cannot be opened.
    #[must_use]
    pub fn queue_of<T: Item>(&self, capacity: usize) -> DynQueue<T> {
        match self.subject.open_any(Some(capacity)) {
            Ok(queue) => queue,
            Err(error) => panic!("{} with capacity {capacity}: {error}", self.subject.name()),
        }
    }
}

/// Waits until what was put is certainly inside, so that what comes next may be exact.
pub(crate) fn settle<Q: QueueCore + ?Sized>(queue: &Q) {
    if let Err(error) = queue.flush(Wait::Forever) {
        panic!("flush: {error}");
    }
}
