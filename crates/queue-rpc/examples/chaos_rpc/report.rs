//! What a campaign found.

use std::ops::{Deref, DerefMut};

use queue_testkit::campaign::{self, Findings};

use crate::books::Sums;

/// Sums over all rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    usual: campaign::Report,
    sums: Sums,
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
    pub(crate) fn take(&mut self, about: &str, sums: Sums) {
        let own = &mut self.sums;
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
        self.complain_of(sums.complaints.into_iter().map(|text| format!("{about}: {text}")));
    }
}

impl Findings for Report {
    fn report(&self) -> &campaign::Report {
        &self.usual
    }

    fn own(&self) -> Vec<(&'static str, String)> {
        let sums = &self.sums;
        vec![
            ("confirmed", sums.confirmed.to_string()),
            ("delivered", sums.delivered.to_string()),
            ("lost", sums.lost.to_string()),
            ("duplicated", sums.duplicated.to_string()),
            ("redelivered", sums.redelivered.to_string()),
            ("lost_in_flight", sums.lost_in_flight.to_string()),
            ("gone_with_server", sums.gone.to_string()),
            ("unknown", sums.unknown.to_string()),
            ("broken_calls", sums.broken.to_string()),
            ("hangs", self.hangs.to_string()),
            ("max_block_ms", format!("{:.1}", sums.max_block_ns as f64 / 1e6)),
            ("leaks", self.leaks.to_string()),
        ]
    }
}
