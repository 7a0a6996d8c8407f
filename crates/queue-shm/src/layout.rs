//! Where things are in a segment.
//!
//! ```text
//! 0        what never changes: see `header.rs`
//! 1024     the words of the two sides, each that the other side reads in a cache line of its own
//! 2048     participants, 64 bytes each
//! 18432    items on loan, from the next page on; without memory until somebody leases
//! ring     records, 8 bytes of length and checksum before each item
//! ```

use descriptor_core::{Error, ErrorKind};

/// Changes with every change of this file or of what the words mean.
pub(crate) const VERSION: u32 = 1;

/// Bytes that never change.
pub(crate) const HEADER: usize = 1024;

/// One side of the queue: the offsets of its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) name: &'static str,
    /// Who is at work: see `lock.rs`.
    pub(crate) lock: usize,
}

pub(crate) const PUTTERS: Side = Side {
    name: "put",
    lock: 1024,
};
pub(crate) const GETTERS: Side = Side {
    name: "get",
    lock: 1152,
};

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

/// Where the next item is taken: written by getters, read by putters.
pub(crate) const HEAD: usize = 1216;
/// Items on loan and their bytes, which still take room.
pub(crate) const AWAY: usize = 1224;

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

/// Participants: processes, counted once for each time they opened the queue.
pub(crate) const PARTICIPANTS: usize = 2048;
pub(crate) const MAX_PARTICIPANTS: usize = 256;
pub(crate) const PARTICIPANT: usize = 64;
// Of each participant.
pub(crate) const TOKEN: usize = 0;
pub(crate) const GENERATION: usize = 8;
pub(crate) const PID: usize = 12;
pub(crate) const TAKEN: usize = 16;
pub(crate) const FINISHED: usize = 24;

const END_OF_WORDS: usize = PARTICIPANTS + MAX_PARTICIPANTS * PARTICIPANT;

/// Length and checksum before each item.
pub(crate) const RECORD: usize = 8;

/// The largest capacity in items: counts are kept modulo twice that.
pub(crate) const MAX_ITEMS: usize = 1 << 24;
/// The largest ring.
pub(crate) const MAX_RING: usize = 1 << 36;

/// The sizes of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Where the part for loans begins.
    pub(crate) loans: usize,
    /// Where the ring begins; a multiple of the page size.
    pub(crate) ring: usize,
    /// The size of the ring: a power of two, and a multiple of the page size.
    pub(crate) ring_bytes: usize,
}

impl Layout {
    /// For a ring of at least `bytes`.
    ///
    /// # Errors
    /// `InvalidDescriptor` when that is more than a segment can have.
    pub(crate) fn new(bytes: usize, page: usize) -> Result<Self, Error> {
        if bytes > MAX_RING {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "lay out")
                .backend("shm")
                .expected(format!("at most {MAX_RING} bytes"))
                .found(bytes.to_string())
                .remedy("lower max_bytes"));
        }
        let ring_bytes = bytes.next_power_of_two().max(page);
        let loans = END_OF_WORDS.next_multiple_of(page);
        Ok(Self {
            loans,
            ring: loans,
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
