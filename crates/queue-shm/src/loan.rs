//! The table of items on loan: one entry each, with a copy of its item that outlives whoever has it.
//!
//! Entries are found by looking at all that were ever used, from the first on, and the lowest free one is taken next: there
//! are as many as were ever on loan at once. Their memory is asked for then and not before.
//!
//! What an item is up to is one word with its holder in it, and changes by one store; sums over the table are counted anew
//! after a death. All of it happens under the lock of the getters.

use std::io;
use std::sync::atomic::Ordering;

use descriptor_core::{Error, ErrorKind};

use crate::layout::{BACKED, DUE, ENTRY, FRONT, INLINE, LOANS_BACKED, LOANS_HIGH, LOANS_HINT, ORDER, STATE, TICKET};
use crate::map::At;
use crate::participant::Name;
use crate::point;
use crate::record::Front;
use crate::segment::Segment;

/// What an entry is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loan {
    Free,
    /// With this holder.
    Lent(Name),
    /// Given back for later.
    Resting,
    /// To be had, before what is in the ring.
    Returned,
    /// On its way to the dead letters, carried by this participant.
    Dying(Name),
}

/// More deliveries than this are not told apart.
const MOST: u32 = (1 << 28) - 1;
/// Tickets have the number of their entry in the lowest bits.
pub(crate) const INDEX_BITS: u32 = 12;

impl Loan {
    const fn to_word(self, deliveries: u32) -> u64 {
        let (kind, name) = match self {
            Self::Free => (0, 0),
            Self::Lent(name) => (1, name.0),
            Self::Resting => (2, 0),
            Self::Returned => (3, 0),
            Self::Dying(name) => (4, name.0),
        };
        let deliveries = if deliveries < MOST { deliveries } else { MOST };
        kind << 60 | (deliveries as u64) << 32 | name as u64
    }

    /// The state and the number of deliveries. A word that is none is that of a free entry.
    pub(crate) const fn from_word(word: u64) -> (Self, u32) {
        let name = Name(word as u32);
        let loan = match word >> 60 {
            1 => Self::Lent(name),
            2 => Self::Resting,
            3 => Self::Returned,
            4 => Self::Dying(name),
            _ => Self::Free,
        };
        (loan, (word >> 32) as u32 & MOST)
    }
}

impl Segment {
    /// Where a word of an entry is. Only for an entry that the table has.
    pub(crate) const fn entry(&self, index: usize, word: usize) -> usize {
        self.layout.loans + index * ENTRY + word
    }

    /// The entry that a ticket is for.
    pub(crate) fn index_of(&self, ticket: u64) -> Option<usize> {
        let index = (ticket & ((1 << INDEX_BITS) - 1)) as usize;
        let known =
            index < self.loans_used() && self.map.u64(self.entry(index, TICKET)).load(Ordering::Relaxed) == ticket;
        (known || point::planted("late-acks")).then_some(index)
    }

    /// The number of entries that were ever used.
    pub(crate) fn loans_used(&self) -> usize {
        let high = self.map.u64(LOANS_HIGH).load(Ordering::Relaxed);
        usize::try_from(high).map_or(self.layout.entries, |high| high.min(self.layout.entries))
    }

    pub(crate) fn loan(&self, index: usize) -> (Loan, u32) {
        Loan::from_word(self.map.u64(self.entry(index, STATE)).load(Ordering::Acquire))
    }

    pub(crate) fn set_loan(&self, index: usize, loan: Loan, deliveries: u32) {
        let word = self.map.u64(self.entry(index, STATE));
        // What was written before, such as the item, must not come after it.
        word.store(loan.to_word(deliveries), Ordering::Release);
    }

    /// Its front; `None` when that cannot be one.
    pub(crate) fn loan_front(&self, index: usize) -> Option<Front> {
        let front = Front::from_word(self.map.u64(self.entry(index, FRONT)).load(Ordering::Relaxed));
        (front.len() as u64 <= self.header.max_item || point::planted("loan-unchecked")).then_some(front)
    }

    /// Where its item is.
    pub(crate) const fn loan_place(&self, index: usize, front: Front) -> At {
        At::Fixed(if front.len() <= INLINE {
            self.entry(index, ENTRY - INLINE)
        } else {
            self.layout.extents + index * self.layout.extent
        })
    }

