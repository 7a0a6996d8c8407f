//! One word for a graph, so that two processes can tell whether they run the same job.

use descriptor_core::Codec;
use xxhash_rust::xxh3::Xxh3;

use crate::ExecutionGraph;
use crate::limits::MAX_DOCUMENT;

impl ExecutionGraph {
    /// xxh3-64 over everything the graph says - names, kinds, item types, parallelism, edges, partitions, services -
    /// as 16 hex digits. Equal graphs have equal fingerprints in every process; deployment and queues do not count.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("{:016x}", digest(self))
    }
}

/// xxh3-64 of the postcard form, which has one encoding per value.
pub(crate) fn digest<T: serde::Serialize>(value: &T) -> u64 {
    let mut hash = Xxh3::new();
    let mut bytes = Vec::new();
    match Codec::Postcard.encode(value, MAX_DOCUMENT, &mut bytes) {
        Ok(()) => hash.update(&bytes),
        // Too large to be planned at all; only has to differ from what is not.
        Err(error) => hash.update(error.to_string().as_bytes()),
    }
    hash.digest()
}
