//! One clause function and what it asks of a queue.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use descriptor_core::Caps;

use crate::kind::Kind;
use crate::{Run, watchdog};

/// What a queue must have for a clause to apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// A capacity that refuses.
    Bounded,
    /// Being able to do without a capacity.
    Unbounded,
    /// Not being able to do without one.
    AlwaysBounded,
    /// The order of each producer.
    Ordered,
    /// An exact depth.
    ExactDepth,
    /// Leases.
    Lease,
    /// No leases.
    NoLease,
    /// No recognition of repeated puts.
    NoDedup,
    /// Puts that are stored when they say `Ok`, and so count against the capacity at once.
    Stored,
    /// Puts that have stored nothing when their futures are dropped.
    CleanDrop,
    /// Items that are moved and never encoded.
    Moves,
    /// Queues that can be opened twice by their identity.
    Identity,
    /// Items that are encoded into frames.
    Frames,
}

impl Need {
    /// Why the subject does not have it; `None` when it does.
    fn missing(self, subject: &dyn Kind) -> Option<&'static str> {
        let caps = subject.caps();
        let (there, reason) = match self {
            Self::Bounded => (caps.bounded, "has no capacity"),
            Self::Unbounded => (subject.unbounded(), "cannot do without a capacity"),
            Self::AlwaysBounded => (!subject.unbounded(), "can do without a capacity"),
            Self::Ordered => (caps.ordered, "does not promise an order"),
            Self::ExactDepth => (caps.exact_depth, "does not promise an exact depth"),
            Self::Lease => (caps.lease, "offers no leases"),
            Self::NoLease => (!caps.lease, "offers leases"),
            Self::Stored => (caps.stored, "accepts more than it has room for, and stores it later"),
            Self::CleanDrop => (caps.clean_drop, "may have stored a put whose future was dropped"),
            Self::NoDedup => (!caps.dedup, "recognises repeated puts"),
            Self::Moves => (!leaves_the_process(caps), "encodes its items"),
            Self::Identity => (
                subject.twice(Some(1), Some(1)).is_some(),
                "is opened without an identity",
            ),
            Self::Frames => (
                subject.corrupted(&[], &[]).is_some(),
                "moves its items, there are no frames",
            ),
        };
        (!there).then_some(reason)
    }
}

const fn leaves_the_process(caps: Caps) -> bool {
    caps.cross_process || caps.cross_host || caps.survives_process
}

/// How a clause ended that did not fail; a failed one panics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The queue keeps it.
    Held,
    /// It does not apply to this queue; the reason reads on from the queue's name.
    Skipped(&'static str),
}

/// One function of the kit.
#[derive(Clone, Copy)]
pub struct Clause {
    /// The number of the clause in the contract, 1 to 16.
    pub number: u8,
    /// Its group and function, such as `order::one_producer_comes_out_in_order`.
    pub name: &'static str,
    /// The clause in a few words.
    pub claim: &'static str,
    /// What it asks of a queue.
    pub needs: &'static [Need],
    pub(crate) body: fn(&Run),
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clause {} ({}): {}", self.number, self.claim, self.name)
    }
}

impl Clause {
    /// Why it does not apply to the subject of the run; `None` when it does.
    #[must_use]
    pub fn skipped(&self, run: &Run) -> Option<&'static str> {
        self.needs.iter().find_map(|need| need.missing(run.kind()))
    }

    /// Holds the subject to it.
    ///
    /// # Panics
    /// When the queue breaks it, or is not done after `limit`.
    pub fn check(&self, run: &Run, limit: Duration) -> Outcome {
        if let Some(reason) = self.skipped(run) {
            return Outcome::Skipped(reason);
        }
        let name = format!(
            "{} breaks clause {} ({}): {}",
            run.kind().name(),
            self.number,
            self.claim,
            self.name
        );
        let (body, inner) = (self.body, run.clone());
        match catch_unwind(AssertUnwindSafe(|| watchdog(limit, &name, move || body(&inner)))) {
            Ok(()) => Outcome::Held,
            Err(panic) => match message(&*panic) {
                Some(text) if !text.starts_with(&name) => panic!("{name}: {text}"),
                _ => resume_unwind(panic),
            },
        }
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> Option<&str> {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
}
