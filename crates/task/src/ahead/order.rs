//! Which result goes on first.

use serde::{Deserialize, Serialize};

/// In which order the results of asynchronous work go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AsyncOrder {
    /// As the packets came: a result waits for those before it.
    #[default]
    Kept,
    /// As the work is done. Watermarks stay behind what came before them, and packets of one key may overtake each other.
    AsTheyFinish,
}
