//! What an edge needs and what a queue type offers.

use crate::{Caps, QueueId, Reach, ServerAddress};

/// What an edge needs of its queue.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EdgeRequest {
    /// The name the queue will have.
    pub queue_id: QueueId,
    /// How far apart its ends are.
    pub reach: Reach,
    /// How many items it holds at most; `None` and 0 are unbounded.
    pub capacity: Option<usize>,
    /// The size of a large item in bytes, where one is known.
    pub item_size_hint: Option<usize>,
    /// Abilities the queue must have.
    pub needs: Caps,
    /// The only queue type to consider.
    pub forced: Option<String>,
    /// Queue types not to consider.
    pub excluded: Vec<String>,
    /// The server that all ends of the edge can reach, where the job says so.
    pub server: Option<ServerAddress>,
}

impl EdgeRequest {
    /// An unbounded queue without special needs.
    #[must_use]
    pub fn new(queue_id: QueueId, reach: Reach) -> Self {
        Self {
            queue_id,
            reach,
            capacity: None,
            item_size_hint: None,
            needs: Caps::default(),
            forced: None,
            excluded: Vec::new(),
            server: None,
        }
    }

    /// Holds at most `items`.
    #[must_use]
    pub const fn with_capacity(mut self, items: usize) -> Self {
        self.capacity = Some(items);
        self
    }

    /// Carries items of up to about `bytes`.
    #[must_use]
    pub const fn with_item_size(mut self, bytes: usize) -> Self {
        self.item_size_hint = Some(bytes);
        self
    }

    /// Must have every ability that is set in `caps`.
    #[must_use]
    pub const fn with_needs(mut self, caps: Caps) -> Self {
        self.needs = caps;
        self
    }

    /// Must be of this type.
    #[must_use]
    pub fn forced(mut self, kind: impl Into<String>) -> Self {
        self.forced = Some(kind.into());
        self
    }

    /// Is at this server, if it is of the type of the queues there.
    #[must_use]
    pub fn at(mut self, server: ServerAddress) -> Self {
        self.server = Some(server);
        self
    }

    /// Must not be of this type; adds to those named before.
    #[must_use]
    pub fn without(mut self, kind: impl Into<String>) -> Self {
        self.excluded.push(kind.into());
        self
    }
}

/// What a queue type offers, for a strategy to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KindInfo {
    /// The canonical queue type.
    pub kind: &'static str,
    /// How far its queues can be reached.
    pub reach: Reach,
    /// What its queues can do.
    pub caps: Caps,
    /// True when its queues can be opened without a capacity.
    pub unbounded: bool,
    /// The largest item it takes, in bytes, where there is a limit.
    pub max_item: Option<usize>,
}

impl KindInfo {
    /// A kind whose queues always have a capacity and take items of any size.
    #[must_use]
    pub const fn new(kind: &'static str, reach: Reach, caps: Caps) -> Self {
        Self {
            kind,
            reach,
            caps,
            unbounded: false,
            max_item: None,
        }
    }

    /// Its queues can also be opened without a capacity.
    #[must_use]
    pub const fn with_unbounded(mut self) -> Self {
        self.unbounded = true;
        self
    }

    /// Its queues take items of at most `bytes`.
    #[must_use]
    pub const fn with_max_item(mut self, bytes: usize) -> Self {
        self.max_item = Some(bytes);
        self
    }
}
