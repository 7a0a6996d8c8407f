//! A barrier that costs the item path nothing.
//!
//! Every put and every get asks "is anybody asleep?" after its change, and needs a full barrier between the two, which
//! costs more than the rest of the operation. Sleeping is rare and slow anyway, so the sleeper pays for both:
//! `membarrier(2)` makes every running thread of the process execute a full barrier. Where the kernel refuses it, both
//! sides use the portable fence.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence, fence};

use descriptor_core::wait::Barrier;

/// True once the kernel has agreed to do barriers for us. Set before the first ring exists, never cleared.
static EXPEDITED: AtomicBool = AtomicBool::new(false);

/// `membarrier(2)` on the sleeper's side where the kernel offers it, a fence on both sides elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Asymmetric;

impl Asymmetric {
    /// Registers the process with the kernel; every ring calls it before it is used.
    pub(crate) fn prepare() {
        static ONCE: OnceLock<()> = OnceLock::new();
        ONCE.get_or_init(|| EXPEDITED.store(membarrier::register(), Ordering::SeqCst));
    }
}

impl Barrier for Asymmetric {
    #[inline]
    fn notifier() {
        if EXPEDITED.load(Ordering::Relaxed) {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    fn sleeper() {
        fence(Ordering::SeqCst);
        if EXPEDITED.load(Ordering::Relaxed) {
            membarrier::everywhere();
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod membarrier {
    // From linux/membarrier.h.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn call(command: libc::c_int) -> bool {
        // SAFETY: membarrier(2) takes three integers and touches no memory of ours.
        // Leaned on by the wake-up clauses of the conformance kit.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    pub(super) fn register() -> bool {
        // The second call proves that the kernel not only knows the command but obeys it.
        call(REGISTER_PRIVATE_EXPEDITED) && call(PRIVATE_EXPEDITED)
    }

    pub(super) fn everywhere() {
        // A registration belongs to the address space; a process that lost it registers again.
        while !call(PRIVATE_EXPEDITED) {
            call(REGISTER_PRIVATE_EXPEDITED);
            std::thread::yield_now();
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod membarrier {
    pub(super) fn register() -> bool {
        false
    }
    pub(super) fn everywhere() {}
}
