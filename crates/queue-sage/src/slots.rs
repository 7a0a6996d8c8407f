//! The ring's memory.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use crate::sync::{LINE, Place};

/// Places for items, a power of two of them so that a position becomes an index by masking. Zeroed memory from the
/// system is not touched before its place is used, so a large ring costs nothing until it is filled.
///
/// The first place begins a cache line, so that an item of a line's size is in one line and not in two.
pub(crate) struct Slots<T> {
    first: NonNull<Place<T>>,
    mask: usize,
    // What was allocated; the places begin less than a line behind it.
    memory: NonNull<u8>,
}

/// `count` places, and what it takes to move them to the beginning of a line. An alignment of the allocation itself would
/// cost more: memory of an unusual alignment is zeroed by hand, and so touched.
fn layout<T>(count: usize) -> Option<Layout> {
    let places = Layout::array::<Place<T>>(count).ok()?;
    match places.size() {
        0 => Some(places),
        size => Layout::from_size_align(size.checked_add(LINE - 1)?, places.align()).ok(),
    }
}

impl<T> Slots<T> {
    /// At least `len` places; `None` when the memory cannot be had.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let mask = len.max(1).checked_next_power_of_two()? - 1;
        let layout = layout::<T>(mask + 1)?;
        let (memory, first) = if layout.size() == 0 {
            (NonNull::dangling(), NonNull::dangling())
        } else {
            // SAFETY: the layout is not empty. Leaned on by the capacity clauses of the conformance kit.
            let memory = NonNull::new(unsafe { alloc_zeroed(layout) })?;
            // SAFETY: the layout has room for the places behind any way to the next line, and what is aligned for a
            // line or for more is so for a place. Leaned on by the capacity clauses of the conformance kit.
            let first = unsafe { memory.add(memory.align_offset(LINE)) };
            (memory, first.cast())
        };
        let slots = Self { first, mask, memory };
        #[cfg(loom)]
        slots.enter_model();
        Some(slots)
    }

    /// The place of the `count`th item.
    #[inline]
    pub(crate) const fn at(&self, count: usize) -> &Place<T> {
        // SAFETY: the mask keeps the index inside the allocation, which lives as long as `self`; any bytes are a valid
        // `Place`. Leaned on by every clause of the conformance kit.
        unsafe { self.first.add(count & self.mask).as_ref() }
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        #[cfg(loom)]
        self.leave_model();
        match layout::<T>(self.mask + 1) {
            // SAFETY: allocated in `new` with this very layout, freed once. Items were dropped by the ring before.
            // Leaned on by the drop clauses of the conformance kit.
            Some(layout) if layout.size() > 0 => unsafe { dealloc(self.memory.as_ptr(), layout) },
            _ => {}
        }
    }
}

/// The model checker's cells are more than bytes: they are made and dropped one by one.
#[cfg(loom)]
impl<T> Slots<T> {
    fn enter_model(&self) {
        for index in 0..=self.mask {
            // SAFETY: inside the allocation, which nobody else knows yet. Leaned on by the models.
            unsafe { self.first.add(index).write(Place::empty()) }
        }
    }

    fn leave_model(&self) {
        for index in 0..=self.mask {
            // SAFETY: made in `enter_model`, dropped once and not used any more. Leaned on by the models.
            unsafe { self.first.add(index).drop_in_place() }
        }
    }
}
