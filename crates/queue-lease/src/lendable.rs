//! Queues that can have leases put around them.

use descriptor_core::{Error, GetError, Item, Kind, QueueCore, Spec, TryQueue, kinds};
use queue_local::{LocalQueue, LocalSpec};
use queue_sage::{SageQueue, SageSpec};

/// A queue inside one process, bounded or not, ordered, with an exact depth.
pub trait Lendable<T: Item>: TryQueue<T> {
    /// Takes one item as [`get_now`](TryQueue::get_now) does, but tells nobody: it is called under a lock, where nothing
    /// of a user may run.
    ///
    /// # Errors
    /// As [`get_now`](TryQueue::get_now).
    fn take_quietly(&self) -> Result<T, GetError>;

    /// On a closed queue: true when no put that was let in before can still add to the depth.
    fn is_settled(&self) -> bool;
}

impl<T: Item> Lendable<T> for LocalQueue<T> {
    fn take_quietly(&self) -> Result<T, GetError> {
        Self::take_quietly(self)
    }

    fn is_settled(&self) -> bool {
        // A put counts as such before it is inside, an item counts as taken after it is out. The totals come first: what
        // moves in between makes them larger than the depth, never equal by chance.
        let totals = self.totals().unwrap_or_default();
        Some(totals.put.saturating_sub(totals.get)) == self.depth().map(|depth| depth as u64)
    }
}

impl<T: Item> Lendable<T> for SageQueue<T> {
    fn take_quietly(&self) -> Result<T, GetError> {
        Self::take_quietly(self)
    }

    fn is_settled(&self) -> bool {
        // A put is inside from the moment it has a position, and a closed ring gives none.
        true
    }
}

/// The parameters of a queue that can have leases put around them, for [`LeaseSpec`](crate::LeaseSpec).
pub trait Lends: Spec {
    /// The type with leases: its name, and its parameters, which are those of the type inside and of
    /// [`LeaseSpec`](crate::LeaseSpec).
    const LEASE: Kind;

    /// The queue inside.
    type Queue<T: Item>: Lendable<T> + 'static;

    /// Makes one.
    ///
    /// # Errors
    /// What the type says to such parameters.
    fn build<T: Item>(&self) -> Result<Self::Queue<T>, Error>;
}

impl Lends for LocalSpec {
    const LEASE: Kind = kinds::LEASE_LOCAL;
    type Queue<T: Item> = LocalQueue<T>;

    fn build<T: Item>(&self) -> Result<LocalQueue<T>, Error> {
        LocalQueue::new(self.capacity)
    }
}

impl Lends for SageSpec {
    const LEASE: Kind = kinds::LEASE_SAGE_QUEUE;
    type Queue<T: Item> = SageQueue<T>;

    fn build<T: Item>(&self) -> Result<SageQueue<T>, Error> {
        SageQueue::new(self.capacity)
    }
}
