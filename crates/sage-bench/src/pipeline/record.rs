//! The records of the jobs, and what must come out.

use sage_comm::Data;
use serde::{Deserialize, Serialize};

/// Different keys.
pub(super) const KEYS: u64 = 1024;

/// What travels from source to count.
pub(super) trait Record: Data + Copy + Sync {
    /// Name in tables.
    const NAME: &'static str;

    fn new(number: u64) -> Self;

    /// What the step `map` does.
    fn mapped(self) -> Self;

    fn number(&self) -> u64;

    fn key(&self) -> u64 {
        self.number() % KEYS
    }
}

impl Record for u64 {
    const NAME: &'static str = "8 B";

    fn new(number: u64) -> Self {
        number
    }

    fn mapped(self) -> Self {
        self.wrapping_add(KEYS)
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// Two cache lines.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Wide([u64; 16]);

impl Record for Wide {
    const NAME: &'static str = "128 B";

    fn new(number: u64) -> Self {
        Self([number; 16])
    }

    fn mapped(self) -> Self {
        Self(self.0.map(|word| word.wrapping_add(KEYS)))
    }

    fn number(&self) -> u64 {
        let Self([first, ..]) = self;
        *first
    }
}

/// Spreads keys over instances where a job by hand has to. Fibonacci hashing: Knuth, The Art of Computer Programming,
/// volume 3, section 6.4.
#[cfg(feature = "inproc")]
pub(super) const fn spread(key: u64) -> u64 {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

/// What the sink saw: one running count per record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    records: u64,
    counts: u64,
}

impl Tally {
    pub(super) fn add(&mut self, count: u64) {
        self.records += 1;
        self.counts += count;
    }

    /// How many came.
    pub(super) const fn records(&self) -> u64 {
        self.records
    }

    /// Of several sinks.
    #[cfg(feature = "inproc")]
    pub(super) fn merge(&mut self, other: Self) {
        self.records += other.records;
        self.counts += other.counts;
    }

    /// Of the records 0 to `items`: each key's counts are 1, 2, 3 and so on.
    pub(super) fn expected(items: u64) -> Self {
        let of = |count: u64| count * (count + 1) / 2;
        let (full, rest) = (items / KEYS, items % KEYS);
        Self {
            records: items,
            counts: rest * of(full + 1) + (KEYS - rest) * of(full),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_formula_agrees_with_counting() {
        for items in [0, 1, KEYS - 1, KEYS, KEYS + 1, 5_000] {
            let mut counts = HashMap::new();
            let mut tally = Tally::default();
            for number in 0..items {
                let count = counts.entry(Wide::new(number).mapped().key()).or_insert(0);
                *count += 1;
                tally.add(*count);
            }
            assert_eq!(tally, Tally::expected(items), "{items}");
        }
    }
}
