//! The books of a service.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What became of the requests that the workers took.
///
/// `taken` is the sum of `answered`, `failed`, `late`, `expired`, `cancelled` and `undelivered`, but for the requests that
/// are being worked on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceTotals {
    /// Requests taken from the queue.
    pub taken: u64,
    /// Worked through, and the answer is on its way.
    pub answered: u64,
    /// The handler failed or panicked, and the caller is told.
    pub failed: u64,
    /// Of those, the panics; and the panics of handlers whose callers had given up.
    pub panicked: u64,
    /// Worked on, but the caller had given up by then: the answer was dropped.
    pub late: u64,
    /// Not worked on, because the deadline had passed before.
    pub expired: u64,
    /// Not worked on, because the caller had given up before, or the service was ended.
    pub cancelled: u64,
    /// Worked on, but the response queue of the caller could not be reached or had no room until the deadline.
    pub undelivered: u64,
    /// Items of the request queue that nobody could read.
    pub corrupt: u64,
}

impl ServiceTotals {
    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            taken: self.taken + other.taken,
            answered: self.answered + other.answered,
            failed: self.failed + other.failed,
            panicked: self.panicked + other.panicked,
            late: self.late + other.late,
            expired: self.expired + other.expired,
            cancelled: self.cancelled + other.cancelled,
            undelivered: self.undelivered + other.undelivered,
            corrupt: self.corrupt + other.corrupt,
        }
    }
}

/// Apart from what callers read: the workers write here with every request.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Tally {
    pub(crate) taken: Count,
    pub(crate) answered: Count,
    pub(crate) failed: Count,
    pub(crate) panicked: Count,
    pub(crate) late: Count,
    pub(crate) expired: Count,
    pub(crate) cancelled: Count,
    pub(crate) undelivered: Count,
    pub(crate) corrupt: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    pub(crate) fn totals(&self) -> ServiceTotals {
        ServiceTotals {
            taken: self.taken.get(),
            answered: self.answered.get(),
            failed: self.failed.get(),
            panicked: self.panicked.get(),
            late: self.late.get(),
            expired: self.expired.get(),
            cancelled: self.cancelled.get(),
            undelivered: self.undelivered.get(),
            corrupt: self.corrupt.get(),
        }
    }
}
