//! Live counts of one instance, written once per batch and read by whoever watches.

use std::sync::atomic::{AtomicU64, Ordering};

/// Packets one instance has handled so far.
#[derive(Debug, Default)]
pub struct TaskMeter {
    packets_in: AtomicU64,
    packets_out: AtomicU64,
}

impl TaskMeter {
    /// Only the instance itself writes, so plain stores of its own totals will do.
    #[inline]
    pub fn record(&self, packets_in: u64, packets_out: u64) {
        self.packets_in.store(packets_in, Ordering::Relaxed);
        self.packets_out.store(packets_out, Ordering::Relaxed);
    }

    /// Taken so far.
    pub fn packets_in(&self) -> u64 {
        self.packets_in.load(Ordering::Relaxed)
    }

    /// Emitted so far.
    pub fn packets_out(&self) -> u64 {
        self.packets_out.load(Ordering::Relaxed)
    }
}
