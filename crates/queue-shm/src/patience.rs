//! How long a getter that keeps up lets items gather before it looks for them.
//!
//! Each look at where the putters are takes a cache line from them, and they have to fetch it back before they go on. Who
//! looks once for each item makes both sides as slow as that. So a getter tries now and then to wait a moment first, and
//! goes on doing so while several items come of it. Where they come one by one, as answers do, it stays with single looks,
//! and tries ever more seldom.

use std::sync::atomic::{AtomicU32, Ordering};

/// Pauses of a processor before a look: some microseconds at most, in which a putter at full speed adds a dozen items. A
/// quarter of it gave nothing, twice as much not more.
const PAUSES: u32 = 100;
/// As many items make a wait worth it.
const SEVERAL: u64 = 8;
/// Looks of a getter between two tries, at first.
pub(crate) const SOON: u32 = 64;
/// At most.
const LATE: u32 = 1 << 14;

/// Of one process and queue. Threads that share it disturb each other's guesses and nothing else.
pub(crate) struct Patience {
    // Looks until the next try; 0 while each look is waited for.
    looks: AtomicU32,
    interval: AtomicU32,
    soon: u32,
}

impl Patience {
    /// Of somebody who tries after so many looks.
    pub(crate) const fn new(soon: u32) -> Self {
        Self {
            looks: AtomicU32::new(soon),
            interval: AtomicU32::new(soon),
            soon,
        }
    }

    /// Whether to wait, as that was of use lately or is to be tried.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.looks.load(Ordering::Relaxed) == 0
    }

    /// Lets items gather, if that was of use lately.
    #[inline]
    pub(crate) fn before_look(&self) {
        if self.is_on() {
            for _ in 0..PAUSES {
                std::hint::spin_loop();
            }
        }
    }

    /// Learns from a look that found so many items.
    #[inline]
    pub(crate) fn after_look(&self, found: u64) {
        if self.is_on() {
            self.learn(found >= SEVERAL);
        } else {
            self.come_closer();
        }
    }

    /// One step closer to the next try.
    pub(crate) fn come_closer(&self) {
        let looks = self.looks.load(Ordering::Relaxed);
        self.looks.store(looks.saturating_sub(1), Ordering::Relaxed);
    }

    /// Whether a wait paid.
    pub(crate) fn learn(&self, paid: bool) {
        let interval = if paid {
            self.soon
        } else {
            let interval = self.interval.load(Ordering::Relaxed);
            self.looks.store(interval, Ordering::Relaxed);
            (interval * 2).min(LATE)
        };
        self.interval.store(interval, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(patience: &Patience) -> bool {
        patience.looks.load(Ordering::Relaxed) == 0
    }

    /// Looks that find one item each, until it tries to wait.
    fn singles(patience: &Patience) -> u32 {
        let mut looks = 0;
        while !waits(patience) {
            patience.after_look(1);
            looks += 1;
        }
        looks
    }

    #[test]
    fn it_waits_while_that_pays_and_tries_more_seldom_where_it_does_not() {
        let patience = Patience::new(SOON);
        assert_eq!(singles(&patience), SOON);
        patience.after_look(SEVERAL);
        assert!(waits(&patience), "several came of it");
        patience.after_look(1);
        assert_eq!(singles(&patience), SOON, "the first failure in a row");
        patience.after_look(SEVERAL - 1);
        assert_eq!(singles(&patience), 2 * SOON, "the second one");
        for _ in 0..32 {
            patience.after_look(1);
            singles(&patience);
        }
        patience.after_look(1);
        assert_eq!(singles(&patience), LATE);
    }
}
