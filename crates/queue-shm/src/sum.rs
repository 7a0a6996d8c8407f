//! The checksum of items, CRC-32C, and the way to it that costs least for short ones.

/// Up to this size one step after the other is fastest; what is longer is summed in three strands at once, which have to
/// be joined.
#[cfg(target_arch = "x86_64")]
const SHORT: usize = 512;

/// The checksum of what `start` is the checksum of, and of `bytes` after it.
#[inline]
pub(crate) fn append(start: u32, bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() <= SHORT && is_x86_feature_detected!("sse4.2") {
        // SAFETY: the processor has the instructions, as just asked. Leaned on by `both_ways_agree`.
        return unsafe { short(start, bytes) };
    }
    crc32c::crc32c_append(start, bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
fn short(start: u32, bytes: &[u8]) -> u32 {
    use std::arch::x86_64::{_mm_crc32_u8, _mm_crc32_u64};

    let (words, rest) = bytes.as_chunks();
    let mut sum = u64::from(!start);
    for word in words {
        sum = _mm_crc32_u64(sum, u64::from_le_bytes(*word));
    }
    // The upper half is empty.
    let mut sum = sum as u32;
    for byte in rest {
        sum = _mm_crc32_u8(sum, *byte);
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn both_ways_agree() {
        let bytes: Vec<u8> = (0..2048_u32).map(|at| (at * 7 + at / 256) as u8).collect();
        for len in (0..600).chain([1000, 2040]) {
            for from in [0, 1, 5] {
                let bytes = bytes.get(from..from + len).unwrap_or_default();
                assert_eq!(
                    append(len as u32, bytes),
                    crc32c::crc32c_append(len as u32, bytes),
                    "{len} from {from}"
                );
            }
        }
    }
}
