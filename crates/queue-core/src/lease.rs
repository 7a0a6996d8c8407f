//! Items on loan: taken, but not gone until they are acknowledged.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Error, Item};

/// The queue's side of a [`Lease`].
pub trait LeaseKeeper<T: Item>: Send + Sync {
    /// The item is done; it will not come again.
    ///
    /// # Errors
    /// `StaleHandle` when the lease had already run out and the item belongs to somebody else.
    fn ack(&self, ticket: u64) -> Result<(), Error>;

    /// The item goes back to the head of the queue, visible again after `after`.
    ///
    /// # Errors
    /// As [`ack`](Self::ack).
    fn nack(&self, ticket: u64, item: T, after: Duration) -> Result<(), Error>;

    /// The lease lasts at least `by` from now.
    ///
    /// # Errors
    /// As [`ack`](Self::ack), or `Unsupported` where leases have no clock.
    fn extend(&self, ticket: u64, by: Duration) -> Result<(), Error>;
}

/// One item on loan. Dropping it gives the item back to the head of the queue.
pub struct Lease<T: Item> {
    // `None` only after `ack`, `nack` or `into_inner` took it; `Drop` looks at it.
    item: Option<T>,
    ticket: u64,
    deliveries: u32,
    keeper: Arc<dyn LeaseKeeper<T>>,
}

impl<T: Item> Lease<T> {
    /// Made by queues: `deliveries` counts this one, so it is 1 the first time.
    #[must_use]
    pub fn new(item: T, ticket: u64, deliveries: u32, keeper: Arc<dyn LeaseKeeper<T>>) -> Self {
        Self {
            item: Some(item),
            ticket,
            deliveries,
            keeper,
        }
    }

    /// The item, or `None` once the lease has ended.
    #[must_use]
    pub const fn item(&self) -> Option<&T> {
        self.item.as_ref()
    }

    /// How often the item has been handed out, this time included.
    #[must_use]
    pub const fn deliveries(&self) -> u32 {
        self.deliveries
    }

    /// The queue's number for this lease.
    #[must_use]
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Ends the lease and hands over the item for good.
    ///
    /// # Errors
    /// `StaleHandle` when the lease had run out: the item may have been handed to somebody else.
    pub fn ack(mut self) -> Result<T, Error> {
        let item = self.item.take();
        self.keeper.ack(self.ticket)?;
        item.ok_or_else(|| Error::new(crate::ErrorKind::StaleHandle, "ack"))
    }

    /// Gives the item back; it is visible again after `after`.
    ///
    /// # Errors
    /// `StaleHandle` when the lease had run out.
    pub fn nack(mut self, after: Duration) -> Result<(), Error> {
        match self.item.take() {
            Some(item) => self.keeper.nack(self.ticket, item, after),
            None => Ok(()),
        }
    }

    /// Keeps the item for at least `by` longer, from now.
    ///
    /// # Errors
    /// `StaleHandle` when the lease had run out, `Unsupported` where leases have no clock.
    pub fn extend(&self, by: Duration) -> Result<(), Error> {
        self.keeper.extend(self.ticket, by)
    }
}

impl<T: Item> Drop for Lease<T> {
    fn drop(&mut self) {
        if let Some(item) = self.item.take() {
            // A lease that ran out is no longer ours to give back: nothing to report to, nothing lost.
            let _ = self.keeper.nack(self.ticket, item, Duration::ZERO);
        }
    }
}

impl<T: Item> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("ticket", &self.ticket)
            .field("deliveries", &self.deliveries)
            .finish_non_exhaustive()
    }
}
