//! What a campaign found.

use queue_testkit::campaign::{self, Counts, Findings};

use crate::ledger::Sums;

/// Sums over all rounds.
pub(crate) type Report = Findings<Sums>;

/// Takes the sums of one queue in.
pub(crate) fn take(report: &mut Report, sums: &Sums) {
    let own = &mut report.counts;
    own.confirmed += sums.confirmed;
    own.delivered += sums.delivered;
    own.lost += sums.lost;
    own.duplicated += sums.duplicated;
    own.lost_in_flight += sums.lost_in_flight;
    own.corrupt += sums.corrupt;
    own.max_block_ns = own.max_block_ns.max(sums.max_block_ns);
    report.add("torn", sums.torn);
}

impl Counts for Sums {
    fn shown(&self, report: &campaign::Report) -> Vec<(&'static str, String)> {
        vec![
            ("confirmed", self.confirmed.to_string()),
            ("delivered", self.delivered.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("lost_in_flight", self.lost_in_flight.to_string()),
            ("corrupt", self.corrupt.to_string()),
            ("hangs", report.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", self.max_block_ns as f64 / 1e6)),
            ("leaks", report.leaks.to_string()),
        ]
    }
}
