//! What a campaign found.

use std::ops::{Deref, DerefMut};

use queue_testkit::campaign::{self, Findings};

/// Sums over all rounds.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    usual: campaign::Report,
    processes: u64,
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
    pub(crate) fn new(processes: u64) -> Self {
        Self {
            usual: campaign::Report::default(),
            processes,
        }
    }

    /// The end of one round; it failed when there is anything to complain of.
    pub(crate) fn round(&mut self, complaints: Vec<String>) {
        let round = self.rounds + 1;
        let told = complaints.into_iter().map(|text| format!("round {round}: {text}"));
        self.usual.round(told);
    }
}

impl Findings for Report {
    fn report(&self) -> &campaign::Report {
        &self.usual
    }

    fn own(&self) -> Vec<(&'static str, String)> {
        vec![("processes", self.processes.to_string())]
    }
}
