//! Where the workers of other hosts meet the process that coordinates them.

use std::fmt;
use std::time::Duration;

use descriptor_core::ServerAddress;
use serde::{Deserialize, Serialize};

/// How many workers a job waits for, and where.
///
/// All its processes reach the server of queues at the address, each maybe its own way: there they find each other, there
/// they talk, and there are the queues between them.
///
/// ```
/// use std::time::Duration;
/// use graph::{Deployment, Meeting};
///
/// let two = Meeting::new(2, "tcp://10.0.0.5:7420".parse()?).join_within(Duration::from_secs(30));
/// let deployment = Deployment::Workers(two);
/// assert_eq!(deployment.to_string(), "workers(2, tcp://10.0.0.5:7420)");
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meeting {
    workers: u32,
    at: ServerAddress,
    join_within_ms: u64,
    silence_ms: u64,
}

impl Meeting {
    /// How long all workers together may take to come, unless said otherwise.
    pub const JOIN_WITHIN: Duration = Duration::from_secs(60);
    /// How long a process may be silent before it counts as lost, unless said otherwise.
    pub const SILENCE: Duration = Duration::from_secs(10);
    /// The shortest silence that means something: everybody speaks once a second.
    pub const LEAST_SILENCE: Duration = Duration::from_secs(3);

    /// So many workers, at this server.
    #[must_use]
    pub const fn new(workers: u32, at: ServerAddress) -> Self {
        Self {
            workers,
            at,
            join_within_ms: Self::JOIN_WITHIN.as_millis() as u64,
            silence_ms: Self::SILENCE.as_millis() as u64,
        }
    }

    /// How long all of them together may take to come; in whole milliseconds.
    #[must_use]
    pub fn join_within(mut self, limit: Duration) -> Self {
        self.join_within_ms = millis(limit);
        self
    }

    /// How long a process may be silent before the others count it as lost; at least
    /// [`LEAST_SILENCE`](Self::LEAST_SILENCE), in whole milliseconds.
    #[must_use]
    pub fn silence(mut self, limit: Duration) -> Self {
        self.silence_ms = millis(limit.max(Self::LEAST_SILENCE));
        self
    }

    /// The number of workers.
    #[must_use]
    pub const fn workers(&self) -> u32 {
        self.workers
    }

    /// Where the server is.
    #[must_use]
    pub const fn server(&self) -> &ServerAddress {
        &self.at
    }

    /// How long all workers together may take to come.
    #[must_use]
    pub const fn patience(&self) -> Duration {
        Duration::from_millis(self.join_within_ms)
    }

    /// How long a process may be silent before it counts as lost.
    #[must_use]
    pub fn longest_silence(&self) -> Duration {
        // A document may say anything.
        Duration::from_millis(self.silence_ms).max(Self::LEAST_SILENCE)
    }

    /// The same meeting as a process reaches it that has another address for the server.
    pub(crate) fn reached_at(self, at: ServerAddress) -> Self {
        Self { at, ..self }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Meeting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.workers, self.at)
    }
}
