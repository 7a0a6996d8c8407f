//! Connections that belong to one life of a server, and to no other.

use std::fmt;
use std::sync::Arc;

/// One life of a server, for clients that must not go on with the next one as if nothing had been.
///
/// A connection of it is made anew as often as it takes, but only to a server that says the same epoch; and when it is lost it
/// is asked first whether that life is over, so that nobody waits for a server that is known to be dead.
#[derive(Clone)]
pub struct ServerLife {
    epoch: u64,
    obituary: Arc<dyn Fn() -> Option<String> + Send + Sync>,
}

impl ServerLife {
    /// The life with that epoch. `obituary` says how it ended once it has, in a few words; it is asked on the thread of all
    /// connections, so it must be quick.
    pub fn new(epoch: u64, obituary: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        Self {
            epoch,
            obituary: Arc::new(obituary),
        }
    }

    /// What the server says of itself.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How it ended; `None` while it has not.
    pub(crate) fn obituary(&self) -> Option<String> {
        (self.obituary)()
    }
}

impl fmt::Debug for ServerLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLife")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}