    /// When it comes back; 0 for never.
    pub(crate) fn due(&self, index: usize) -> u64 {
        self.map.u64(self.entry(index, DUE)).load(Ordering::Relaxed)
    }

    pub(crate) fn set_due(&self, index: usize, due: u64) {
        self.map.u64(self.entry(index, DUE)).store(due, Ordering::Relaxed);
    }

    /// Its place in the order of first deliveries.
    pub(crate) fn order(&self, index: usize) -> u64 {
        self.map.u64(self.entry(index, ORDER)).load(Ordering::Relaxed)
    }

    /// A free entry with memory for an item of `len` bytes.
    ///
    /// # Errors
    /// `ResourceExhausted` when as many items are on loan as the table has entries, `OutOfSpace` or `Unsupported` as the
    /// system has it.
    pub(crate) fn free_entry(&self, len: usize) -> Result<usize, Error> {
        let hint = usize::try_from(self.map.u64(LOANS_HINT).load(Ordering::Relaxed)).unwrap_or(0);
        let used = self.loans_used();
        let is_free = |index: &usize| self.loan(*index).0 == Loan::Free;
        // The hint may be wrong after a death.
        let index = (hint..used)
            .find(is_free)
            .or_else(|| (used < self.layout.entries).then_some(used))
            .or_else(|| (0..used).find(is_free));
        let Some(index) = index else {
            return Err(self
                .error(ErrorKind::ResourceExhausted, "lease")
                .expected(format!("at most {} items on loan", self.layout.entries))
                .found("that many")
                .remedy("acknowledge some, or take items with get"));
        };
        self.back(index, len)?;
        self.map.u64(LOANS_HINT).store(index as u64 + 1, Ordering::Relaxed);
        if index >= used {
            self.map.u64(LOANS_HIGH).store(index as u64 + 1, Ordering::Release);
        }
        Ok(index)
    }

    /// An entry is free again, and the next one to be used unless there is a lower one.
    pub(crate) fn suggest(&self, index: usize) {
        let hint = self.map.u64(LOANS_HINT);
        hint.store(hint.load(Ordering::Relaxed).min(index as u64), Ordering::Relaxed);
    }

    /// Has the system give memory to an entry: writing to a hole of a full device would be fatal.
    fn back(&self, index: usize, len: usize) -> Result<(), Error> {
        let page = crate::sys::page();
        let entries = self.map.u64(LOANS_BACKED);
        if index as u64 >= entries.load(Ordering::Relaxed) {
            let per_page = page / ENTRY;
            let first = index / per_page * per_page;
            self.populate(self.entry(first, 0), page)?;
            entries.store((first + per_page) as u64, Ordering::Relaxed);
        }
        let backed = self.map.u64(self.entry(index, BACKED));
        if len > INLINE && len as u64 > backed.load(Ordering::Relaxed) {
            let len = len.next_multiple_of(page).min(self.layout.extent);
            self.populate(self.layout.extents + index * self.layout.extent, len)?;
            backed.store(len as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn populate(&self, offset: usize, len: usize) -> Result<(), Error> {
        self.map.populate(offset, len).map_err(|error: io::Error| {
            let (kind, remedy) = if error.raw_os_error() == Some(libc::EINVAL) {
                (
                    ErrorKind::Unsupported,
                    "leases in shared memory need Linux 5.14 or later; use get",
                )
            } else {
                (
                    ErrorKind::OutOfSpace,
                    "free some shared memory, or acknowledge items before taking more; this one is still inside",
                )
            };
            self.error(kind, "lease")
                .expected(format!("{len} bytes of shared memory for an item on loan"))
                .remedy(remedy)
                .caused_by(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Loan, MOST};
    use crate::participant::Name;

    #[test]
    fn a_word_says_all_of_it() {
        for loan in [
            Loan::Free,
            Loan::Lent(Name(u32::MAX >> 1)),
            Loan::Resting,
            Loan::Returned,
            Loan::Dying(Name(1)),
        ] {
            for deliveries in [0, 1, MOST] {
                assert_eq!(Loan::from_word(loan.to_word(deliveries)), (loan, deliveries));
            }
            assert_eq!(Loan::from_word(loan.to_word(u32::MAX)), (loan, MOST));
        }
        assert_eq!(Loan::from_word(u64::MAX).0, Loan::Free);
    }
}
