//! Items that prove themselves: length and bytes follow from the number of the item.

use bytes::Bytes;
use queue_testkit::Dice;

const NUMBER: usize = 8;
/// The largest one.
pub(crate) const LARGEST: usize = 64 * 1024;
/// Most are smaller than this; copying the others takes long enough to die in the middle of it.
const USUAL: usize = 512;
/// Items with this bit are as small as can be, so that the capacity in items is met before that in bytes.
pub(crate) const SMALL: u64 = 1 << 31;

/// The item of that number.
pub(crate) fn make(number: u64) -> Bytes {
    let mut dice = Dice::new(number);
    let len = if number & SMALL == 0 {
        let largest = if dice.below(4) == 0 { LARGEST } else { USUAL };
        dice.below((largest - NUMBER) as u64) as usize
    } else {
        0
    };
    let mut bytes = Vec::with_capacity(NUMBER + len + 8);
    bytes.extend_from_slice(&number.to_le_bytes());
    while bytes.len() < NUMBER + len {
        bytes.extend_from_slice(&dice.roll().to_le_bytes());
    }
    bytes.truncate(NUMBER + len);
    bytes.into()
}

/// The number that an item says it has.
pub(crate) fn claimed(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

/// Whether these are the bytes that were put.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    make(claimed(bytes)) == bytes
}
