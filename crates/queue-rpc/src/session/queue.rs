//! One queue of a session.

use std::sync::Arc;

use descriptor_core::QueueId;
use rpc_wire::{Call, Handle, ItemCodec, Record, Tag};

use super::cause::Cause;
use super::gets::Gets;
use super::loans::Loans;
use super::puts::Puts;
use super::wake::Lines;

/// What a queue is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    pub(crate) id: QueueId,
    pub(crate) tag: Tag,
    pub(crate) record: Record,
    pub(crate) codec: ItemCodec,
    pub(crate) prefetch: u32,
    /// How the puts are confirmed: handles that differ in it share no window.
    pub(crate) each: bool,
}

impl Terms {
    /// Whether handles of both can share one queue of a connection.
    pub(crate) fn agree(&self, other: &Self) -> bool {
        self.id == other.id
            && self.tag == other.tag
            && self.record == other.record
            && self.codec == other.codec
            && self.prefetch == other.prefetch
            && self.each == other.each
    }
}

/// Where a queue is on its way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not asked for on this connection.
    Absent,
    /// Asked for.
    Opening(Call),
    /// The server gave it this number.
    Open(Handle),
    /// Given back; the number is void once that is answered.
    Releasing(Call),
}

/// What the server said of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) epoch: u64,
    /// 0 for any number.
    pub(crate) capacity: u64,
}

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) terms: Terms,
    pub(crate) lines: Arc<Lines>,
    /// Handles of the program.
    pub(crate) users: usize,
    pub(crate) stage: Stage,
    /// Known once it was open, and then for good.
    pub(crate) facts: Option<Facts>,
    pub(crate) puts: Puts,
    pub(crate) gets: Gets,
    pub(crate) loans: Loans,
    pub(crate) closed: bool,
    /// Whether the server is to be told, once everything that was accepted is settled.
    pub(crate) closing: bool,
    /// Why it cannot be used any more.
    pub(crate) failed: Option<Cause>,
    /// Whether nothing that was delivered before is ours.
    pub(crate) is_fresh: bool,
    /// Whether it is on the list of those that have something to send.
    pub(crate) listed: bool,
}

impl Queue {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            gets: Gets::new(terms.prefetch),
            terms,
            lines: Arc::default(),
            users: 1,
            stage: Stage::Absent,
            facts: None,
            puts: Puts::default(),
            loans: Loans::default(),
            closed: false,
            closing: false,
            failed: None,
            is_fresh: true,
            listed: false,
        }
    }

    /// Whether what was fetched ahead can go back to the server, and harms nobody there.
    pub(crate) fn may_give_back(&self) -> bool {
        let is_ahead = self.gets.demand == 0 && self.gets.is_ahead() && !self.gets.is_outright();
        self.handle().is_some() && is_ahead && self.loans.held == 0
    }

    pub(crate) const fn handle(&self) -> Option<Handle> {
        match self.stage {
            Stage::Open(handle) => Some(handle),
            _ => None,
        }
    }
}
