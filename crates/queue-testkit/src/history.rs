//! What was called on a queue, when, and how it ended; and whether a queue may behave so.

mod judge;
mod log;

pub use judge::{Rule, Violation, judge};
pub use log::{Clock, Log};

use std::fmt;

/// What was asked of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// One item in.
    Put,
    /// One item out.
    Get,
    /// The end of the queue.
    Close,
}

/// What the caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was done.
    Ok,
    /// There was nothing to get, at once or within the limit.
    Empty,
    /// There was no room, at once or within the limit.
    Full,
    /// The queue was closed.
    Closed,
}

/// One operation on one item. A call that moved a batch is one operation for each of its items, all with the same
/// times; a call that was given up by dropping its future is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Op {
    /// The thread or task that called; it makes one call at a time.
    pub actor: u32,
    /// What it asked.
    pub call: Call,
    /// The item, unique among the items of a history; without meaning where no item was named.
    pub item: u64,
    /// When the call began, in nanoseconds of the history's clock.
    pub invoked: u64,
    /// When it ended, on the same clock.
    pub returned: u64,
    /// How it ended.
    pub end: End,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "actor {} {:?}", self.actor, self.call)?;
        if self.call == Call::Put || self.end == End::Ok && self.call == Call::Get {
            write!(f, " {:#x}", self.item)?;
        }
        write!(f, " = {:?} in {}..{} ns", self.end, self.invoked, self.returned)
    }
}

/// Everything that was called on one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The queue's capacity.
    pub capacity: Option<usize>,
    /// True when the last getters went on until nothing was left: what did not come out by then is lost.
    pub drained: bool,
    /// The operations; those of one actor in the order of its calls, and of its items within a call.
    pub ops: Vec<Op>,
}

impl History {
    /// The logs of all actors together.
    #[must_use]
    pub fn merge(capacity: Option<usize>, drained: bool, logs: impl IntoIterator<Item = Log>) -> Self {
        Self {
            capacity,
            drained,
            ops: logs.into_iter().flat_map(Log::into_ops).collect(),
        }
    }
}
