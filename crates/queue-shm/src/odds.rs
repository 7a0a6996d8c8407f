//! Whether looking again at once is of use, as it turned out lately.
//!
//! It is where the other side is at work on another processor. Where threads share processors, the one that is waited for
//! may not run before the one that looks gives its processor away, and each look only puts that off.

use std::sync::atomic::{AtomicU32, Ordering};

/// Waits in vain after which the next ones do without.
const MANY: u32 = 16;
/// What one wait that was of use makes good: it pays when it spares one sleep in three.
const WORTH: u32 = 2;
/// One of so many waits tries it all the same.
const SELDOM: u32 = 64;

/// Of one process, queue and side. Threads that share it disturb each other's guesses and nothing else.
pub(crate) struct Odds {
    misses: AtomicU32,
    waits: AtomicU32,
}

impl Odds {
    pub(crate) const fn new() -> Self {
        Self {
            misses: AtomicU32::new(0),
            waits: AtomicU32::new(0),
        }
    }

    /// Whether this wait should look again at once.
    pub(crate) fn are_good(&self) -> bool {
        if self.misses.load(Ordering::Relaxed) < MANY {
            return true;
        }
        let waits = self.waits.load(Ordering::Relaxed).wrapping_add(1);
        self.waits.store(waits, Ordering::Relaxed);
        waits.is_multiple_of(SELDOM)
    }

    /// Whether a wait that did so found what it waited for.
    pub(crate) fn learn(&self, found: bool) {
        let misses = self.misses.load(Ordering::Relaxed);
        let misses = if found {
            misses.saturating_sub(WORTH)
        } else {
            (misses + 1).min(2 * MANY)
        };
        self.misses.store(misses, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the next waits look again at once.
    fn tries(odds: &Odds, waits: u32, found: bool) -> u32 {
        let mut tries = 0;
        for _ in 0..waits {
            if odds.are_good() {
                tries += 1;
                odds.learn(found);
            }
        }
        tries
    }

    #[test]
    fn what_is_in_vain_becomes_rare_and_what_pays_comes_back() {
        let odds = Odds::new();
        assert_eq!(tries(&odds, MANY, false), MANY);
        assert_eq!(tries(&odds, 100 * SELDOM, false), 100);
        // Each try that finds something counts for two that do not.
        assert_eq!(tries(&odds, SELDOM * (MANY / WORTH), true), MANY / WORTH);
        assert_eq!(tries(&odds, 1000, true), 1000 - SELDOM + 1);
        for _ in 0..1000 {
            assert!(odds.are_good(), "one in three");
            odds.learn(true);
            odds.learn(false);
            odds.learn(false);
        }
    }
}
