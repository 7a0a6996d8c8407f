//! Items that prove themselves: who put it, its number, a checksum, and bytes that follow from them.

use bytes::Bytes;
use queue_testkit::Dice;

const FRONT: usize = 16;
/// Most are smaller than this.
const USUAL: u64 = 256;
/// The others fill several pieces of a connection.
const LARGEST: u64 = 40_000;

/// The item of that number, whose upper half is who puts it.
pub(crate) fn make(number: u64) -> Bytes {
    let mut dice = Dice::new(number);
    let largest = if dice.below(16) == 0 { LARGEST } else { USUAL };
    let len = dice.below(largest) as usize;
    let mut bytes = Vec::with_capacity(FRONT + len + 8);
    bytes.extend_from_slice(&number.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    while bytes.len() < FRONT + len {
        bytes.extend_from_slice(&dice.roll().to_le_bytes());
    }
    bytes.truncate(FRONT + len);
    let sum = checksum(&bytes).to_le_bytes();
    if let Some(place) = bytes.get_mut(8..FRONT) {
        place.copy_from_slice(&sum);
    }
    bytes.into()
}

/// FNV-1a, 64 bits, of everything but the place of the checksum (Fowler, Noll, Vo).
fn checksum(bytes: &[u8]) -> u64 {
    let number = bytes.get(..8).unwrap_or_default();
    let rest = bytes.get(FRONT..).unwrap_or_default();
    number.iter().chain(rest).fold(0xCBF2_9CE4_8422_2325, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

/// The number that an item says it has.
pub(crate) fn claimed(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |number| u64::from_le_bytes(*number))
}

/// Whether these are the bytes that were put.
pub(crate) fn is_whole(bytes: &[u8]) -> bool {
    let said = bytes.get(8..FRONT).unwrap_or_default();
    said == checksum(bytes).to_le_bytes() && make(claimed(bytes)) == bytes
}
