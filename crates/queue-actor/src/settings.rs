//! What whoever has a manager decides.

use std::path::PathBuf;
use std::time::Duration;

/// Where managers are, and how much one takes whose process this becomes. The limits hold for all queues of a namespace
/// together, and are those of the process that has the manager.
///
/// ```
/// use queue_actor::ManagerSettings;
/// let settings = ManagerSettings { max_queues: 100, ..ManagerSettings::default() };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagerSettings {
    /// The folder of all namespaces, for this user alone; `None` for `$SAGE_MANAGER_DIR`, else `$XDG_RUNTIME_DIR/sage-comm`,
    /// else `sage-comm-<user>` among temporary files.
    pub folder: Option<PathBuf>,
    /// The most queues.
    pub max_queues: usize,
    /// The most items in all queues that several processes use.
    pub max_items: u64,
    /// The most bytes of these items.
    pub max_bytes: u64,
    /// The most connections of other processes.
    pub max_connections: usize,
    /// Queues that nobody has open and nothing is in are deleted after so long; `None` keeps them.
    pub idle_ttl: Option<Duration>,
}

impl Default for ManagerSettings {
    fn default() -> Self {
        Self {
            folder: None,
            max_queues: 16_384,
            max_items: 1 << 24,
            max_bytes: 1 << 30,
            max_connections: 1024,
            idle_ttl: None,
        }
    }
}
