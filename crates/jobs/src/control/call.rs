//! What clients ask, as JSON.

use serde::{Deserialize, Serialize};

use crate::Scalars;

/// One call. The answer is JSON as well: an id, a [`JobStatus`](crate::JobStatus), a list, or null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Call {
    Submit {
        name: String,
        #[serde(default)]
        params: Scalars,
    },
    List,
    Status {
        id: String,
    },
    Pause {
        id: String,
    },
    Resume {
        id: String,
    },
    Cancel {
        id: String,
        /// Lets what is inside flow out, for at most so long.
        #[serde(default)]
        drain_ms: Option<u64>,
    },
}
