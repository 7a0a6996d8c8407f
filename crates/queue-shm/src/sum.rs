//! The checksum of items, CRC-32C, and the way to it that costs least for short ones.
//!
//! The instruction for it takes eight bytes, and three cycles, of which the next one on the same sum waits for all. So what
//! is not very short is summed in three strands at once, which are then joined by one multiplication each, as in V. Gopal,
//! E. Ozturk and others, "Fast CRC Computation for iSCSI Polynomial Using CRC32 Instruction" (Intel, 2011).

/// Below this many bytes one strand is done before three are joined.
#[cfg(target_arch = "x86_64")]
const SHORT: usize = 192;
/// The most that three strands take at once.
#[cfg(target_arch = "x86_64")]
const BLOCK: usize = 3 * (SHIFTS / 2) * 8;
/// Above this the library is as fast, whose strands are longer.
#[cfg(target_arch = "x86_64")]
const LONG: usize = 4 * BLOCK;
/// Words by which a sum can be moved: twice those of a strand.
#[cfg(target_arch = "x86_64")]
const SHIFTS: usize = 256;

/// The checksum of what `start` is the checksum of, and of `bytes` after it.
#[inline]
pub(crate) fn append(start: u32, bytes: &[u8]) -> u32 {
    #[cfg(target_arch = "x86_64")]
    if bytes.len() <= LONG && is_x86_feature_detected!("sse4.2") && is_x86_feature_detected!("pclmulqdq") {
        // SAFETY: the processor has the instructions, as just asked. Leaned on by `both_ways_agree`.
        return unsafe { in_strands(start, bytes) };
    }
    crc32c::crc32c_append(start, bytes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2,pclmulqdq")]
fn in_strands(start: u32, bytes: &[u8]) -> u32 {
    use std::arch::x86_64::_mm_crc32_u8;

    let mut sum = u64::from(!start);
    let mut rest = bytes;
    while rest.len() >= SHORT {
        let (block, after) = rest.split_at(rest.len().min(BLOCK));
        let strand = block.len() / 24 * 8;
        let (one, others) = block.split_at(strand);
        let (two, others) = others.split_at(strand);
        let (three, others) = others.split_at(strand);
        sum = three_at_once(sum, one.as_chunks().0, two.as_chunks().0, three.as_chunks().0);
        // Only the last block leaves others.
        rest = if after.is_empty() { others } else { after };
    }
    let (whole, rest) = rest.as_chunks();
    // The upper half is empty.
    let mut sum = words(sum, whole) as u32;
    for byte in rest {
        sum = _mm_crc32_u8(sum, *byte);
    }
    !sum
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
#[inline]
fn words(mut sum: u64, words: &[[u8; 8]]) -> u64 {
    // In steps of a line, which the compiler writes out.
    let (lines, rest) = words.as_chunks::<8>();
    for line in lines {
        for word in line {
            sum = word_more(sum, word);
        }
    }
    for word in rest {
        sum = word_more(sum, word);
    }
    sum
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2")]
#[inline]
fn word_more(sum: u64, word: &[u8; 8]) -> u64 {
    std::arch::x86_64::_mm_crc32_u64(sum, u64::from_le_bytes(*word))
}

/// Three strands of the same length, one after the other.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2,pclmulqdq")]
#[inline]
fn three_at_once(sum: u64, one: &[[u8; 8]], two: &[[u8; 8]], three: &[[u8; 8]]) -> u64 {
    use std::arch::x86_64::_mm_crc32_u64;

    let (mut first, mut second, mut third) = (sum, 0, 0);
    for ((one, two), three) in one.iter().zip(two).zip(three) {
        first = word_more(first, one);
        second = word_more(second, two);
        third = word_more(third, three);
    }
    let joined = shifted(first, 2 * one.len()) ^ shifted(second, one.len());
    _mm_crc32_u64(0, joined) ^ third
}

/// The sum as it is that many words later, but for the last step, which both strands have in common.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse4.2,pclmulqdq")]
#[inline]
fn shifted(sum: u64, words: usize) -> u64 {
    use std::arch::x86_64::{_mm_clmulepi64_si128, _mm_cvtsi64_si128, _mm_cvtsi128_si64};

    let by = SHIFT.get(words).copied().unwrap_or_default();
    let product = _mm_clmulepi64_si128::<0>(_mm_cvtsi64_si128(sum as i64), _mm_cvtsi64_si128(i64::from(by)));
    _mm_cvtsi128_si64(product) as u64
}

/// For each number of words `n`, x to the power of 64 n - 33 modulo the polynomial of CRC-32C, lowest power in the highest bit:
/// the last step adds 32 to the power, and a product of two such numbers has one more.
#[cfg(target_arch = "x86_64")]
const SHIFT: [u32; SHIFTS + 1] = {
    /// 0x1EDC6F41, turned around.
    const POLYNOMIAL: u32 = 0x82F6_3B78;
    let mut powers = [0; SHIFTS + 1];
    // x to the power of 31.
    let mut power = 1;
    let mut words = 1;
    while words <= SHIFTS {
        powers[words] = power;
        let mut bit = 0;
        while bit < 64 {
            power = power >> 1 ^ if power & 1 == 1 { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        words += 1;
    }
    powers
};

#[cfg(test)]
mod tests {
    use super::append;

    #[test]
    fn both_ways_agree() {
        let bytes: Vec<u8> = (0..16_384_u32).map(|at| (at * 7 + at / 256) as u8).collect();
        let around = |len: usize| len - 17..len + 17;
        for len in (0..700).chain(around(3072)).chain(around(6144)).chain(around(12_288)) {
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
