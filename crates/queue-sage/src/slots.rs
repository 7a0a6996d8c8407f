//! The ring's memory.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use crate::sync::{AtomicUsize, Place};

/// One place for an item, with the stamp that says whose turn it is.
pub(crate) struct Slot<T> {
    pub(crate) stamp: AtomicUsize,
    pub(crate) item: Place<T>,
}

/// A fixed number of slots, all zero at first, so that a large ring costs no memory before it is used.
pub(crate) struct Slots<T> {
    first: NonNull<Slot<T>>,
    len: usize,
}

impl<T> Slots<T> {
    /// `None` when the memory cannot be had. `len` must not be 0.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let layout = Layout::array::<Slot<T>>(len).ok()?;
        debug_assert!(layout.size() > 0, "a slot has a stamp, and there is at least one");
        // SAFETY: the layout is not empty: a slot holds at least its stamp, and `len` is at least 1.
        // Leaned on by the capacity clauses of the conformance kit.
        let memory = unsafe { alloc_zeroed(layout) };
        // Zero is a valid stamp and any bytes are a valid `Place`.
        let slots = NonNull::new(memory.cast()).map(|first| Self { first, len })?;
        #[cfg(loom)]
        slots.enter_model();
        Some(slots)
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The slot at `index`.
    ///
    /// # Safety
    /// `index` must be less than `len`.
    #[inline]
    pub(crate) unsafe fn at(&self, index: usize) -> &Slot<T> {
        debug_assert!(index < self.len);
        // SAFETY: the caller keeps `index` inside the allocation, which lives as long as `self` and is initialised.
        // Leaned on by every clause of the conformance kit; checked here in debug builds.
        unsafe { self.first.add(index).as_ref() }
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        #[cfg(loom)]
        self.leave_model();
        if let Ok(layout) = Layout::array::<Slot<T>>(self.len) {
            // SAFETY: allocated in `new` with this very layout, freed once. Items were dropped by the ring before.
            // Leaned on by the drop clauses of the conformance kit.
            unsafe { dealloc(self.first.as_ptr().cast(), layout) }
        }
    }
}

/// The model checker's atomics are more than bytes: they are made and dropped one by one.
#[cfg(loom)]
impl<T> Slots<T> {
    fn enter_model(&self) {
        for index in 0..self.len {
            let slot = Slot {
                stamp: AtomicUsize::new(0),
                item: Place::empty(),
            };
            // SAFETY: inside the allocation, which nobody else knows yet. Leaned on by the models.
            unsafe { self.first.add(index).write(slot) }
        }
    }

    fn leave_model(&self) {
        for index in 0..self.len {
            // SAFETY: made in `enter_model`, dropped once and not used any more. Leaned on by the models.
            unsafe { self.first.add(index).drop_in_place() }
        }
    }
}
