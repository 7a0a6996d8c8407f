//! Counting without getting in the way: per thread on the item path, summed when somebody looks.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use crate::QueueCore;

/// Two cache lines: x86 fetches them in pairs, and other processors have lines this long.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

/// More shards than this cost more to read than they save to write.
const MAX_SHARDS: usize = 64;

/// A number that many threads add to and few read.
///
/// Each thread adds to a cell of its own (threads share one when there are more of them than processors), so adding
/// never waits for another processor's cache. A read sums the cells: it sees everything that happened before it and
/// some of what happens meanwhile.
pub struct Counter {
    // A power of two of them.
    shards: Box<[Padded<AtomicU64>]>,
}

impl Counter {
    /// Starts at 0.
    #[must_use]
    pub fn new() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let shards = processors.next_power_of_two().min(MAX_SHARDS);
        Self {
            shards: (0..shards).map(|_| Padded::default()).collect(),
        }
    }

    /// Adds `amount`; wraps around at 2^64.
    #[inline]
    pub fn add(&self, amount: u64) {
        let mine = thread_number() & (self.shards.len() - 1);
        if let Some(Padded(shard)) = self.shards.get(mine) {
            shard.fetch_add(amount, Ordering::Relaxed);
        }
    }

    /// The sum so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.shards.iter().fold(0, |sum: u64, Padded(shard)| {
            sum.wrapping_add(shard.load(Ordering::Relaxed))
        })
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counter").field(&self.get()).finish()
    }
}

fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    // A thread that is ending has lost its number; any cell will do.
    MINE.try_with(|mine| *mine).unwrap_or(0)
}

/// The leases of one queue, at one moment and since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseTotals {
    /// Items on loan right now.
    pub leased: usize,
    /// Items given back for later that are not visible yet.
    pub resting: usize,
    /// Items handed out again.
    pub redelivered: u64,
    /// Leases that ran out.
    pub expired: u64,
    /// Items put aside after too many deliveries.
    pub dead_lettered: u64,
    /// Items dropped after too many deliveries, because there was nowhere to put them aside.
    pub dropped: u64,
    /// Items that came back because the queue for dead letters refused them.
    pub refused: u64,
}

/// The numbers of one queue at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueStats {
    /// Items inside; `None` where nobody can know.
    pub depth: Option<usize>,
    /// The most items it holds; `None` without that bound.
    pub capacity: Option<usize>,
    /// Items accepted since it was made; `None` where the queue does not count.
    pub put_total: Option<u64>,
    /// Items handed out since it was made; `None` where the queue does not count.
    pub get_total: Option<u64>,
    /// True once it was closed.
    pub closed: bool,
    /// Its leases; `None` where it has none.
    #[serde(default)]
    pub leases: Option<LeaseTotals>,
}

impl QueueStats {
    /// Reads a queue's own counters.
    #[must_use]
    pub fn of(queue: &dyn QueueCore) -> Self {
        let totals = queue.totals();
        Self {
            depth: queue.depth(),
            capacity: queue.capacity(),
            put_total: totals.map(|totals| totals.put),
            get_total: totals.map(|totals| totals.get),
            closed: queue.is_closed(),
            leases: queue.leases(),
        }
    }

    /// How full it is, from 0 to 1; `None` without a bound or a known depth.
    #[must_use]
    pub fn load(&self) -> Option<f64> {
        match (self.depth, self.capacity) {
            (Some(depth), Some(capacity)) if capacity > 0 => Some((depth as f64 / capacity as f64).min(1.0)),
            _ => None,
        }
    }
}

/// The names under which numbers are published. Labels: [`QUEUE`](metric::QUEUE), [`BACKEND`](metric::BACKEND),
/// [`EDGE`](metric::EDGE), [`TASK`](metric::TASK).
pub mod metric {
    /// Items inside a queue.
    pub const QUEUE_DEPTH: &str = "queue_depth";
    /// The most items a queue holds.
    pub const QUEUE_CAPACITY: &str = "queue_capacity";
    /// Bytes inside a queue.
    pub const QUEUE_BYTES: &str = "queue_bytes";
    /// Items on loan.
    pub const QUEUE_LEASED: &str = "queue_leased";
    /// Items accepted.
    pub const PUT_TOTAL: &str = "put_total";
    /// Items handed out.
    pub const GET_TOTAL: &str = "get_total";
    /// Items dropped, by label [`CAUSE`].
    pub const DROPPED_TOTAL: &str = "dropped_total";
    /// Items handed out again.
    pub const REDELIVERED_TOTAL: &str = "redelivered_total";
    /// Items put aside after too many deliveries.
    pub const DEAD_LETTERED_TOTAL: &str = "dead_lettered_total";
    /// Seconds spent waiting for room.
    pub const BLOCKED_SECONDS_TOTAL: &str = "blocked_seconds_total";
    /// Seconds an item waited in a queue.
    pub const WAIT_SECONDS: &str = "wait_seconds";
    /// Seconds an operator worked on an item.
    pub const SERVICE_SECONDS: &str = "service_seconds";
    /// Connections made anew.
    pub const RECONNECTS_TOTAL: &str = "reconnects_total";
    /// The life of a queue.
    pub const EPOCH: &str = "epoch";
    /// Label: the queue's id.
    pub const QUEUE: &str = "queue";
    /// Label: the queue's type.
    pub const BACKEND: &str = "backend";
    /// Label: the edge of the graph.
    pub const EDGE: &str = "edge";
    /// Label: the task of the job.
    pub const TASK: &str = "task";
    /// Label: why items were dropped.
    pub const CAUSE: &str = "cause";
}
