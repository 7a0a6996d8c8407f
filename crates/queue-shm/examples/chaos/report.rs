//! What a campaign found.

use std::ops::{Deref, DerefMut};

use queue_testkit::campaign::{self, Findings};

use crate::ledger::Sums;

/// Sums over all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    usual: campaign::Report,
    pub(crate) confirmed: u64,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) lost_in_flight: u64,
    pub(crate) corrupt: u64,
    pub(crate) max_block_ns: u64,
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
    /// Takes the sums of one queue in.
    pub(crate) fn take(&mut self, sums: &Sums) {
        self.confirmed += sums.confirmed;
        self.delivered += sums.delivered;
        self.lost += sums.lost;
        self.duplicated += sums.duplicated;
        self.lost_in_flight += sums.lost_in_flight;
        self.corrupt += sums.corrupt;
        self.max_block_ns = self.max_block_ns.max(sums.max_block_ns);
        self.add("torn", sums.torn);
    }
}

impl Findings for Report {
    fn report(&self) -> &campaign::Report {
        &self.usual
    }

    fn own(&self) -> Vec<(&'static str, String)> {
        vec![
            ("confirmed", self.confirmed.to_string()),
            ("delivered", self.delivered.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("lost_in_flight", self.lost_in_flight.to_string()),
            ("corrupt", self.corrupt.to_string()),
            ("hangs", self.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", self.max_block_ns as f64 / 1e6)),
            ("leaks", self.leaks.to_string()),
        ]
    }
}
