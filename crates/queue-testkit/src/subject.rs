//! What a queue type brings to be tested.

use std::time::Duration;

use descriptor_core::{Caps, DynQueue, Error, Item, Wire};

/// Two openings of one identity: the first, and what the second came to.
pub type Twice<A, B> = (Result<DynQueue<A>, Error>, Result<DynQueue<B>, Error>);

/// The terms on which items are lent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loan {
    /// How long a lease lasts; zero for as long as it takes.
    pub time: Duration,
    /// How often an item is handed out; 0 for no limit.
    pub max_deliveries: u32,
    /// The capacity of the queue for dead letters; 0 for none.
    pub dead_letters: usize,
}

/// A queue that lends.
#[derive(Clone, Debug)]
pub struct Lending<T: Item> {
    /// The queue.
    pub queue: DynQueue<T>,
    /// Where its dead letters go, if anywhere.
    pub dead_letters: Option<DynQueue<T>>,
}

/// A queue type in one of its modes.
pub trait Subject: Send + Sync + 'static {
    /// The queue type and mode, for messages.
    fn name(&self) -> &str;

    /// What its bounded queues can do.
    fn caps(&self) -> Caps;

    /// A new queue, with its own identity and nothing inside.
    ///
    /// # Errors
    /// What the queue type says to such a capacity.
    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error>;

    /// True when it can do without a capacity.
    fn unbounded(&self) -> bool;

    /// The largest capacity, in items.
    fn max_capacity(&self) -> usize {
        1 << 24
    }

    /// How much of the usual number of items and rounds a clause should use: less than 1 for a slow queue.
    fn effort(&self) -> f64 {
        1.0
    }

    /// Opens a new identity twice, as two who hold the same descriptor do, the first time for `A` with the capacity
    /// `first`; `None` where queues have no identity.
    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let _ = (first, second);
        None
    }

    /// A new queue for `capacity` items that lends on these terms; `None` where there are no leases.
    fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
        let _ = (capacity, loan);
        None
    }

    /// A queue that holds `before`, then a frame with a flipped bit, then `after`; `None` where items are not encoded.
    fn corrupted(&self, before: &[u64], after: &[u64]) -> Option<DynQueue<u64>> {
        let _ = (before, after);
        None
    }
}

/// A queue type that carries anything, because its items never leave the process.
pub trait InProcess: Subject {
    /// A new queue, like [`Subject::open`].
    ///
    /// # Errors
    /// As [`Subject::open`].
    fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error>;
}
