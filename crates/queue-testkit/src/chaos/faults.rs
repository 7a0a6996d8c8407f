//! What goes wrong, and how often.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Dice;

/// How often a [`Chaos`](crate::Chaos) does what. All chances are from 0, never, to 1, always.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// The same seed gives the same faults to the same calls of one thread.
    pub seed: u64,
    /// A put says `Ok` and its item is gone.
    pub drop: f64,
    /// A put stores its item and, if there is room, a copy behind it.
    pub duplicate: f64,
    /// A put is overtaken by the next one.
    pub reorder: f64,
    /// A call sleeps for [`delay_time`](Self::delay_time) first, whatever its limit is.
    pub delay: f64,
    /// How long a delayed call sleeps.
    pub delay_time: Duration,
    /// A call fails with `Disconnected`; it has done nothing.
    pub fail: f64,
}

impl Faults {
    /// Nothing goes wrong yet.
    #[must_use]
    pub const fn none(seed: u64) -> Self {
        Self {
            seed,
            drop: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            delay: 0.0,
            delay_time: Duration::from_millis(1),
            fail: 0.0,
        }
    }
}

/// The dice that all callers of one queue share.
pub(super) struct Fate(Mutex<Dice>);

impl Fate {
    pub(super) const fn new(seed: u64) -> Self {
        Self(Mutex::new(Dice::new(seed)))
    }

    /// True with this chance. Chances of 0 and 1 leave the dice alone, so that faults do not disturb each other.
    pub(super) fn strikes(&self, chance: f64) -> bool {
        if chance <= 0.0 {
            return false;
        }
        if chance >= 1.0 {
            return true;
        }
        let roll = self.0.lock().unwrap_or_else(PoisonError::into_inner).roll();
        // 53 bits are what a double holds exactly.
        ((roll >> 11) as f64) < chance * (1_u64 << 53) as f64
    }
}
