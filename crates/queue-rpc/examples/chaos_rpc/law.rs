//! What must hold in a scene.

use std::collections::BTreeMap;

/// What became of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lives,
    Killed,
}

/// What the books are judged by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Law {
    /// Calls may end because there is no connection, or no answer.
    pub(crate) is_rough: bool,
    /// The server dies, and with it what it holds.
    pub(crate) is_mortal: bool,
    /// The server writes down what it has: nothing dies with it.
    pub(crate) on_disk: bool,
    /// The most items that each dead client may have had ahead of its gets.
    pub(crate) prefetch: u64,
    /// Gets take items outright: what was sent and did not arrive is lost, and nothing comes twice.
    pub(crate) is_outright: bool,
    /// How many connections were lost, by all clients.
    pub(crate) breaks: u64,
    /// When there was no server: no call within may end as if there were one.
    pub(crate) downs: Vec<(u64, u64)>,
    /// What became of whom, where it is not life.
    pub(crate) fates: BTreeMap<u32, Fate>,
}

/// No call may take so much longer than its limit.
pub(crate) const LONGEST_BLOCK_NS: u64 = 3_000_000_000;

impl Law {
    pub(crate) fn fate(&self, actor: u32) -> Fate {
        self.fates.get(&actor).copied().unwrap_or(Fate::Lives)
    }
}
