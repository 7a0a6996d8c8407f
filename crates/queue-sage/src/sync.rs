//! Atomics and cells of the ring, in one place so that a model checker can take their place.

pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};

/// Keeps what it holds on cache lines of its own. 128 bytes: x86 prefetches lines in pairs, and some aarch64 cores
/// have lines of that size.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> std::ops::Deref for Padded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}
