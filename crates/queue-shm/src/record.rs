//! An item as bytes of the ring: length and checksum, the item, and nothing up to the next multiple of eight.

use descriptor_core::{Error, ErrorKind};

use crate::cursor::UNIT;
use crate::layout::{RECORD, record_bytes};
use crate::point;
use crate::sum;

/// Set in the length of an item that has no checksum, as whoever writes it may choose.
const UNCHECKED: u32 = 1 << 31;
/// The largest item: the length has 31 bits.
pub(crate) const MAX_ITEM: usize = (1 << 31) - 1;

/// The eight bytes in front of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Front {
    len: u32,
    sum: u32,
}

impl Front {
    /// In front of these bytes.
    #[inline]
    pub(crate) fn of(item: &[u8]) -> Self {
        Self {
            len: item.len() as u32,
            sum: sum_of(item.len() as u32, item),
        }
    }

    /// In front of so many bytes that are not checked; their length is, or a single bit would do away with any check.
    pub(crate) const fn unchecked(len: usize) -> Self {
        let len = len as u32 | UNCHECKED;
        Self { len, sum: len }
    }

    #[inline]
    pub(crate) const fn to_word(self) -> u64 {
        (self.sum as u64) << 32 | self.len as u64
    }

    #[inline]
    pub(crate) const fn from_word(word: u64) -> Self {
        Self {
            len: word as u32,
            sum: (word >> 32) as u32,
        }
    }

    /// Whether the item has a checksum.
    pub(crate) const fn is_checked(self) -> bool {
        self.len & UNCHECKED == 0
    }

    /// The length of the item.
    #[inline]
    pub(crate) const fn len(self) -> usize {
        (self.len & !UNCHECKED) as usize
    }

    /// The bytes that the record takes.
    #[inline]
    pub(crate) const fn record_bytes(self) -> usize {
        record_bytes(self.len())
    }

    /// Whether these are the bytes that were put.
    ///
    /// # Errors
    /// `Corrupt` when they are not.
    #[inline]
    pub(crate) fn check(self, item: &[u8]) -> Result<(), Error> {
        let summed = if self.is_checked() { item } else { &[] };
        self.check_sum(Sum(sum_of(self.len, summed)))
    }

    /// As [`check`](Self::check), of an item that was summed already.
    #[inline]
    pub(crate) fn check_sum(self, sum: Sum) -> Result<(), Error> {
        let sum = if self.is_checked() { sum.0 } else { self.len };
        if sum == self.sum || point::planted("unchecked") {
            return Ok(());
        }
        Err(self.mismatch())
    }

    #[cold]
    fn mismatch(self) -> Error {
        Error::new(ErrorKind::Corrupt, "get")
            .expected(format!("{} bytes with checksum {:08x}", self.len(), self.sum))
            .found("other bytes")
            .remedy("this item is lost and the others are not; see who else writes to the segment")
    }
}

/// The length belongs to what is summed, as its complement: memory that was never written must not be an item, not even one
/// without bytes.
#[inline]
fn sum_of(len: u32, item: &[u8]) -> u32 {
    sum::append(!len, item)
}

/// A checksum that grows with its item, whose length is known before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum(u32);

impl Sum {
    pub(crate) const fn of_item(len: usize) -> Self {
        Self(!(len as u32))
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.0 = sum::append(self.0, bytes);
    }

    /// The front of the item, once all of it is summed.
    pub(crate) const fn front(self, len: usize) -> Front {
        Front {
            len: len as u32,
            sum: self.0,
        }
    }
}

/// Appends a record.
#[inline]
pub(crate) fn append(records: &mut Vec<u8>, item: &[u8]) {
    let front = Front::of(item);
    let bytes = front.record_bytes();
    records.reserve(bytes);
    let start = records.as_mut_ptr().wrapping_add(records.len());
    // SAFETY: there is room for a record of `bytes` bytes from `start` on: eight for the front, as many as the item has, and what
    // is left up to a multiple of eight, which is in the last eight. All of them are written. In one step, because each call
    // that changes the length waits for the one before. Leaned on by the tests of packs.
    unsafe {
        start.add(bytes - UNIT).cast::<[u8; UNIT]>().write([0; UNIT]);
        start.cast::<[u8; RECORD]>().write(front.to_word().to_le_bytes());
        std::ptr::copy_nonoverlapping(item.as_ptr(), start.add(RECORD), item.len());
        records.set_len(records.len() + bytes);
    }
}

/// The first record of these bytes, if it is all there: its front, its item, and what follows.
#[inline]
pub(crate) fn split(bytes: &[u8]) -> Option<(Front, &[u8], &[u8])> {
    let (front, _) = bytes.split_first_chunk()?;
    let front = Front::from_word(u64::from_le_bytes(*front));
    let (record, rest) = bytes.split_at_checked(record_bytes(front.len()))?;
    Some((front, record.get(RECORD..RECORD + front.len())?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_written_is_no_item() {
        let nothing = Front::from_word(0);
        assert_eq!((nothing.len(), nothing.is_checked()), (0, true));
        assert!(nothing.check(&[]).is_err());
        assert!(nothing.check_sum(Sum::of_item(0)).is_err());
        assert!(Front::of(&[]).check(&[]).is_ok());
        assert_eq!(Sum::of_item(0).front(0), Front::of(&[]));
    }
}
