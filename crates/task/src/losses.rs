//! Packets that an instance took and did not work through, by sender and cause.

use std::collections::BTreeMap;

use descriptor_core::DropCause;
use router::UpstreamId;
use serde::{Deserialize, Serialize};

/// Empty in a job where nothing goes wrong, so it is never touched on the way of a packet.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    by_upstream: BTreeMap<UpstreamId, Loss>,
}

/// The losses of one upstream connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// Put aside.
    pub dead_lettered: u64,
    /// Given to an operator again, which is no loss.
    pub redelivered: u64,
    /// Let go, and why.
    pub dropped: BTreeMap<DropCause, u64>,
}

impl Loss {
    /// All packets of this connection that were taken and not worked through.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.dead_lettered + self.dropped.values().sum::<u64>()
    }
}

impl Losses {
    pub(crate) fn drop(&mut self, from: UpstreamId, cause: DropCause, packets: u64) {
        let loss = self.by_upstream.entry(from).or_default();
        *loss.dropped.entry(cause).or_default() += packets;
    }

    pub(crate) fn dead_letter(&mut self, from: UpstreamId) {
        self.by_upstream.entry(from).or_default().dead_lettered += 1;
    }

    /// A packet that counted as lost is tried again.
    pub(crate) fn take_back(&mut self, from: UpstreamId, cause: DropCause) {
        let loss = self.by_upstream.entry(from).or_default();
        if let Some(packets) = loss.dropped.get_mut(&cause) {
            *packets = packets.saturating_sub(1);
            if *packets == 0 {
                loss.dropped.remove(&cause);
            }
        }
    }

    pub(crate) fn redeliver(&mut self, from: UpstreamId) {
        self.by_upstream.entry(from).or_default().redelivered += 1;
    }

    pub(crate) fn of(&self, from: UpstreamId) -> Loss {
        self.by_upstream.get(&from).cloned().unwrap_or_default()
    }
}
