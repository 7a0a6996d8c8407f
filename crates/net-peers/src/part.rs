//! What one process does: a part, as a word of a command line.

use serde::{Deserialize, Serialize};

use crate::site::Site;

/// The first word of a command line that is a part.
pub const WORD: &str = "net-part";

/// What there is to do in a lap of `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Be the server, or have one; laps are empty.
    Serve,
    /// Put `n` items, and have them confirmed by who confirms. `amount` is unused.
    Send,
    /// Get as many.
    Receive,
    /// Put `n` items, one at a time, each confirmed before the next one.
    Put,
    /// Put `n` items, one at a time, and get each before the next one.
    Trip,
    /// The same, of which nothing is timed but the lap: for queues that take less time than looking at the clock.
    Alone,
    /// Put `n` items as `amount` producers at the same time, who each wait until one is confirmed before the next one.
    Crowd,
    /// Put `n` items as `amount` clients, each with a connection and a queue of its own.
    SendMany,
    /// Get as many as so many clients.
    ReceiveMany,
    /// Have `amount` connections open, and leave them alone; laps are empty.
    HoldConnections,
    /// Have `amount` queues open over one connection, and leave them alone; laps are empty.
    HoldQueues,
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
    /// Where the server is.
    pub site: Site,
}
