//! Where things are in a segment.
//!
//! ```text
//! 0        what never changes: see `header.rs`
//! 1024     the words of the two sides, each that the other side reads in a cache line of its own
//! 2048     participants, 64 bytes each
//! 18432    one more, for who buries the dead when all are taken
//! 20480    items on loan, from the next page on: entries, then places for larger items; without memory until it is needed
//! ring     records, 8 bytes of length and checksum before each item
//! ```

use descriptor_core::{Error, ErrorKind};

/// Changes with every change of this file or of what the words mean.
pub(crate) const VERSION: u32 = 5;

/// Bytes that never change.
pub(crate) const HEADER: usize = 1024;

/// One side of the queue: the offsets of its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    /// Who is at work: see `lock.rs`.
    pub(crate) lock: usize,
}

pub(crate) const PUTTERS: Side = Side { lock: 1024 };
pub(crate) const GETTERS: Side = Side { lock: 1152 };

// Of the putters, in the line of their lock.
pub(crate) const SEEN_HEAD: usize = 1032;
pub(crate) const SEEN_AWAY: usize = 1040;
/// The tail as it will be, while a record is being written; 0 otherwise.
pub(crate) const WRITING: usize = 1048;
pub(crate) const PUT_TOTAL: usize = 1056;
/// Puts that a death left half done.
pub(crate) const TORN: usize = 1064;

/// Where the next record goes: written by putters, read by getters.
pub(crate) const TAIL: usize = 1088;

// Of the getters, in the line of their lock.
pub(crate) const SEEN_TAIL: usize = 1160;
/// The head as it will be, while an item is being taken; 0 otherwise.
pub(crate) const TAKING: usize = 1168;
/// Who is taking it, in the upper half, and the lower half of what the count of that one will be then.
pub(crate) const TAKEN_NEXT: usize = 1176;
pub(crate) const GET_TOTAL: usize = 1184;
/// Items whose taker died before its call returned.
pub(crate) const LOST_IN_FLIGHT: usize = 1192;
/// Items that were skipped because a length or a count made no sense.
pub(crate) const DAMAGED: usize = 1200;
/// What is being done with an entry of the table of loans; 0 otherwise.
pub(crate) const INTENT: usize = 1208;

/// Where the next item is taken: written by getters, read by putters.
pub(crate) const HEAD: usize = 1216;
/// Items on loan and their bytes, which still take room.
pub(crate) const AWAY: usize = 1224;
/// How many of those are to be had again.
pub(crate) const BACK: usize = 1232;
/// When the table of loans is looked through next, in nanoseconds of the clock of the host.
pub(crate) const NEXT_LOOK: usize = 1240;

/// A change that others may sleep for: how many do, and a number that every wake-up changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bell {
    pub(crate) sleepers: usize,
    pub(crate) rings: usize,
    /// The word of a participant that says how many of its threads sleep here.
    pub(crate) mine: usize,
}

/// There is something to take, or the queue was closed.
pub(crate) const ITEMS: Bell = Bell {
    sleepers: 1280,
    rings: 1284,
    mine: 32,
};
/// There is room, or the queue was closed.
pub(crate) const ROOM: Bell = Bell {
    sleepers: 1344,
    rings: 1348,
    mine: 36,
};

/// 0 while open, [`CLOSED`] or [`EVICTED`] after that.
pub(crate) const STAGE: usize = 1408;
pub(crate) const CLOSED: u32 = 1;
pub(crate) const EVICTED: u32 = 2;

// Of the table of loans.
/// Entries that have memory.
pub(crate) const LOANS_BACKED: usize = 1536;
/// Entries that were ever used.
pub(crate) const LOANS_HIGH: usize = 1544;
/// No entry below this one is free.
pub(crate) const LOANS_HINT: usize = 1552;
/// The last ticket, without its entry.
pub(crate) const LAST_TICKET: usize = 1560;
/// The last place in the order of first deliveries.
pub(crate) const LAST_ORDER: usize = 1568;
// Since the queue was made: see `LeaseTotals`.
pub(crate) const REDELIVERED: usize = 1576;
pub(crate) const EXPIRED: usize = 1584;
pub(crate) const DEAD_LETTERED: usize = 1592;
pub(crate) const DROPPED: usize = 1600;
pub(crate) const REFUSED: usize = 1608;

