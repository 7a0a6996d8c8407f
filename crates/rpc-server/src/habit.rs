//! How large a buffer should be, judged by what went through it lately.

/// The least and the most bytes of a buffer.
const LEAST: usize = 4 << 10;
const MOST: usize = 512 << 10;
/// So many times in a row too large, and it shrinks.
const PATIENCE: u8 = 8;

/// Doubles when a buffer was full, halves when it was hardly used several times: so that few reads move much, and a connection
/// without traffic holds little.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habit {
    size: usize,
    small: u8,
}

impl Habit {
    pub(crate) const fn new() -> Self {
        Self { size: LEAST, small: 0 }
    }

    pub(crate) const fn size(self) -> usize {
        self.size
    }

    /// So many bytes went through at once.
    pub(crate) fn saw(&mut self, bytes: usize) {
        if bytes >= self.size {
            self.size = (self.size * 2).min(MOST);
            self.small = 0;
        } else if bytes >= self.size / 4 || self.size == LEAST {
            self.small = 0;
        } else {
            self.small += 1;
            if self.small == PATIENCE {
                self.size = (self.size / 2).max(LEAST);
                self.small = 0;
            }
        }
    }

    /// Whether an empty buffer of that capacity is better given back.
    pub(crate) const fn is_excess(self, capacity: usize) -> bool {
        capacity > self.size.saturating_mul(4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_traffic_and_shrinks_without() {
        let mut habit = Habit::new();
        for _ in 0..20 {
            habit.saw(usize::MAX);
        }
        assert_eq!(habit.size(), MOST);
        assert!(!habit.is_excess(2 << 20) && habit.is_excess((2 << 20) + 1));
        // Now and then a large one is reason enough to keep it.
        for round in 0..100 {
            habit.saw(if round % 4 == 0 { MOST / 2 } else { 24 });
        }
        assert_eq!(habit.size(), MOST);
        for _ in 0..7 * PATIENCE {
            habit.saw(24);
        }
        assert_eq!(habit.size(), LEAST);
        assert!(habit.is_excess(MOST));
    }
}
