//! Whether what is tried before waiting in line was of use lately.

use crate::sync::{AtomicU32, Ordering};

/// Tries in a row that may be in vain before no more are made.
const TRUST: u32 = 8;
/// Without trust, one wait in so many tries whether things have changed.
const TRIAL: u32 = 16;

/// Of one kind of change of one queue. Not exact when several wait at once, and need not be.
#[derive(Debug)]
pub(crate) struct Trust {
    left: AtomicU32,
    untried: AtomicU32,
}

impl Trust {
    /// One that has to be earned.
    pub(crate) fn none() -> Self {
        Self {
            left: AtomicU32::new(0),
            untried: AtomicU32::new(0),
        }
    }

    /// One that has to be lost.
    pub(crate) fn full() -> Self {
        let trust = Self::none();
        trust.paid();
        trust
    }

    /// Whether this wait should try.
    #[inline]
    pub(crate) fn allows(&self) -> bool {
        self.left.load(Ordering::Relaxed) > 0 || self.is_trial()
    }

    fn is_trial(&self) -> bool {
        let untried = (self.untried.load(Ordering::Relaxed) + 1) % TRIAL;
        self.untried.store(untried, Ordering::Relaxed);
        untried == 0
    }

    /// A try was of use. Nothing is written where that is no news: the other side looks at words close by.
    #[inline]
    pub(crate) fn paid(&self) {
        if self.left.load(Ordering::Relaxed) != TRUST {
            self.left.store(TRUST, Ordering::Relaxed);
        }
    }

    /// A try was of none.
    pub(crate) fn in_vain(&self) {
        let left = self.left.load(Ordering::Relaxed);
        if left > 0 {
            self.left.store(left - 1, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{TRIAL, TRUST, Trust};

    /// How many of so many waits try, each in vain.
    fn tries_in_vain(trust: &Trust, waits: u32) -> u32 {
        (0..waits)
            .filter(|_| {
                let tries = trust.allows();
                if tries {
                    trust.in_vain();
                }
                tries
            })
            .count() as u32
    }

    #[test]
    fn what_is_in_vain_is_tried_rarely() {
        let trust = Trust::none();
        assert_eq!(tries_in_vain(&trust, 4 * TRIAL), 4);
        let trust = Trust::full();
        assert_eq!(tries_in_vain(&trust, TRUST + 4 * TRIAL), TRUST + 4);
    }

    #[test]
    fn one_try_of_use_makes_up_for_all() {
        let trust = Trust::none();
        assert!(!trust.allows());
        trust.paid();
        assert_eq!(tries_in_vain(&trust, TRUST), TRUST);
        assert!(!trust.allows());
    }
}
