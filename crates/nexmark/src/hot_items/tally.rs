//! Count and sum of prices.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Number of bids and sum of their prices. Exact: tallies of parts, merged in any order, equal that of the whole.
///
/// ```
/// # use nexmark::hot_items::Tally;
/// let mut tally = Tally::default();
/// assert_eq!(tally.average(), None);
/// [100, 100, 101].into_iter().for_each(|price| tally.add(price));
/// assert_eq!(tally.average().map(|average| average.to_string()).as_deref(), Some("100.33"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tally {
    /// Number of bids.
    pub count: u64,
    /// Sum of their prices in cents; saturates.
    pub price_sum: u64,
}

impl Tally {
    /// Counts one bid of `price` cents.
    pub fn add(&mut self, price: u64) {
        self.merge(&Self {
            count: 1,
            price_sum: price,
        });
    }

    /// Counts what another tally counted.
    pub fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.price_sum = self.price_sum.saturating_add(other.price_sum);
    }

    /// Average price; none without bids.
    #[must_use]
    pub fn average(&self) -> Option<Average> {
        (self.count > 0).then_some(Average(*self))
    }
}

/// Average price in cents. It is kept as the exact quotient and shown with two decimals, halves rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Average(Tally);

impl fmt::Display for Average {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = u128::from(self.0.count);
        let hundredths = (u128::from(self.0.price_sum) * 200 + count) / (2 * count);
        // As one piece, so that width and alignment of the caller apply.
        f.pad(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(count: u64, price_sum: u64) -> Option<String> {
        Tally { count, price_sum }.average().map(|average| average.to_string())
    }

    #[test]
    fn averages_are_rounded_half_up() {
        assert_eq!(shown(0, 0), None);
        assert_eq!(shown(1, 0).as_deref(), Some("0.00"));
        assert_eq!(shown(3, 2).as_deref(), Some("0.67"));
        assert_eq!(shown(8, 1).as_deref(), Some("0.13"));
        assert_eq!(shown(1_000, 999_994).as_deref(), Some("999.99"));
        assert_eq!(shown(1_000, 999_995).as_deref(), Some("1000.00"));
        assert_eq!(shown(1, u64::MAX).as_deref(), Some("18446744073709551615.00"));
        assert_eq!(shown(u64::MAX, u64::MAX).as_deref(), Some("1.00"));
    }

    #[test]
    fn averages_take_a_width() {
        let tally = Tally { count: 2, price_sum: 3 };
        assert_eq!(
            tally.average().map(|average| format!("{average:>8}")).as_deref(),
            Some("    1.50")
        );
    }

    #[test]
    fn merging_parts_equals_adding_all() {
        let mut whole = Tally::default();
        let mut parts = [Tally::default(); 3];
        for price in 0..100_u64 {
            whole.add(price * price);
            parts[price as usize % 3].add(price * price);
        }
        let merged = parts.iter().rev().fold(Tally::default(), |mut sum, part| {
            sum.merge(part);
            sum
        });
        assert_eq!(merged, whole);
        assert_eq!(whole.count, 100);
    }

    #[test]
    fn sums_saturate_in_any_order() {
        let mut tally = Tally {
            count: 1,
            price_sum: u64::MAX,
        };
        tally.add(5);
        assert_eq!(
            tally,
            Tally {
                count: 2,
                price_sum: u64::MAX
            }
        );
    }
}
