//! What a campaign found.

use queue_testkit::campaign::{self, Counts, Findings};

use crate::books::Sums;

/// Sums over all rounds.
pub(crate) type Report = Findings<Sums>;

/// Takes the sums of one queue in.
pub(crate) fn take(report: &mut Report, about: &str, sums: Sums) {
    let own = &mut report.counts;
    own.confirmed += sums.confirmed;
    own.delivered += sums.delivered;
    own.lost += sums.lost;
    own.duplicated += sums.duplicated;
    own.redelivered += sums.redelivered;
    own.lost_in_flight += sums.lost_in_flight;
    own.unknown += sums.unknown;
    own.broken += sums.broken;
    own.gone += sums.gone;
    own.max_block_ns = own.max_block_ns.max(sums.max_block_ns);
    report.complain_of(sums.complaints.into_iter().map(|text| format!("{about}: {text}")));
}

impl Counts for Sums {
    fn shown(&self, report: &campaign::Report) -> Vec<(&'static str, String)> {
        vec![
            ("confirmed", self.confirmed.to_string()),
            ("delivered", self.delivered.to_string()),
            ("lost", self.lost.to_string()),
            ("duplicated", self.duplicated.to_string()),
            ("redelivered", self.redelivered.to_string()),
            ("lost_in_flight", self.lost_in_flight.to_string()),
            ("gone_with_server", self.gone.to_string()),
            ("unknown", self.unknown.to_string()),
            ("broken_calls", self.broken.to_string()),
            ("hangs", report.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", self.max_block_ns as f64 / 1e6)),
            ("leaks", report.leaks.to_string()),
        ]
    }
}
