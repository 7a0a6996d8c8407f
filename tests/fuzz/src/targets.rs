//! The list.

use crate::target::{broker, client, codec, pool, queue_id, record, rights, shm, store, tokens, wire};

/// One reader.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called on the command line.
    pub name: &'static str,
    /// Reads the bytes; panics when something does not hold.
    pub run: fn(&[u8]),
    /// Bytes to begin with: well-formed ones.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds }
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("broker", broker::run, broker::seeds),
    target("client", client::run, client::seeds),
    target("codec-bincode", codec::bincode, codec::bincode_seeds),
    target("codec-fixed", codec::fixed, codec::fixed_seeds),
    target("codec-json", codec::json, codec::json_seeds),
    target("codec-postcard", codec::postcard, codec::postcard_seeds),
    target("event", codec::event, codec::event_seeds),
    target("frames", wire::frames, wire::frame_seeds),
    target("messages", wire::messages, wire::message_seeds),
    target("pool", pool::run, pool::seeds),
    target("preamble", wire::preamble, wire::preamble_seeds),
    target("queue-id", queue_id::run, queue_id::seeds),
    target("record-binary", record::binary, record::binary_seeds),
    target("record-json", record::json, record::json_seeds),
    target("record-uri", record::uri, record::uri_seeds),
    target("rights", rights::run, rights::seeds),
    target("shm", shm::run, shm::seeds),
    target("store-file", store::file, store::file_seeds),
    target("store-rows", store::rows, store::row_seeds),
    target("tokens", tokens::run, tokens::seeds),
];

/// The target of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places in a seed that are changed; long ones are sampled.
    const PLACES: usize = 400;

    #[test]
    fn names_are_in_order_and_none_comes_twice() {
        assert!(TARGETS.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn seeds_with_a_byte_changed_or_the_end_cut_off_are_read_without_a_panic() {
        for target in TARGETS {
            (target.run)(&[]);
            let seeds = (target.seeds)();
            assert!(!seeds.is_empty(), "{} has no seeds", target.name);
            for seed in seeds {
                (target.run)(&seed);
                let step = seed.len().div_ceil(PLACES).max(1);
                for place in (0..seed.len()).step_by(step) {
                    (target.run)(seed.get(..place).unwrap_or_default());
                    for change in [0x01, 0x80, 0xff] {
                        let mut changed = seed.clone();
                        if let Some(byte) = changed.get_mut(place) {
                            *byte ^= change;
                        }
                        (target.run)(&changed);
                    }
                }
            }
        }
    }
}
