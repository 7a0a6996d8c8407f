//! What a test has another process do with its queues, and what that answers.
//!
//! The other process is `shm-hand`. Its first line of output names a socket; who calls connects to it and has one call at a
//! time done on each connection. Each further line is the number of a [`Look`] whose waker was called. The process
//! ends with its input.

use std::io::{Error, ErrorKind as IoKind, Read, Result, Write};
use std::time::{Duration, Instant};

use sage_comm::{Codec, Totals, Wait, Wire};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// More than any item or batch of the clauses.
const LARGEST: usize = 1 << 26;
const CODEC: Codec = Codec::Postcard;

/// An encoded item.
pub type Packed = Vec<u8>;

/// The variable that has `shm-hand` do it wrong, to see whether that is noticed: `loses` or `doubles`.
pub const PLANTED: &str = "SHM_HAND_PLANTED";

/// What is asked of the other process.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Open a queue of `shm` under a number.
    Open {
        /// The number.
        queue: u64,
        /// The tag of its items, as text.
        tag: String,
        /// Its record, as a URI.
        uri: String,
    },
    /// Let go of that queue.
    Leave(u64),
    /// Call that queue.
    Call(u64, Verb),
}

/// A call on a queue.
#[derive(Debug, Serialize, Deserialize)]
pub enum Verb {
    /// `put_within`.
    Put(Packed, Limit),
    /// `put_batch`.
    PutBatch(Vec<Packed>, Limit),
    /// `get_within`.
    Get(Limit),
    /// `get_batch` of up to so many.
    GetBatch(u64, Limit),
    /// `lease`.
    Lease(Limit),
    /// `lease_batch` of up to so many.
    LeaseBatch(u64, Limit),
    /// `poll_put`; the item comes with the first one.
    PollPut(Look, Option<Packed>),
    /// `poll_get`.
    PollGet(Look),
    /// `poll_lease`.
    PollLease(Look),
    /// `cancel_put` or `cancel_get` for that future.
    Cancel(u64),
    /// The lease with that ticket is acknowledged.
    Ack(u64),
    /// It is given back, to rest for so long.
    Nack(u64, Duration),
    /// It is made longer.
    Extend(u64, Duration),
    /// `close`.
    Close,
    /// How the queue is.
    State,
}

/// One poll of a future.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Look {
    /// The future.
    pub future: u64,
    /// The waker of this poll.
    pub waker: u64,
}

/// How long a call may wait. Moments do not travel between processes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Limit {
    /// As [`Wait::Never`].
    Never,
    /// As [`Wait::Until`] this time from now.
    For(Duration),
    /// As [`Wait::Forever`].
    Forever,
}

impl From<Wait> for Limit {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Never => Self::Never,
            Wait::Until(moment) => Self::For(moment.saturating_duration_since(Instant::now())),
            Wait::Forever => Self::Forever,
        }
    }
}

impl From<Limit> for Wait {
    fn from(limit: Limit) -> Self {
        match limit {
            Limit::Never => Self::Never,
            // A moment that has passed is still a moment.
            Limit::For(time) => Instant::now().checked_add(time).map_or(Self::Forever, Self::Until),
            Limit::Forever => Self::Forever,
        }
    }
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// It is done.
    Done,
    /// So many went in; the rest.
    Stored(u64, Vec<Packed>),
    /// What came out.
    Items(Vec<Packed>),
    /// What came out on loan.
    Lent(Vec<Loaned>),
    /// Not yet.
    Pending,
    /// Nothing was done; the items that came back.
    Refused(Refusal, Vec<Packed>),
    /// How the queue is.
    State(State),
    /// The call panicked.
    Panicked(String),
}

/// An item on loan.
#[derive(Debug, Serialize, Deserialize)]
pub struct Loaned {
    /// The item.
    pub item: Packed,
    /// Its ticket.
    pub ticket: u64,
    /// How often it was handed out.
    pub deliveries: u32,
}

/// Why nothing was done.
#[derive(Debug, Serialize, Deserialize)]
pub enum Refusal {
    /// No room.
    Full,
    /// No item.
    Empty,
    /// Closed.
    Closed,
    /// An error, by its place in [`ErrorKind::ALL`](sage_comm::ErrorKind::ALL) and its words.
    Failed(usize, String),
}

/// How a queue is.
#[derive(Debug, Serialize, Deserialize)]
pub struct State {
    /// `depth`.
    pub depth: Option<usize>,
    /// `capacity`.
    pub capacity: Option<usize>,
    /// `is_closed`.
    pub is_closed: bool,
    /// `totals`: items in and out.
    pub totals: Option<(u64, u64)>,
}

impl State {
    /// `totals`.
    #[must_use]
    pub fn totals(&self) -> Option<Totals> {
        self.totals.map(|(put, get)| Totals { put, get })
    }
}

/// Encodes an item.
///
/// # Panics
/// When its `Serialize` does, or refuses.
#[must_use]
pub fn pack<T: Serialize>(item: &T) -> Packed {
    let mut bytes = Vec::new();
    match CODEC.encode(item, LARGEST, &mut bytes) {
        Ok(()) => bytes,
        Err(error) => panic!("{error}"),
    }
}

/// Decodes an item.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn unpack<T: Wire>(bytes: &[u8]) -> T {
    match CODEC.decode(bytes, LARGEST) {
        Ok(item) => item,
        Err(error) => panic!("{error}"),
    }
}

/// Writes one message.
///
/// # Errors
/// As the connection has it.
pub fn send<M: Serialize>(line: &mut impl Write, message: &M) -> Result<()> {
    let mut frame = vec![0; size_of::<u32>()];
    CODEC.encode(message, LARGEST, &mut frame).map_err(Error::other)?;
    let len = u32::try_from(frame.len() - size_of::<u32>()).map_err(Error::other)?;
    frame.splice(..size_of::<u32>(), len.to_le_bytes());
    line.write_all(&frame)
}

/// Reads one message.
///
/// # Errors
/// As the connection has it; `UnexpectedEof` when the other side has ended.
pub fn receive<M: DeserializeOwned>(line: &mut impl Read) -> Result<M> {
    let mut len = [0; size_of::<u32>()];
    line.read_exact(&mut len)?;
    let mut frame = vec![0; usize::try_from(u32::from_le_bytes(len)).map_err(Error::other)?];
    line.read_exact(&mut frame)?;
    CODEC
        .decode(&frame, LARGEST)
        .map_err(|error| Error::new(IoKind::InvalidData, error))
}
