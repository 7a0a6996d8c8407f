//! Sets of deliveries: what is settled at once.

use std::ops::RangeInclusive;

use crate::WireError;
use crate::field::{Field, Reader, Writer};

/// Numbers of deliveries, as ranges that ascend and do not touch. A count of two bytes, then the first and the last number of
/// each range, eight bytes each.
///
/// A range of a peer may hold any number of numbers: ask which of one's own are in it, do not count through it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ranges(Vec<(u64, u64)>);

impl Ranges {
    /// The most ranges of one message.
    pub const MAX: usize = 1024;

    /// These numbers, in any order, the same one twice or once.
    ///
    /// # Errors
    /// [`WireError::Excess`] when they make too many ranges: settle them in several messages.
    pub fn of(numbers: impl IntoIterator<Item = u64>) -> Result<Self, WireError> {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in numbers {
            match ranges.last_mut() {
                Some((_, last)) if number <= last.saturating_add(1) => *last = number,
                _ => ranges.push((number, number)),
            }
        }
        match ranges.len() {
            0..=Self::MAX => Ok(Self(ranges)),
            found => Err(WireError::Excess {
                what: "a list of ranges",
                limit: Self::MAX,
                found,
            }),
        }
    }

    /// These without some numbers, which ascend.
    ///
    /// # Errors
    /// [`WireError::Excess`] when the holes make too many ranges.
    pub fn without(&self, numbers: impl IntoIterator<Item = u64>) -> Result<Self, WireError> {
        let mut numbers = numbers.into_iter().peekable();
        let mut ranges = Vec::new();
        for &(first, last) in &self.0 {
            let mut from = Some(first);
            while let Some(hole) = numbers.next_if(|number| *number <= last) {
                // Numbers below the range are none of it.
                if let Some(start) = from.filter(|start| *start <= hole) {
                    ranges.extend(hole.checked_sub(1).filter(|end| start <= *end).map(|end| (start, end)));
                    from = hole.checked_add(1);
                }
            }
            ranges.extend(from.filter(|start| *start <= last).map(|start| (start, last)));
        }
        match ranges.len() {
            0..=Self::MAX => Ok(Self(ranges)),
            found => Err(WireError::Excess {
                what: "a list of ranges",
                limit: Self::MAX,
                found,
            }),
        }
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = RangeInclusive<u64>> {
        self.0.iter().map(|&(first, last)| first..=last)
    }

    /// True when no number is in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this number is in it; takes as long as the logarithm of the number of ranges.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        let range = after.checked_sub(1).and_then(|at| self.0.get(at));
        range.is_some_and(|(_, last)| number <= *last)
    }
}

impl Field for Ranges {
    fn write(&self, to: &mut Writer<'_>) {
        // At most MAX.
        (self.0.len() as u16).write(to);
        for range in &self.0 {
            range.write(to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = usize::from(u16::read(from)?);
        if count > Self::MAX {
            return Err(from.refuse("at most 1024 ranges", count as u64));
        }
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for _ in 0..count {
            let (first, last) = <(u64, u64)>::read(from)?;
            let apart = match ranges.last() {
                Some((_, before)) => before.checked_add(1).is_some_and(|next| next < first),
                None => true,
            };
            if first > last || !apart {
                return Err(from.refuse("ranges that ascend and do not touch", first));
            }
            ranges.push((first, last));
        }
        Ok(Self(ranges))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_makes_holes_and_leaves_what_is_not_in_it() {
        let ranges = Ranges(vec![(1, 5), (8, 8), (u64::MAX - 1, u64::MAX)]);
        assert_eq!(ranges.without([]), Ok(ranges.clone()));
        let holes = ranges.without([0, 1, 3, 6, 8, u64::MAX]).unwrap();
        assert_eq!(holes.0, [(2, 2), (4, 5), (u64::MAX - 1, u64::MAX - 1)]);
        assert!(holes.without([2, 4, 5, u64::MAX - 1]).unwrap().is_empty());
        let many = Ranges(vec![(0, 5000)]).without((1..5000).step_by(2));
        assert!(matches!(many, Err(WireError::Excess { found: 2501, .. })));
    }
}
