//! Who is to be woken once the lock is given back.

use std::sync::Arc;

use descriptor_core::wait::{Locked, WaitList};
use rpc_wire::Message;

use super::cause::Cause;
use super::ticket::Ticket;

/// Those who wait at one queue.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// For an item.
    pub(crate) getters: WaitList<Locked>,
    /// For an item on loan.
    pub(crate) borrowers: WaitList<Locked>,
    /// For room in the window.
    pub(crate) putters: WaitList<Locked>,
    /// For puts to be confirmed.
    pub(crate) flushers: WaitList<Locked>,
    /// For the queue to be open at the server, or for it to be known that it will not be.
    pub(crate) openers: WaitList<Locked>,
}

impl Lines {
    pub(crate) fn wake_all(&self) {
        for line in [
            &self.getters,
            &self.borrowers,
            &self.putters,
            &self.flushers,
            &self.openers,
        ] {
            line.notify_all();
        }
    }
}

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The server answered, with a failure or otherwise.
    Heard(Message),
    /// The connection was lost before.
    Lost(Cause),
}

pub(crate) type CallTicket = Ticket<Answer>;

/// How the puts of one call ended.
#[derive(Debug)]
pub(crate) struct PutEnd {
    /// How many of its items, from the first one on, are stored.
    pub(crate) stored: u32,
    /// Why the others are not, if there are any.
    pub(crate) why: Option<Why>,
}

/// Why items are not stored.
#[derive(Debug)]
pub(crate) enum Why {
    /// The server refused them, or they were never sent.
    Refused(Cause),
    /// Nobody here can know whether they are; their number of that kind.
    Unknown(u64),
}

pub(crate) type PutTicket = Ticket<PutEnd>;

/// A wake-up that is due.
#[derive(Debug)]
pub(crate) enum Wake {
    Getters(Arc<Lines>, usize),
    Borrowers(Arc<Lines>, usize),
    Putters(Arc<Lines>),
    Flushers(Arc<Lines>),
    Openers(Arc<Lines>),
    All(Arc<Lines>),
    Call(Arc<CallTicket>, Answer),
    Put(Arc<PutTicket>, PutEnd),
}

impl Wake {
    /// Runs foreign code: wakers.
    pub(crate) fn run(self) {
        match self {
            Self::Getters(lines, count) => drop(lines.getters.notify(count)),
            Self::Borrowers(lines, count) => drop(lines.borrowers.notify(count)),
            Self::Putters(lines) => lines.putters.notify_all(),
            Self::Flushers(lines) => lines.flushers.notify_all(),
            Self::Openers(lines) => lines.openers.notify_all(),
            Self::All(lines) => lines.wake_all(),
            Self::Call(ticket, answer) => ticket.answer(answer),
            Self::Put(ticket, end) => ticket.answer(end),
        }
    }
}
