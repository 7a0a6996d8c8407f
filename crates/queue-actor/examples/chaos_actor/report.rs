//! What a campaign found.

use queue_testkit::campaign::{self, Counts, Findings};

/// Sums over all rounds.
pub(crate) type Report = Findings<Processes>;

/// How many there are.
#[derive(Clone, Debug)]
pub(crate) struct Processes(pub(crate) u64);

impl Counts for Processes {
    fn shown(&self, _: &campaign::Report) -> Vec<(&'static str, String)> {
        vec![("processes", self.0.to_string())]
    }
}
