//! How a side of the ring is entered: three ways, from the most general to the freest.
//!
//! [`Side`](crate::side::Side) lets any thread in. [`Sole`] has one user for good, and lets others in only to close.
//! [`Free`] has one user and nobody else, ever.

use descriptor_core::wait::Barrier;

use crate::barrier::{Asymmetric, is_available};
use crate::sync::{AtomicBool, Ordering, Pause, inside_before_owner, is_still_set, planted, seems_taken};

/// Whoever is inside is alone there, and all that was done there before happened before. Leaving is `drop`.
///
/// # Safety
/// That is so whatever threads do with the guard, or else whoever makes one is asked to see to it.
pub(crate) unsafe trait Guard {
    type Inside<'a>
    where
        Self: 'a;

    /// Waits until the caller, who uses this side, is alone there. `items` says how many went by this side so far, and is
    /// asked only inside.
    fn enter(&self, items: impl Fn() -> u64) -> Self::Inside<'_>;

    /// The short way in, if there is one right now.
    fn enter_owned(&self) -> Option<Self::Inside<'_>>;

    /// As [`enter`](Self::enter), for somebody else.
    fn intrude(&self, items: impl Fn() -> u64) -> Self::Inside<'_>;
}

/// A side with one user, who says "inside" in a word of the side. Whoever else comes takes the short way away for good,
/// as a stranger takes a [`Side`](crate::side::Side) away from its owner; the user then goes by the lock as well.
pub(crate) struct Sole {
    inside: AtomicBool,
    taken: AtomicBool,
    locked: AtomicBool,
}

/// Being inside a [`Sole`] side.
pub(crate) struct SoleInside<'a> {
    // What says so, and is cleared by leaving: the user's word or the lock.
    word: &'a AtomicBool,
}

impl Drop for SoleInside<'_> {
    #[inline]
    fn drop(&mut self) {
        let order = if planted("sole-leave-relaxed") {
            Ordering::Relaxed
        } else {
            Ordering::Release
        };
        self.word.store(false, order);
    }
}

impl Sole {
    pub(crate) fn new() -> Self {
        Self {
            inside: AtomicBool::new(false),
            // Without the kernel's barrier there is no short way.
            taken: AtomicBool::new(!is_available()),
            locked: AtomicBool::new(false),
        }
    }

    #[cold]
    fn lock(&self) -> SoleInside<'_> {
        let mut pause = Pause::new();
        while seems_taken(&self.locked) || !self.try_lock() {
            pause.pause();
        }
        SoleInside { word: &self.locked }
    }

    fn try_lock(&self) -> bool {
        let exchanged = self
            .locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        exchanged.is_ok()
    }
}

// SAFETY: who holds the lock is alone, but for the user on the short way. That way is taken away before somebody else does
// anything: of the user's "inside" before its look at `taken`, and `taken` before the look at "inside", one sees the other, as
// both have a barrier between their two steps. Once taken, it stays so. Each word is cleared by a release and acquired by who
// comes next; the user itself is one, as `Ring::for_two` asks for. Leaned on by the models of handles.
unsafe impl Guard for Sole {
    type Inside<'a> = SoleInside<'a>;

    #[inline]
    fn enter(&self, _items: impl Fn() -> u64) -> SoleInside<'_> {
        match self.enter_owned() {
            Some(inside) => inside,
            None => self.lock(),
        }
    }

    #[inline]
    fn enter_owned(&self) -> Option<SoleInside<'_>> {
        // Not a release: the word says nothing about any other side, and who waits for it waits for "outside".
        self.inside.store(true, Ordering::Relaxed);
        inside_before_owner();
        // Built first, so that the word is cleared when the short way is gone.
        let inside = SoleInside { word: &self.inside };
        (!self.taken.load(Ordering::Relaxed)).then_some(inside)
    }

    #[cold]
    fn intrude(&self, _items: impl Fn() -> u64) -> SoleInside<'_> {
        let inside = self.lock();
        if !self.taken.load(Ordering::Relaxed) {
            self.taken.store(true, Ordering::Relaxed);
            Asymmetric::everywhere();
            if !planted("sole-not-awaited") {
                let mut pause = Pause::new();
                while is_still_set(&self.inside) {
                    pause.pause();
                }
            }
        }
        inside
    }
}

/// A side with one user and nothing to guard: that there is one is promised by who made the ring.
pub(crate) struct Free;

// SAFETY: `Ring::for_two`, the only one to make a ring with it, asks for that. Leaned on by the models of handles.
unsafe impl Guard for Free {
    type Inside<'a> = ();

    #[inline]
    fn enter(&self, _items: impl Fn() -> u64) {}

    #[inline]
    fn enter_owned(&self) -> Option<()> {
        Some(())
    }

    fn intrude(&self, _items: impl Fn() -> u64) {}
}
