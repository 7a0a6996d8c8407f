//! How far a queue can be reached.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a queue can be reached; a wider reach includes the narrower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Inside the process that opened it, and nowhere else.
    Process,
    /// From every process of the host.
    Host,
    /// From other hosts.
    Network,
}

impl Reach {
    /// The word used in messages and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Host => "host",
            Self::Network => "network",
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
