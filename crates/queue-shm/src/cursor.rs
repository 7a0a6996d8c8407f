//! A place in the ring together with the number of items before it, in one word that changes in one step.

const COUNT_BITS: u32 = 25;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const UNITS: u64 = u64::MAX >> COUNT_BITS;

/// Bytes per unit of a place.
pub(crate) const UNIT: usize = 8;

/// Units of eight bytes since ever, modulo 2^39, and items since ever, modulo 2^25.
///
/// Both wrap around; only differences mean something, and those are far smaller than the modulus: a ring has at most
/// 2^33 units and 2^24 items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor(pub(crate) u64);

impl Cursor {
    pub(crate) const fn new(units: u64, items: u64) -> Self {
        Self((units & UNITS) << COUNT_BITS | items & COUNT)
    }

    const fn units(self) -> u64 {
        self.0 >> COUNT_BITS
    }

    /// Items before this place, modulo 2^25.
    pub(crate) const fn items(self) -> u64 {
        self.0 & COUNT
    }

    /// The place in bytes since ever.
    pub(crate) const fn position(self) -> u64 {
        self.units() * UNIT as u64
    }

    /// The place `bytes` (a multiple of eight) and `items` further on.
    pub(crate) const fn after(self, bytes: usize, items: usize) -> Self {
        Self::new(
            self.units().wrapping_add((bytes / UNIT) as u64),
            self.items().wrapping_add(items as u64),
        )
    }

    /// The place `bytes` and `items` before.
    pub(crate) const fn before(self, bytes: usize, items: usize) -> Self {
        Self::new(
            self.units().wrapping_sub((bytes / UNIT) as u64),
            self.items().wrapping_sub(items as u64),
        )
    }

    /// Bytes from `earlier` to here.
    pub(crate) const fn bytes_since(self, earlier: Self) -> u64 {
        (self.units().wrapping_sub(earlier.units()) & UNITS) * UNIT as u64
    }

    /// Items from `earlier` to here.
    pub(crate) const fn items_since(self, earlier: Self) -> u64 {
        self.items().wrapping_sub(earlier.items()) & COUNT
    }
}

/// A total that goes with a cursor: the count of the cursor, not modulo anything. A death between the two leaves the
/// total behind; this brings it up.
pub(crate) const fn total_at(cursor: Cursor, last_total: u64) -> u64 {
    last_total.wrapping_add(cursor.items().wrapping_sub(last_total) & COUNT)
}

#[cfg(test)]
mod tests {
    use super::{Cursor, total_at};

    #[test]
    fn both_counts_wrap_around_apart() {
        let near = Cursor::new(u64::MAX >> 25, (1 << 25) - 1);
        let far = near.after(24, 2);
        assert_eq!((far.bytes_since(near), far.items_since(near)), (24, 2));
        assert_eq!((far.position(), far.items()), (16, 1));
        assert_eq!(far.before(24, 2), near);
        assert_eq!(near.bytes_since(near), 0);
    }

    #[test]
    fn a_total_follows_its_cursor_over_the_wrap() {
        let last = (5 << 25) - 3;
        assert_eq!(total_at(Cursor::new(0, last), last), last);
        assert_eq!(total_at(Cursor::new(0, last + 7), last), last + 7);
    }
}
