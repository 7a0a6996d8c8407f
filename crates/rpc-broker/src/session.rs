//! What a client has that outlives its connection.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use queue_core::ErrorKind;
use rpc_wire::{Failure, Handle};

use crate::piece::Piece;
use crate::rights::Rights;
use crate::table::Key;

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: [u8; 16],
    /// Who it belongs to; none where nobody is asked.
    pub(crate) identity: Option<String>,
    /// Whether it is written down, with its numbers in durable queues.
    pub(crate) written: bool,
    /// Whether it is from an earlier life of the server.
    pub(crate) restored: bool,
    pub(crate) connection: Option<Key>,
    /// Members by queue.
    pub(crate) members: BTreeMap<Key, Key>,
    pub(crate) return_due: Option<Instant>,
    pub(crate) forget_due: Option<Instant>,
    /// Since when it is without a connection.
    pub(crate) absent_since: Option<Instant>,
}

/// A session in a queue: the numbers of its puts and deliveries, and what it holds.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) session: Key,
    pub(crate) queue: Key,
    /// On which connection it is open, and under which number.
    pub(crate) open: Option<(Key, Handle)>,
    pub(crate) rights: Rights,

    /// The number of the next item that is stored.
    pub(crate) next_put: u64,
    /// Puts that wait for room, from `next_put` on.
    pub(crate) pending: VecDeque<Pending>,
    pub(crate) pending_items: u64,
    /// Why everything behind `pending` is refused, once `pending` has ended.
    pub(crate) cut: Option<ErrorKind>,
    /// Items before `next_put` that are not written down yet.
    pub(crate) staged: u64,
    /// Why everything from `next_put` on is refused, once nothing is staged.
    pub(crate) refusing: Option<Failure>,
    /// Puts that begin later than `next_put` are dropped: they were under way when that number was refused.
    pub(crate) dropping: bool,
    /// Whether a confirmation is to be sent.
    pub(crate) unconfirmed: bool,

    pub(crate) next_delivery: u64,
    /// What is said about deliveries stays behind those that are held until so much is written down.
    pub(crate) delivers_after: u64,
    /// Delivered and not consumed, with the number of the first delivery of each piece, ascending.
    pub(crate) away: VecDeque<(u64, Piece)>,
    /// On loan, by the numbers of the deliveries.
    pub(crate) loans: BTreeMap<u64, Loan>,
    /// Something that was delivered went back.
    pub(crate) lost: bool,
}

/// A put that waits for room.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) id: u64,
    pub(crate) piece: Piece,
    pub(crate) until: Option<Instant>,
}

#[derive(Debug)]
pub(crate) struct Loan {
    /// One item; this delivery is counted in it.
    pub(crate) piece: Piece,
    pub(crate) until: Option<Instant>,
}

impl Member {
    pub(crate) const fn new(session: Key, queue: Key) -> Self {
        Self {
            session,
            queue,
            open: None,
            rights: Rights::NONE,
            next_put: 1,
            pending: VecDeque::new(),
            pending_items: 0,
            cut: None,
            staged: 0,
            refusing: None,
            dropping: false,
            unconfirmed: false,
            next_delivery: 1,
            delivers_after: 0,
            away: VecDeque::new(),
            loans: BTreeMap::new(),
            lost: false,
        }
    }

    /// The number that the next put begins with, unless something is sent again.
    pub(crate) const fn arrives(&self) -> u64 {
        self.next_put + self.pending_items
    }

    /// Nothing was ever put or delivered: its numbers need not be kept.
    pub(crate) const fn is_new(&self) -> bool {
        self.next_put == 1 && self.next_delivery == 1
    }
}
