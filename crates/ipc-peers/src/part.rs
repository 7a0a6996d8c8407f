//! What one process does: a part, as a word of a command line, and the figures that come back, as a line.

use serde::{Deserialize, Serialize};

use crate::meeting::Meeting;

/// The first word of a command line that is a part.
pub const WORD: &str = "ipc-part";

/// What there is to do in a lap of `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
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
pub struct Part {
    /// The name of who carries the items.
    pub subject: String,
    /// What it does.
    pub act: Act,
    /// See [`Act`].
    pub amount: u64,
    /// The processor to stay on.
    pub processor: Option<usize>,
    /// Where the others are.
    pub meeting: Meeting,
}

/// What a lap came to.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Lap {
    /// When it began, in seconds of the clock that all processes share.
    pub begun: f64,
    /// When it ended.
    pub ended: f64,
    /// Processor time in seconds.
    pub cpu: f64,
    /// Of the numbers that were received.
    pub sum: u64,
    /// What else the part measured: nanoseconds of each trip or opening, KiB per queue, percent of a processor.
    pub values: Vec<f64>,
}
