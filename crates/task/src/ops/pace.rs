//! How much a source takes at once.

/// The most items per step: enough to make a step cheap, few enough that a drain is noticed at once.
const MOST: usize = 256;
/// A step that takes longer than this, in nanoseconds, took too much: what it emitted first has waited for the rest.
const LONG: u64 = 500_000;

/// Sizes the steps of a source to the speed of what it reads from: single items from something slow, so that none waits
/// for the next, hundreds from something fast.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    items: usize,
    last: Option<u64>,
}

impl Pace {
    pub(super) const fn new() -> Self {
        Self { items: 1, last: None }
    }

    /// How many items to take in the step that begins `now`, in nanoseconds.
    pub(super) fn next(&mut self, now: u64) -> usize {
        if let Some(last) = self.last.replace(now) {
            self.items = if now.saturating_sub(last) < LONG {
                (self.items * 2).min(MOST)
            } else {
                (self.items / 4).max(1)
            };
        }
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::{LONG, MOST, Pace};

    #[test]
    fn fast_items_come_in_hundreds_and_slow_ones_alone() {
        let mut pace = Pace::new();
        assert_eq!(pace.next(0), 1, "nothing is known yet");
        let fast: Vec<usize> = (1..=10).map(|step| pace.next(step)).collect();
        assert_eq!(fast[..4], [2, 4, 8, 16]);
        assert_eq!(fast[9], MOST);
        let slow: Vec<usize> = (1..=6).map(|step| pace.next(10 + step * LONG)).collect();
        assert_eq!(slow, [64, 16, 4, 1, 1, 1]);
    }

    #[test]
    fn a_clock_that_is_set_back_does_no_harm() {
        let mut pace = Pace::new();
        pace.next(1_000_000_000);
        assert_eq!(pace.next(5), 2);
    }
}
