//! What a checkpoint consists of.

use serde::{Deserialize, Serialize};

pub(crate) const FORMAT: u32 = 1;

/// The state of one instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// What it said its state is.
    pub state: Vec<u8>,
    /// The instance had come to its end.
    pub over: bool,
    /// Packets that a source had sent by then in this run. Not written down: another run counts anew.
    pub sent: u64,
}

/// What one process has written of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// 0 for the coordinator, or one more than the number of the worker.
    pub part: u32,
    /// Its instances, in the order of their places.
    pub entries: Vec<PartEntry>,
}

/// One state in the file of a part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// The place of the instance in the plan.
    pub place: usize,
    /// The length of the state.
    pub bytes: u64,
    /// Its checksum.
    pub checksum: u64,
    /// The instance had come to its end.
    pub over: bool,
    /// See [`Saved::sent`].
    pub sent: u64,
}

impl PartEntry {
    pub(crate) const fn named(&self, name: String, part: u32) -> Entry {
        Entry {
            name,
            part,
            bytes: self.bytes,
            checksum: self.checksum,
            over: self.over,
        }
    }
}

/// What a checkpoint is of. Written behind its checksum.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) format: u32,
    pub(crate) job: String,
    pub(crate) graph: String,
    /// All that the graph says, for one that differs in what may differ.
    #[serde(default)]
    pub(crate) document: Option<String>,
    /// What the code was made with that the graph does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) made_with: Option<String>,
    pub(crate) number: u64,
    pub(crate) instances: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) part: u32,
    pub(crate) bytes: u64,
    pub(crate) checksum: u64,
    pub(crate) over: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "that is how serde asks")]
const fn is_zero(part: &u32) -> bool {
    *part == 0
}
