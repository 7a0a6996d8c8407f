//! What clients ask, as JSON.

use serde::{Deserialize, Serialize};

use crate::{Keep, Scalars};

/// One call. The answer is JSON as well: an id, a [`JobStatus`](crate::JobStatus), a [`Rescaled`](crate::Rescaled),
/// a list, or null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Call {
    Submit {
        name: String,
        #[serde(default)]
        params: Scalars,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        keep: Option<Keep>,
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
    Rescale {
        id: String,
        node: String,
        instances: u32,
    },
    Cancel {
        id: String,
        /// Lets what is inside flow out, for at most so long.
        #[serde(default)]
        drain_ms: Option<u64>,
    },
}
