//! The bare ring, for models only: waiting brings fences of its own, which would hide an order that is missing here.

use crate::guard::{Free, Sole};
use crate::ring::Ring;

/// A ring of bytes in boxes.
#[allow(missing_debug_implementations, reason = "a model prints nothing")]
pub struct BareRing(Ring<Box<u8>>);

impl BareRing {
    /// For `capacity` items; `None` without memory.
    #[must_use]
    pub fn new(capacity: usize) -> Option<Self> {
        Ring::new(capacity).map(Self)
    }

    /// False when it was full.
    pub fn put(&self, item: u8) -> bool {
        self.0.try_put(Box::new(item)).is_ok()
    }

    /// The oldest item.
    pub fn get(&self) -> Option<u8> {
        self.0.try_get().ok().map(|item| *item)
    }
}

/// As [`BareRing`], for one who puts and one who gets.
#[allow(missing_debug_implementations, reason = "a model prints nothing")]
pub struct BareLane(Ring<Box<u8>, Sole, Free>);

impl BareLane {
    /// For `capacity` items; `None` without memory.
    ///
    /// # Safety
    /// One call of `put` at a time, and one of `get`, each ordered after the one before.
    #[must_use]
    pub unsafe fn new(capacity: usize) -> Option<Self> {
        // SAFETY: the caller's promise is the one asked for. Leaned on by the models of handles.
        unsafe { Ring::for_two(capacity) }.map(Self)
    }

    /// False when it was full or closed.
    pub fn put(&self, item: u8) -> bool {
        self.0.try_put(Box::new(item)).is_ok()
    }

    /// The oldest item.
    pub fn get(&self) -> Option<u8> {
        self.0.try_get().ok().map(|item| *item)
    }

    /// No item goes in any more.
    pub fn close(&self) {
        self.0.close();
    }
}
