//! Whether a bounded first-in first-out queue may have had a history.
//!
//! With unique items this needs no search through interleavings: a history is right exactly when no bad pattern is in
//! it (Henzinger, Sezgin, Vafeiadis, "Aspect-oriented linearizability proofs", 2013), and each pattern is found by
//! sorting and one sweep. An operation precedes another when it returned before the other was invoked, or when one
//! actor made both, one after the other. Times that are equal count as overlapping.

mod closing;
mod items;
mod order;
mod sweep;

use std::fmt;

use super::{Call, End, History, Op};

/// What a history breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// The history itself is none: an end that its call cannot have, a call that ends before it begins, calls of one
    /// actor that overlap, an item put twice.
    Malformed,
    /// An item came out that nobody put.
    Invented,
    /// An item came out whose put was refused.
    RefusedButStored,
    /// An item came out twice.
    Duplicate,
    /// An item came out before its put began.
    Early,
    /// An item never came out, though the queue was drained or a later one came.
    Lost,
    /// An item overtook another whose put was over before its own began.
    Order,
    /// An item overtook an older one of the same producer, or came to a consumer before one that was put earlier.
    ActorOrder,
    /// More items were certainly inside than the capacity allows.
    Capacity,
    /// Empty, while an item was there to get during the whole call.
    EmptyWhileInside,
    /// Full, while there was room during the whole call.
    FullWhileRoom,
    /// Closed, before anybody closed it.
    ClosedUnasked,
    /// A put was accepted, or told Full, after the close.
    PutAfterClose,
    /// A get was told Empty after the close, with no put on its way.
    EmptyAfterClose,
    /// A get was told Closed while an item was inside during the whole call.
    ClosedWhileInside,
    /// An item came out after somebody was told that nothing would come any more.
    GotAfterClosed,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Malformed,
        Self::Invented,
        Self::RefusedButStored,
        Self::Duplicate,
        Self::Early,
        Self::Lost,
        Self::Order,
        Self::ActorOrder,
        Self::Capacity,
        Self::EmptyWhileInside,
        Self::FullWhileRoom,
        Self::ClosedUnasked,
        Self::PutAfterClose,
        Self::EmptyAfterClose,
        Self::ClosedWhileInside,
        Self::GotAfterClosed,
    ];

    /// The clause of the contract that it comes from, 0 for what is about the history itself.
    #[must_use]
    pub const fn clause(self) -> u8 {
        match self {
            Self::Malformed => 0,
            Self::Order | Self::ActorOrder => 1,
            Self::Invented | Self::Duplicate | Self::Early | Self::Lost => 2,
            Self::Capacity => 3,
            Self::EmptyWhileInside | Self::FullWhileRoom => 4,
            Self::RefusedButStored => 5,
            Self::ClosedUnasked
            | Self::PutAfterClose
            | Self::EmptyAfterClose
            | Self::ClosedWhileInside
            | Self::GotAfterClosed => 6,
        }
    }
}

/// A rule and the operations that break it together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule.
    pub rule: Rule,
    /// The operations, the one that should not have ended so last.
    pub ops: Vec<Op>,
}

impl Violation {
    fn new(rule: Rule, ops: impl IntoIterator<Item = Op>) -> Self {
        Self {
            rule,
            ops: ops.into_iter().collect(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} (clause {})", self.rule, self.rule.clause())?;
        for (op, sign) in self
            .ops
            .iter()
            .zip(std::iter::once(": ").chain(std::iter::repeat("; ")))
        {
            write!(f, "{sign}{op}")?;
        }
        Ok(())
    }
}

/// An operation and its place in the history, which within one actor is the order of its calls.
#[derive(Clone, Copy)]
struct Mark<'a> {
    at: usize,
    op: &'a Op,
}

/// An item from its put to its get.
#[derive(Clone, Copy)]
struct Life<'a> {
    put: Mark<'a>,
    get: Option<Mark<'a>>,
}

impl Life<'_> {
    fn ops(&self) -> impl Iterator<Item = Op> {
        std::iter::once(*self.put.op).chain(self.get.map(|get| *get.op))
    }
}

/// Every violation in the history; none when a right queue may have had it. Takes time `n log n`.
#[must_use]
pub fn judge(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    well_formed(history, &mut found);
    let (lives, lost) = items::lives(history, &mut found);
    order::check(&lives, &mut found);
    closing::check(history, &mut found);
    // What is lost is reported once, not again by every call that does not find it. A history that is none proves
    // nothing about what was inside.
    let inside: Vec<_> = lives
        .iter()
        .filter(|life| !lost.contains(&life.put.at))
        .copied()
        .collect();
    if found.iter().all(|violation| violation.rule != Rule::Malformed) {
        sweep::capacity(history, &inside, &mut found);
        sweep::empty(history, &inside, &mut found);
        sweep::closed(history, &inside, &mut found);
        sweep::full(history, &lives, &mut found);
    }
    found
}

fn well_formed(history: &History, found: &mut Vec<Violation>) {
    let mut last: std::collections::HashMap<u32, &Op> = std::collections::HashMap::new();
    for op in &history.ops {
        let possible = match op.call {
            Call::Put => op.end != End::Empty,
            Call::Get => op.end != End::Full,
            Call::Close => op.end == End::Ok,
        };
        if !possible || op.invoked > op.returned {
            found.push(Violation::new(Rule::Malformed, [*op]));
        }
        let Some(before) = last.insert(op.actor, op) else {
            continue;
        };
        let batch = (before.invoked, before.returned, before.call) == (op.invoked, op.returned, op.call);
        if before.returned > op.invoked && !batch {
            found.push(Violation::new(Rule::Malformed, [*before, *op]));
        }
    }
}
