//! What came of the checkpoints of a run.

use serde::{Deserialize, Serialize};

/// What became of the checkpoints of one run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The one that the job went on from.
    pub restored: Option<u64>,
    /// How many were completed.
    pub completed: u64,
    /// The last complete one.
    pub last: Option<u64>,
    /// How many were given up because an instance would have had to hold back too much.
    pub declined: u64,
    /// How many could not be written; the log says why.
    pub unwritten: u64,
}
