//! xxh3-64 of an encoded integer, from registers: bytes that were put together just now are slow to read again.

/// Words of the algorithm's default secret, combined as it does for inputs of 9 to 16 bytes (xxHash 0.8, `XXH3_kSecret`,
/// bytes 24 to 55).
const FLIP: (u64, u64) = (
    0x1f67_b3b7_a4a4_4072 ^ 0x78e5_c0cc_4ee6_79cb,
    0x2172_ffcc_7dd0_5a82 ^ 0x8e24_43f7_7446_08b8,
);
/// `PRIME_MX1` of the algorithm.
const PRIME: u64 = 0x1656_6791_9e37_79f9;

/// The hash of nine bytes: their first eight and their last eight, each as a little-endian number.
#[inline]
pub(super) const fn of_nine(first: u64, last: u64) -> u64 {
    let (low, high) = (first ^ FLIP.0, last ^ FLIP.1);
    let product = low as u128 * high as u128;
    let folded = product as u64 ^ (product >> 64) as u64;
    let sum = 9_u64
        .wrapping_add(low.swap_bytes())
        .wrapping_add(high)
        .wrapping_add(folded);
    let mixed = (sum ^ (sum >> 37)).wrapping_mul(PRIME);
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use xxhash_rust::xxh3::xxh3_64;

    use crate::Key;

    #[test]
    fn it_is_the_hash_of_the_encoding() {
        let mut number = 1_i64;
        for step in 0..1000 {
            number = number.wrapping_mul(-6_364_136_223_846_793_005).wrapping_add(step);
            for value in [step, number, -number, number >> 40] {
                let key = Key::from(value);
                assert_eq!(key.encoded().len(), 9);
                assert_eq!(key.hash(), xxh3_64(key.encoded()), "{value}");
                assert_eq!(key, Key::of(&value).expect("an integer"));
                assert_eq!(key.as_i64(), Some(value));
                assert_eq!(Key::from_encoded(key.encoded()).expect("a key"), key);
                assert_ne!(key, Key::from(value.wrapping_add(1)));
            }
        }
        let others = [
            Key::from(i128::MAX),
            Key::from(true),
            Key::from("1"),
            Key::bytes(&[3; 8]),
        ];
        assert!(others.iter().all(|key| key.as_i64().is_none() && *key != Key::from(1)));
        assert_eq!(Key::from(i64::MIN).hash(), xxh3_64(Key::from(i64::MIN).encoded()));
    }
}
