//! What a lease is given on.

use std::fmt;
use std::time::Duration;

use descriptor_core::{Codec, DynQueue, Item, Wire};

/// Copies an item that is about to be lent; `None` where that one cannot be copied.
pub type Copier<T> = fn(&T) -> Option<T>;

/// How long leases last, how often an item is handed out, and what becomes of it then.
pub struct Terms<T: Item> {
    pub(crate) expiry: Option<Expiry<T>>,
    pub(crate) max_deliveries: u32,
    pub(crate) dead_letters: Option<DynQueue<T>>,
    pub(crate) id: Option<String>,
    pub(crate) kind: &'static str,
}

/// A time limit, and the way to have the item back when it is over.
pub(crate) struct Expiry<T> {
    pub(crate) time: Duration,
    pub(crate) copy: Copier<T>,
}

impl<T: Item> Terms<T> {
    /// Leases last until they are ended, however long that takes, and an item is handed out as often as it comes back.
    /// Nothing is copied.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            expiry: None,
            max_deliveries: 0,
            dead_letters: None,
            id: None,
            kind: "lease",
        }
    }

    /// A lease runs out after `time`, zero for never. Its item is then back in the queue, while the one who was too slow
    /// still has the other copy: `copy` makes it when the item is lent. An item that cannot be copied is not lent.
    #[must_use]
    pub fn expiring(mut self, time: Duration, copy: Copier<T>) -> Self {
        self.expiry = (!time.is_zero()).then_some(Expiry { time, copy });
        self
    }

    /// As [`expiring`](Self::expiring), with clones: a word for an `Arc`.
    #[must_use]
    pub fn expiring_clones(self, time: Duration) -> Self
    where
        T: Clone,
    {
        self.expiring(time, |item| Some(item.clone()))
    }

    /// As [`expiring`](Self::expiring), with items that are encoded and decoded again.
    #[must_use]
    pub fn expiring_wire(self, time: Duration) -> Self
    where
        T: Wire,
    {
        self.expiring(time, |item| {
            let mut frame = Vec::new();
            Codec::default().encode(item, usize::MAX, &mut frame).ok()?;
            Codec::default().decode(&frame, usize::MAX).ok()
        })
    }

    /// An item that was handed out so often and not acknowledged does not come back; 0 for no limit.
    #[must_use]
    pub const fn max_deliveries(mut self, deliveries: u32) -> Self {
        self.max_deliveries = deliveries;
        self
    }

    /// Where items go that do not come back. They are put there without waiting: one for which there is no room comes back
    /// after all. Without such a queue they are dropped and counted.
    #[must_use]
    pub fn dead_letters(mut self, queue: DynQueue<T>) -> Self {
        self.dead_letters = Some(queue);
        self
    }

    /// What errors call the queue: its id and its type.
    #[must_use]
    pub fn named(mut self, id: impl Into<String>, kind: &'static str) -> Self {
        self.id = Some(id.into());
        self.kind = kind;
        self
    }

    /// True when an item that was handed out so often shall not come back.
    pub(crate) const fn is_enough(&self, deliveries: u32) -> bool {
        self.max_deliveries != 0 && deliveries >= self.max_deliveries
    }
}

impl<T: Item> Default for Terms<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Item> fmt::Debug for Terms<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terms")
            .field("time", &self.expiry.as_ref().map(|expiry| expiry.time))
            .field("max_deliveries", &self.max_deliveries)
            .field("dead_letters", &self.dead_letters)
            .finish_non_exhaustive()
    }
}
