//! What a process was told, in a file that outlives it. One write of the system per entry: a process that is killed has
//! written an entry or has not.

use std::path::Path;

use queue_testkit::campaign::{self, Journal};

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A put of `item` begins.
    BeginPut,
    /// It ended.
    Put,
    /// A get of up to `item` items begins.
    BeginGet,
    /// It ended; one entry for each item.
    Get,
    /// The queue was opened; `item` is its epoch.
    Open,
    /// The handle is about to be dropped.
    Leave,
    /// The queue was closed by this process.
    Close,
    /// The next entries are about the queue of this number.
    Name,
    /// The queue did not open, and another try would not help.
    Refused,
    /// What an auditor found: `invoked` is the number of the fact, `item` its value.
    Fact,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Full,
    Empty,
    Closed,
    /// An error that says that bytes are damaged.
    Corrupt,
    /// An item came out, and its bytes are not those that were put.
    Wrong,
    /// Another error.
    Failed,
}

/// What an auditor finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// Items that fitted into the empty queue.
    Room,
    /// The queue's own count of items lost with their takers.
    LostInFlight,
    /// The queue's own count of half done puts.
    Torn,
    /// Items that the queue gave up.
    GivenUp,
    /// By how many the totals of puts and gets differ when nothing is inside.
    Imbalance,
    /// Items that this process has handed over so far.
    Pairs,
    /// How often its threads slept.
    Sleeps,
}

/// One entry, 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) end: End,
    pub(crate) actor: u32,
    pub(crate) item: u64,
    pub(crate) invoked: u64,
    pub(crate) returned: u64,
}

/// Bytes of an entry.
pub(crate) const ENTRY: usize = <Entry as campaign::Entry>::SIZE;
const KINDS: [Kind; 10] = [
    Kind::BeginPut,
    Kind::Put,
    Kind::BeginGet,
    Kind::Get,
    Kind::Open,
    Kind::Leave,
    Kind::Close,
    Kind::Name,
    Kind::Refused,
    Kind::Fact,
];
const ENDS: [End; 7] = [
    End::Ok,
    End::Full,
    End::Empty,
    End::Closed,
    End::Corrupt,
    End::Wrong,
    End::Failed,
];
/// Every fact, by its number.
pub(crate) const FACTS: [Fact; 7] = [
    Fact::Room,
    Fact::LostInFlight,
    Fact::Torn,
    Fact::GivenUp,
    Fact::Imbalance,
    Fact::Pairs,
    Fact::Sleeps,
];

impl campaign::Entry for Entry {
    const SIZE: usize = 32;

    fn write(self, to: &mut Vec<u8>) {
        let head = [self.kind as u8, self.end as u8, 0, 0];
        let words = [self.item, self.invoked, self.returned].map(u64::to_le_bytes);
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
        })
    }
}

/// All entries of a journal.
pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, String> {
    Journal::read(path, true)
}
