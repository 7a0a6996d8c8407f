//! What a campaign found.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use queue_testkit::campaign::{self, Findings};

/// Sums over all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    usual: campaign::Report,
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

impl Deref for Report {
    type Target = campaign::Report;

    fn deref(&self) -> &Self::Target {
        &self.usual
    }
}

impl DerefMut for Report {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.usual
    }
}

impl Report {
    /// The end of one round; it failed when there is anything to complain of.
    pub(crate) fn round(&mut self, complaints: Vec<String>) {
        let round = self.rounds + 1;
        let told = complaints.into_iter().map(|text| format!("round {round}: {text}"));
        self.usual.round(told);
    }

    /// How long somebody waited for an end.
    pub(crate) fn blocked(&mut self, time: Duration) {
        self.max_block_ms = self.max_block_ms.max(time.as_secs_f64() * 1e3);
    }
}

impl Findings for Report {
    fn report(&self) -> &campaign::Report {
        &self.usual
    }

    fn own(&self) -> Vec<(&'static str, String)> {
        vec![
            ("confirmed", self.confirmed.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("lost_in_flight", self.lost_in_flight.to_string()),
            ("corrupt", self.corrupt.to_string()),
            ("hangs", self.usual.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", self.max_block_ms)),
            ("leaks", self.usual.leaks.to_string()),
        ]
    }
}
