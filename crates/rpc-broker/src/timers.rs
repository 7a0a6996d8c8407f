//! What is to be done at which moment.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::table::Key;

/// Something that is to be done at its moment, unless it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The handshake of a connection should be over.
    Handshake(Key),
    /// Look whether the peer of a connection is still there.
    Beat(Key),
    /// A get of a queue has waited long enough.
    Get(Key, u64),
    /// A put of a member has.
    Put(Key, u64),
    /// A loan of a member runs out.
    Loan(Key, u64),
    /// Items of a queue come into sight.
    Sight(Key),
    /// What a session without a connection holds goes back.
    Return(Key),
    /// A session without a connection is forgotten.
    Forget(Key),
    /// The broker ends.
    Stop,
}

/// All of them, in order. As many as there are waits, loans, connections and sessions, which have limits.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Instant, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Instant, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn clear(&mut self, at: Option<Instant>, timer: Timer) {
        if let Some(at) = at {
            self.0.remove(&(at, timer));
        }
    }

    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Timer> {
        if self.next_due()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