/// An entry of the table of loans: its words, then the item if that is small.
pub(crate) const ENTRY: usize = 256;
pub(crate) const INLINE: usize = 192;
/// As many items can be on loan at once, if the capacity is not smaller.
const MAX_LOANS: usize = 1 << 12;
// Of each entry.
pub(crate) const STATE: usize = 0;
pub(crate) const TICKET: usize = 8;
pub(crate) const ORDER: usize = 16;
pub(crate) const DUE: usize = 24;
pub(crate) const FRONT: usize = 32;
/// Bytes that its place for larger items has memory for.
pub(crate) const BACKED: usize = 40;

/// Participants: processes, counted once for each time they opened the queue.
pub(crate) const PARTICIPANTS: usize = 2048;
pub(crate) const MAX_PARTICIPANTS: usize = 256;
/// The entry behind theirs: of who buries the dead because no other entry is free.
pub(crate) const UNDERTAKER: usize = MAX_PARTICIPANTS;
pub(crate) const PARTICIPANT: usize = 64;
// Of each participant.
pub(crate) const TOKEN: usize = 0;
pub(crate) const GENERATION: usize = 8;
pub(crate) const PID: usize = 12;
pub(crate) const TAKEN: usize = 16;
pub(crate) const FINISHED: usize = 24;

/// What every segment has at least.
pub(crate) const END_OF_WORDS: usize = PARTICIPANTS + (UNDERTAKER + 1) * PARTICIPANT;

/// Length and checksum before each item.
pub(crate) const RECORD: usize = 8;

/// The largest capacity in items: counts are kept modulo twice that.
pub(crate) const MAX_ITEMS: usize = 1 << 24;
/// The largest ring.
pub(crate) const MAX_RING: usize = 1 << 36;

/// The sizes of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Where the table of loans begins.
    pub(crate) loans: usize,
    /// The number of its entries.
    pub(crate) entries: usize,
    /// Where the places of larger items on loan begin.
    pub(crate) extents: usize,
    /// The size of each of them.
    pub(crate) extent: usize,
    /// Where the ring begins; a multiple of the page size.
    pub(crate) ring: usize,
    /// The size of the ring: a power of two, and a multiple of the page size.
    pub(crate) ring_bytes: usize,
}

impl Layout {
    /// For a ring of at least `bytes`, and `capacity` items of up to `max_item` bytes.
    ///
    /// # Errors
    /// `InvalidDescriptor` when that is more than a segment can have.
    pub(crate) fn new(bytes: usize, capacity: usize, max_item: usize, page: usize) -> Result<Self, Error> {
        if bytes > MAX_RING || max_item > MAX_RING {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "lay out")
                .backend("shm")
                .expected(format!("at most {MAX_RING} bytes"))
                .found(bytes.max(max_item).to_string())
                .remedy("lower max_bytes"));
        }
        let ring_bytes = bytes.next_power_of_two().max(page);
        let loans = END_OF_WORDS.next_multiple_of(page);
        let extent = if max_item > INLINE {
            max_item.next_multiple_of(page)
        } else {
            0
        };
        let entries = capacity.min(MAX_LOANS).min(MAX_RING / extent.max(1)).max(1);
        let extents = loans + (entries * ENTRY).next_multiple_of(page);
        Ok(Self {
            loans,
            entries,
            extents,
            extent,
            ring: extents + entries * extent,
            ring_bytes,
        })
    }

    /// The size of the file.
    pub(crate) const fn file(&self) -> usize {
        self.ring + self.ring_bytes
    }
}

/// The bytes that an item of `len` takes in the ring.
pub(crate) const fn record_bytes(len: usize) -> usize {
    RECORD + len.next_multiple_of(8)
}
