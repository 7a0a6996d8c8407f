//! The numbers of a queue, wherever it is.

use sage_comm::{RpcStats, ShmSegment};
use serde_json::{Value, json};

/// Counted by whoever has the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Items inside, those that are away among them.
    pub(super) inside: u64,
    pub(super) away: u64,
    /// None for any number.
    pub(super) capacity: Option<u64>,
    pub(super) bytes: u64,
    pub(super) put: u64,
    pub(super) got: u64,
    pub(super) redelivered: u64,
    pub(super) dead_lettered: u64,
    pub(super) dropped: u64,
    pub(super) epoch: u64,
}

impl From<&ShmSegment> for Numbers {
    fn from(segment: &ShmSegment) -> Self {
        Self {
            inside: segment.depth,
            away: segment.away,
            capacity: Some(segment.capacity),
            bytes: segment.depth_bytes,
            put: segment.totals.put,
            got: segment.totals.get,
            redelivered: segment.redelivered,
            dead_lettered: segment.dead_lettered,
            dropped: segment.dropped,
            epoch: segment.epoch,
        }
    }
}

impl From<&RpcStats> for Numbers {
    fn from(stats: &RpcStats) -> Self {
        Self {
            inside: stats.depth + stats.away,
            away: stats.away,
            capacity: (stats.capacity > 0).then_some(stats.capacity),
            bytes: stats.bytes,
            put: stats.put_total,
            got: stats.get_total,
            redelivered: stats.redelivered_total,
            dead_lettered: stats.dead_lettered_total,
            dropped: stats.dropped_total,
            epoch: stats.epoch,
        }
    }
}

impl Numbers {
    pub(super) fn to_json(self) -> Value {
        json!({
            "inside": self.inside,
            "away": self.away,
            "capacity": self.capacity,
            "bytes": self.bytes,
            "put_total": self.put,
            "get_total": self.got,
            "redelivered_total": self.redelivered,
            "dead_lettered_total": self.dead_lettered,
            "dropped_total": self.dropped,
            "epoch": self.epoch,
        })
    }
}
