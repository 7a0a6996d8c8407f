//! Packets that an operator could not handle, kept with the reason.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{Codec, DynQueue, Error, ErrorKind, PutError};
use serde::{Deserialize, Serialize};

use crate::Data;

/// One packet whose operator failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The node whose operator failed.
    pub node: String,
    /// The instance.
    pub instance: String,
    /// What the operator said.
    pub error: String,
    /// The item as it came in, in JSON.
    pub item: String,
    /// The key, in its readable form.
    pub key: Option<String>,
    /// When the source made the packet, in nanoseconds since 1970-01-01 UTC.
    pub timestamp: u64,
}

/// How many dead letters a job keeps unless told otherwise.
pub const DEFAULT_ROOM: i64 = 10_000;

/// Where the dead letters of a job go.
#[derive(Clone)]
pub struct DeadLetters {
    queue: Option<DynQueue<DeadLetter>>,
}

impl DeadLetters {
    /// Into this queue; without one, keeping a letter is an error.
    #[must_use]
    pub const fn new(queue: Option<DynQueue<DeadLetter>>) -> Self {
        Self { queue }
    }

    /// Writes `item` into `buffer`, so that it can still be kept when the operator has taken it and failed.
    pub(crate) fn remember<T: Data>(&self, item: &T, buffer: &mut Vec<u8>) -> Result<(), Error> {
        buffer.clear();
        Codec::Json.encode(item, Codec::DEFAULT_LIMIT, buffer)
    }

    /// Keeps one letter.
    pub(crate) fn keep(&self, letter: DeadLetter) -> Result<(), Error> {
        let refused = match &self.queue {
            Some(queue) => match queue.try_put(letter) {
                Ok(()) => return Ok(()),
                Err(PutError::Full(_)) => "the dead-letter queue is full",
                Err(_) => "the dead-letter queue does not take it",
            },
            None => "the job has no dead-letter queue",
        };
        Err(Error::new(ErrorKind::Full, "keep dead letter")
            .found(refused)
            .remedy("read the dead letters while the job runs, or give them more room"))
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let depth = self.queue.as_ref().and_then(|queue| Arc::clone(queue).depth());
        f.debug_struct("DeadLetters").field("depth", &depth).finish()
    }
}
