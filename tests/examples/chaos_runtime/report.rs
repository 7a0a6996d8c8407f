//! What a campaign found.

use std::time::Duration;

use queue_testkit::campaign::{self, Counts, Findings};

/// Sums over all rounds.
pub(crate) type Report = Findings<Packets>;

/// What became of the packets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packets {
    /// Packets that reached a sink.
    pub(crate) confirmed: u64,
    /// Packets that did not, and that no report knows of.
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    /// Packets that workers took with them, by the reports.
    pub(crate) lost_in_flight: u64,
    /// Packets that nobody had sent.
    pub(crate) corrupt: u64,
    max_block_ms: f64,
}

impl Packets {
    /// How long somebody waited for an end.
    pub(crate) fn blocked(&mut self, time: Duration) {
        self.max_block_ms = self.max_block_ms.max(time.as_secs_f64() * 1e3);
    }
}

impl Counts for Packets {
    fn shown(&self, report: &campaign::Report) -> Vec<(&'static str, String)> {
        vec![
            ("confirmed", self.confirmed.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("lost_in_flight", self.lost_in_flight.to_string()),
            ("corrupt", self.corrupt.to_string()),
            ("hangs", report.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", self.max_block_ms)),
            ("leaks", report.leaks.to_string()),
        ]
    }
}
