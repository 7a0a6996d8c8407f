//! One queue, and who waits at it.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use descriptor_record::QueueId;
use queue_core::{Error, ErrorKind};
use rpc_wire::{Call, Record, Tag};

use crate::store::Store;
use crate::table::Key;
use crate::terms::Terms;

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: QueueId,
    /// Which life of the name it is.
    pub(crate) epoch: u64,
    pub(crate) terms: Terms,
    pub(crate) record: Record,
    /// What the first one said who knew.
    pub(crate) tag: Option<Tag>,
    pub(crate) closed: bool,
    pub(crate) store: Store,
    pub(crate) gets: VecDeque<Waiter>,
    /// Members whose first pending put waits here, with its id, in the order in which they came.
    pub(crate) puts: VecDeque<(Key, u64)>,
    /// Those that count in some session.
    pub(crate) members: BTreeSet<Key>,
    /// Whether it is in the list of those where something may move.
    pub(crate) dirty: bool,
    pub(crate) touched: bool,
    pub(crate) sight_due: Option<Instant>,
}

/// A get that waits, with what is left of its credit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) id: u64,
    pub(crate) member: Key,
    pub(crate) connection: Key,
    pub(crate) call: Call,
    pub(crate) mode: Mode,
    pub(crate) once: bool,
    pub(crate) items: u32,
    pub(crate) bytes: u64,
    pub(crate) until: Option<Instant>,
    /// Whether its time is over, and only what its own session put before is waited for.
    pub(crate) late: bool,
}

/// What becomes of an item that is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is the client's when it says so.
    Marked,
    /// It is the client's at once.
    Outright,
    /// It is on loan so long, or as long as it takes.
    Loan(Option<Duration>),
}

impl Queue {
    /// Items that may be stored now, and their bytes.
    pub(crate) const fn room(&self) -> (u64, u64) {
        let items = match self.terms.capacity {
            0 => u64::MAX,
            capacity => capacity.saturating_sub(self.store.items()),
        };
        (items, self.terms.max_bytes.saturating_sub(self.store.bytes()))
    }

    /// Closed, and nothing is left that could still be got.
    pub(crate) const fn is_drained(&self) -> bool {
        self.closed && self.store.items() == 0
    }

    pub(crate) fn error(&self, kind: ErrorKind, operation: &'static str) -> Error {
        about(&self.id, kind, operation)
    }
}

/// An error about a queue by its name.
pub(crate) fn about(id: &QueueId, kind: ErrorKind, operation: &'static str) -> Error {
    Error::new(kind, operation).queue(id.as_str()).backend("rpc")
}
