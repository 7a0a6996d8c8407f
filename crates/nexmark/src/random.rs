//! Counter-based random numbers: the numbers of event `k` need no event before it.

/// Odd fraction of the golden ratio, the step of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 of Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators* (OOPSLA 2014), with its
/// published 64-bit finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The random numbers of one event.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Seed and number are mixed one after the other, so neighbouring seeds do not give shifted streams.
    pub(crate) fn of_event(seed: u64, k: u64) -> Self {
        let stream = mix(seed.wrapping_add(GAMMA));
        Self {
            state: mix(stream.wrapping_add(k.wrapping_mul(GAMMA))),
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number in `0..n`, and 0 for an empty range. Multiply and shift without rejection (Lemire, *Fast Random
    /// Integer Generation in an Interval*, 2019): the bias is below `n / 2^64`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(n)) >> 64) as u64
    }

    /// One of the words, which must not be none.
    pub(crate) fn word<const N: usize>(&mut self, words: &'static [&'static str; N]) -> &'static str {
        const { assert!(N > 0) };
        words[self.below(N as u64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_the_published_one() {
        // First outputs of SplitMix64 from state 0.
        let mut random = Random { state: 0 };
        assert_eq!(random.next(), 0xe220_a839_7b1d_cdaf);
        assert_eq!(random.next(), 0x6e78_9e6a_a1b9_65f4);
        assert_eq!(random.next(), 0x06c4_5d18_8009_454f);
    }

    #[test]
    fn ranges_are_covered_and_kept() {
        let mut random = Random::of_event(1, 1);
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[random.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&hits| (800..1_200).contains(&hits)), "{seen:?}");
        assert_eq!(random.below(0), 0);
        assert_eq!(random.below(1), 0);
    }
}
