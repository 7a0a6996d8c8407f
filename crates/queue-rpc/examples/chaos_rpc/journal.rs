//! What a client was told, in a file that outlives it. One write of the system per entry: a process that is killed has
//! written an entry or has not.

use std::path::Path;

use descriptor_core::ErrorKind;
use queue_testkit::campaign::{self, Journal};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A put of `item` begins.
    BeginPut,
    /// It ended; `Ok` means stored.
    Put,
    /// It ended; `Ok` means accepted into the window.
    Accept,
    /// All that was accepted is stored, if `Ok`.
    Flush,
    /// What became of a put of which nobody knew.
    Retry,
    /// A get of up to `item` items begins.
    BeginGet,
    /// It ended; one entry for each item.
    Get,
    /// As `Get`, for an item on loan, which is not settled yet.
    Lent,
    /// An item on loan was acknowledged.
    Ack,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Full,
    Empty,
    Closed,
    /// Nobody knows whether it is stored.
    Unknown,
    /// An item came out, and its bytes are not those that were put.
    Wrong,
    /// There was no answer in time.
    Timeout,
    /// There is no connection.
    Disconnected,
    /// The server does not know the session or the queue of before.
    Stale,
    /// An answer that no fault of a campaign explains.
    Failed,
}

impl End {
    pub(crate) const fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Timeout => Self::Timeout,
            ErrorKind::Disconnected | ErrorKind::PeerDied | ErrorKind::Overloaded => Self::Disconnected,
            ErrorKind::StaleHandle => Self::Stale,
            ErrorKind::Unknown => Self::Unknown,
            _ => Self::Failed,
        }
    }
}

/// One entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) end: End,
    pub(crate) actor: u32,
    pub(crate) item: u64,
    pub(crate) invoked: u64,
    pub(crate) returned: u64,
    /// Nanoseconds that the call was given; all ones for no limit.
    pub(crate) limit: u64,
    /// The lives of the server that the client knew of before the call and after it.
    pub(crate) epochs: [u64; 2],
}

/// Bytes of an entry.
pub(crate) const ENTRY: usize = <Entry as campaign::Entry>::SIZE;
const KINDS: [Kind; 9] = [
    Kind::BeginPut,
    Kind::Put,
    Kind::Accept,
    Kind::Flush,
    Kind::Retry,
    Kind::BeginGet,
    Kind::Get,
    Kind::Lent,
    Kind::Ack,
];
const ENDS: [End; 10] = [
    End::Ok,
    End::Full,
    End::Empty,
    End::Closed,
    End::Unknown,
    End::Wrong,
    End::Timeout,
    End::Disconnected,
    End::Stale,
    End::Failed,
];

impl campaign::Entry for Entry {
    const SIZE: usize = 56;

    fn write(self, to: &mut Vec<u8>) {
        let head = [self.kind as u8, self.end as u8, 0, 0];
        let [before, after] = self.epochs;
        let words = [self.item, self.invoked, self.returned, self.limit, before, after].map(u64::to_le_bytes);
        let all = head
            .into_iter()
            .chain(self.actor.to_le_bytes())
            .chain(words.into_iter().flatten());
        to.extend(all);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self {
            kind: *KINDS.get(usize::from(*bytes.first()?))?,
            end: *ENDS.get(usize::from(*bytes.get(1)?))?,
            actor: u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?),
            item: word(8)?,
            invoked: word(16)?,
            returned: word(24)?,
            limit: word(32)?,
            epochs: [word(40)?, word(48)?],
        })
    }
}

/// All entries of a journal; of one that is being written, all but the last perhaps.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    Journal::read(path, false)
}
