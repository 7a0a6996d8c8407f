//! Times that processes can compare.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds of the clock of the host.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A call that has begun. How long it took does not hang on the clock of the host, which may be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    pub(crate) at: u64,
    since: Instant,
}

impl Begun {
    pub(crate) fn now() -> Self {
        Self {
            at: now(),
            since: Instant::now(),
        }
    }

    pub(crate) fn until_now(self) -> u64 {
        let took = u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.at.saturating_add(took)
    }
}
