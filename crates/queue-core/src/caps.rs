//! What a queue can do, so that callers and tests can ask before they rely on it.

use std::fmt;

/// The abilities of one open queue.
///
/// The conformance kit picks its clauses by these flags and lists what it skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Caps {
    /// Has a capacity and refuses what exceeds it.
    pub bounded: bool,
    /// Keeps the order of each producer.
    pub ordered: bool,
    /// `depth` is exact whenever no operation is in flight.
    pub exact_depth: bool,
    /// Reachable from other processes of the host.
    pub cross_process: bool,
    /// Reachable from other hosts.
    pub cross_host: bool,
    /// Keeps items through the death of the process that created it.
    pub survives_process: bool,
    /// Keeps items through a restart of the host.
    pub survives_host: bool,
    /// Writes confirmed items to stable storage.
    pub durable: bool,
    /// Offers `lease`.
    pub lease: bool,
    /// Stores a repeated put once.
    pub dedup: bool,
    /// A put that returns `Ok` is stored. Where it is not, it was accepted, and [`flush`](crate::QueueCore::flush) waits until
    /// it is.
    pub stored: bool,
    /// A put whose future is dropped before it was ready has stored nothing. Where it was at a server by then, it may be stored all
    /// the same.
    pub clean_drop: bool,
}

impl Caps {
    /// A queue inside one process: bounded, ordered, with an exact depth.
    pub const IN_PROCESS: Self = Self {
        bounded: true,
        ordered: true,
        exact_depth: true,
        cross_process: false,
        cross_host: false,
        survives_process: false,
        survives_host: false,
        durable: false,
        lease: false,
        dedup: false,
        stored: true,
        clean_drop: true,
    };

    /// The same abilities, bounded or not.
    #[must_use]
    pub const fn with_bounded(mut self, bounded: bool) -> Self {
        self.bounded = bounded;
        self
    }

    /// Every flag with its name, in declaration order.
    #[must_use]
    pub const fn flags(self) -> [(&'static str, bool); 12] {
        [
            ("bounded", self.bounded),
            ("ordered", self.ordered),
            ("exact_depth", self.exact_depth),
            ("cross_process", self.cross_process),
            ("cross_host", self.cross_host),
            ("survives_process", self.survives_process),
            ("survives_host", self.survives_host),
            ("durable", self.durable),
            ("lease", self.lease),
            ("dedup", self.dedup),
            ("stored", self.stored),
            ("clean_drop", self.clean_drop),
        ]
    }

    /// The flags of `wanted` that are missing here; empty when all are there.
    pub fn missing(self, wanted: Self) -> impl Iterator<Item = &'static str> {
        self.flags()
            .into_iter()
            .zip(wanted.flags())
            .filter(|((_, have), (_, want))| *want && !*have)
            .map(|((name, _), _)| name)
    }
}

impl fmt::Display for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (name, set) in self.flags() {
            if set {
                if !first {
                    f.write_str(", ")?;
                }
                f.write_str(name)?;
                first = false;
            }
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}
