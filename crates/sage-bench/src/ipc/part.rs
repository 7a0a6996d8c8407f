//! What one process does: a part, as a word of a command line, and the figures that come back, as a line.

use serde::{Deserialize, Serialize};

use super::meeting::Meeting;

/// The first word of a command line that is a part.
pub(super) const WORD: &str = "ipc-part";

/// What there is to do in a lap of `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Act {
    /// Send `n` items, over `amount` queues in turn.
    Send,
    /// Receive as many.
    Receive,
    /// Send `n` items, one at a time, and wait for each to come back; before each pause for `amount` microseconds.
    Call,
    /// Give back `n` items.
    Echo,
    /// Open and close `n` times.
    Attach,
    /// Open `amount` queues and look at the memory.
    Hold,
    /// Have `amount` threads wait for an item, for `n` milliseconds; in the last lap, of 0, until they have one.
    Wait,
}

/// One process of a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) subject: String,
    pub(super) act: Act,
    /// See [`Act`].
    pub(super) amount: u64,
    /// The processor to stay on.
    pub(super) processor: Option<usize>,
    pub(super) meeting: Meeting,
}

/// What a lap came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Lap {
    /// When it began and ended, in seconds of the clock that all processes share.
    pub(super) begun: f64,
    pub(super) ended: f64,
    /// Processor time in seconds.
    pub(super) cpu: f64,
    /// Of the numbers that were received.
    pub(super) sum: u64,
    /// What else the part measured.
    pub(super) values: Vec<f64>,
}
