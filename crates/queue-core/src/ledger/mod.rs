//! The books of a job: what went into every edge must have come out, be inside, or be accounted for.

mod report;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub use report::{EdgeCounts, EdgeReport, LedgerReport};
use serde::{Deserialize, Serialize};

use crate::counters::Padded;

/// Why an item was dropped on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DropCause {
    /// The operator failed on it, and its node skips and counts such items.
    Failed,
    /// It came after its window had closed.
    Late,
    /// Its deadline had passed before anybody worked on it.
    Expired,
    /// The queue was closed before it went in, or whoever took it had ended its own stream before.
    Closed,
    /// The job was aborted with it inside.
    Aborted,
    /// Its consumer died with it in hand.
    LostInFlight,
    /// It could not be read back.
    Corrupt,
}

impl DropCause {
    /// Every cause.
    pub const ALL: [Self; 7] = [
        Self::Failed,
        Self::Late,
        Self::Expired,
        Self::Closed,
        Self::Aborted,
        Self::LostInFlight,
        Self::Corrupt,
    ];

    /// The value of the label `cause` of the metric `dropped_total`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Late => "late",
            Self::Expired => "expired",
            Self::Closed => "closed",
            Self::Aborted => "aborted",
            Self::LostInFlight => "lost_in_flight",
            Self::Corrupt => "corrupt",
        }
    }
}

impl fmt::Display for DropCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The running counts of one edge. Add to it once per batch, not once per item.
///
/// Every item is counted once as accepted and once as whatever became of it. Handing out or storing an item again is
/// counted apart and is not part of the balance.
#[derive(Debug, Default)]
pub struct EdgeLedger {
    // Written by producers and by consumers: apart, so that they do not slow each other down.
    accepted: Padded<AtomicU64>,
    delivered: Padded<AtomicU64>,
    rest: Padded<Rest>,
}

#[derive(Debug, Default)]
struct Rest {
    dropped: [AtomicU64; DropCause::ALL.len()],
    dead_lettered: AtomicU64,
    redelivered: AtomicU64,
    duplicated: AtomicU64,
}

impl EdgeLedger {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `items` went in.
    pub fn accept(&self, items: u64) {
        self.accepted.0.fetch_add(items, Ordering::Relaxed);
    }

    /// `items` came out, for the first time.
    pub fn deliver(&self, items: u64) {
        self.delivered.0.fetch_add(items, Ordering::Relaxed);
    }

    /// `items` that went in will not come out.
    pub fn drop_items(&self, cause: DropCause, items: u64) {
        if let Some(dropped) = self.rest.0.dropped.get(cause as usize) {
            dropped.fetch_add(items, Ordering::Relaxed);
        }
    }

    /// `items` that went in were put aside for somebody to look at.
    pub fn dead_letter(&self, items: u64) {
        self.rest.0.dead_lettered.fetch_add(items, Ordering::Relaxed);
    }

    /// `items` came out again, after a consumer gave them back or died.
    pub fn redeliver(&self, items: u64) {
        self.rest.0.redelivered.fetch_add(items, Ordering::Relaxed);
    }

    /// `items` were found to be inside twice.
    pub fn duplicate(&self, items: u64) {
        self.rest.0.duplicated.fetch_add(items, Ordering::Relaxed);
    }

    /// The counts now, with `in_flight` items inside. They balance when producers and consumers pause meanwhile.
    #[must_use]
    pub fn counts(&self, in_flight: u64) -> EdgeCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let rest = &self.rest.0;
        EdgeCounts {
            accepted: read(&self.accepted.0),
            delivered: read(&self.delivered.0),
            in_flight,
            dropped: DropCause::ALL
                .into_iter()
                .zip(&rest.dropped)
                .map(|(cause, count)| (cause, read(count)))
                .filter(|(_, count)| *count > 0)
                .collect(),
            dead_lettered: read(&rest.dead_lettered),
            redelivered: read(&rest.redelivered),
            duplicated: read(&rest.duplicated),
        }
    }
}

/// The ledgers of all edges that this process has a part in.
///
/// ```
/// use queue_core::Ledger;
/// let ledger = Ledger::new();
/// let edge = ledger.edge("source -> sink");
/// edge.accept(3);
/// edge.deliver(2);
/// assert!(ledger.report(|_| 1).check().is_ok(), "one is still inside");
/// let error = ledger.report(|_| 0).check().unwrap_err();
/// assert!(error.to_string().contains("source -> sink"));
/// ```
#[derive(Debug, Default)]
pub struct Ledger {
    edges: Mutex<BTreeMap<String, Arc<EdgeLedger>>>,
}

impl Ledger {
    /// No edges yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The ledger of an edge; made when it is asked for first. Keep it: looking it up takes a lock.
    #[must_use]
    pub fn edge(&self, name: &str) -> Arc<EdgeLedger> {
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        match edges.get(name) {
            Some(edge) => Arc::clone(edge),
            None => Arc::clone(edges.entry(name.to_owned()).or_default()),
        }
    }

    /// The counts of every edge; `in_flight` says how many items are inside the queue of an edge.
    #[must_use]
    pub fn report(&self, mut in_flight: impl FnMut(&str) -> u64) -> LedgerReport {
        // Asking queues may take its time: not under the lock.
        let edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        LedgerReport::new(edges.iter().map(|(name, edge)| EdgeReport {
            edge: name.clone(),
            counts: edge.counts(in_flight(name)),
        }))
    }
}
