//! Atomics and cells of the ring, in one place so that a model checker can take their place.

use std::mem::MaybeUninit;

#[cfg(loom)]
use loom::cell::UnsafeCell;
#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(loom))]
use std::cell::UnsafeCell;
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

/// Bytes that processors move together: x86 prefetches lines of 64 in pairs, and some aarch64 cores have lines of that size.
pub(crate) const LINE: usize = 128;

/// Keeps what it holds on cache lines of its own, [`LINE`] bytes each.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Padded<T>(pub(crate) T);

impl<T> std::ops::Deref for Padded<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Room for one item, which many threads see and one at a time touches.
#[repr(transparent)]
pub(crate) struct Place<T>(UnsafeCell<MaybeUninit<T>>);

impl<T> Place<T> {
    #[cfg(loom)]
    pub(crate) fn empty() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Moves `item` in; what was there is forgotten.
    ///
    /// # Safety
    /// Nobody else may touch the place meanwhile.
    #[inline]
    pub(crate) unsafe fn fill(&self, item: T) {
        #[cfg(not(loom))]
        // SAFETY: the caller is the only one to touch it. Leaned on by the lossless clauses.
        unsafe {
            self.0.get().write(MaybeUninit::new(item));
        }
        #[cfg(loom)]
        // SAFETY: as above, and the model checker fails the model where it is not so.
        self.0.with_mut(|place| unsafe { place.write(MaybeUninit::new(item)) });
    }

    /// Moves the item out.
    ///
    /// # Safety
    /// There is an item, its writing happened before, and nobody else may touch the place meanwhile.
    #[inline]
    pub(crate) unsafe fn empty_out(&self) -> T {
        #[cfg(not(loom))]
        // SAFETY: the caller says that there is an item, and is the only one to touch it. Leaned on by the lossless
        // clauses.
        unsafe {
            self.0.get().read().assume_init()
        }
        #[cfg(loom)]
        // SAFETY: as above, and the model checker fails the model where it is not so. Taking counts as changing: two
        // takers of one item are an error even though both only read.
        self.0.with_mut(|place| unsafe { place.read().assume_init() })
    }
}

/// Keeps the compiler from looking at the owner before saying "inside". The processor is kept from it by who takes the
/// side away.
#[inline]
pub(crate) fn inside_before_owner() {
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(loom)]
    if !planted("owner-without-barrier") {
        fence(Ordering::SeqCst);
    }
}

/// About a tenth of a microsecond: what a cache line needs from one core to another.
#[inline]
pub(crate) fn pause_briefly() {
    #[cfg(not(loom))]
    for _ in 0..4 {
        std::hint::spin_loop();
    }
}

/// A look before the attempt to take a lock, which would fetch its line from who holds it. The checker may answer a look
/// with the same old value for ever, so a model goes without.
#[inline]
pub(crate) fn seems_taken(lock: &AtomicBool) -> bool {
    cfg!(not(loom)) && lock.load(Ordering::Relaxed)
}

/// What a pointer is now. The checker may answer a plain load with the same old value for ever.
#[inline]
pub(crate) fn load_latest<T>(pointer: &AtomicPtr<T>) -> *mut T {
    #[cfg(not(loom))]
    return pointer.load(Ordering::Acquire);
    #[cfg(loom)]
    {
        let none = std::ptr::null_mut();
        let exchanged = pointer.compare_exchange(none, none, Ordering::Acquire, Ordering::Acquire);
        exchanged.unwrap_or_else(|other| other)
    }
}

/// Whether a flag is set, asked again and again: see [`load_latest`].
#[inline]
pub(crate) fn is_still_set(flag: &AtomicBool) -> bool {
    #[cfg(not(loom))]
    return flag.load(Ordering::Acquire);
    #[cfg(loom)]
    return flag
        .compare_exchange(false, false, Ordering::Acquire, Ordering::Acquire)
        .is_err();
}

/// Waiting for somebody who is inside a side for a moment.
pub(crate) struct Pause {
    #[cfg(not(loom))]
    round: u32,
}

impl Pause {
    /// Rounds before the processor is given away, each twice as long as the one before. Few: who fights over a side
    /// keeps it slow for both, and who stands back lets the other work undisturbed.
    #[cfg(not(loom))]
    const ROUNDS: u32 = 3;

    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(not(loom))]
            round: 0,
        }
    }

    pub(crate) fn pause(&mut self) {
        #[cfg(loom)]
        loom::thread::yield_now();
        #[cfg(not(loom))]
        if self.round < Self::ROUNDS {
            for _ in 0..1_u32 << self.round {
                std::hint::spin_loop();
            }
            self.round += 1;
        } else {
            std::thread::yield_now();
        }
    }
}

/// How a position is stored: the items before it, or the room, come with it.
#[inline]
pub(crate) fn publish() -> Ordering {
    if planted("position-store-relaxed") {
        Ordering::Relaxed
    } else {
        Ordering::Release
    }
}

/// How the other side's position is read before a place is touched.
#[inline]
pub(crate) fn observe() -> Ordering {
    if planted("position-load-relaxed") {
        Ordering::Relaxed
    } else {
        Ordering::Acquire
    }
}

/// Whether a checker planted this fault to see that it is noticed: never outside of one.
#[cfg(not(any(loom, sage_tsan)))]
#[inline]
pub(crate) const fn planted(_fault: &str) -> bool {
    false
}

/// Whether this run plants the fault of that name.
#[cfg(any(loom, sage_tsan))]
pub(crate) fn planted(fault: &str) -> bool {
    static NAME: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    NAME.get_or_init(|| std::env::var("LOOM_MUTANT").ok()).as_deref() == Some(fault)
}
