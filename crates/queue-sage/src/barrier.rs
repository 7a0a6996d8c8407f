//! A barrier that costs the item path nothing.
//!
//! Every put and every get asks "is anybody asleep?" after its change, and needs a full barrier between the two, which
//! costs more than the rest of the operation. Sleeping is rare and slow anyway, so the sleeper pays for both:
//! `membarrier(2)` makes every running thread of the process execute a full barrier. Where the kernel refuses it, both
//! sides use the portable fence.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence};

use descriptor_core::wait::Barrier;

use crate::sync::fence;

/// True while the kernel does barriers for us. Set before the first ring exists; cleared only if it stops.
static EXPEDITED: AtomicBool = AtomicBool::new(false);

/// `membarrier(2)` on the sleeper's side where the kernel offers it, a fence on both sides elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Asymmetric;

impl Asymmetric {
    /// Registers the process with the kernel, once.
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
        // Decided before the first sleep, whoever made the list; so no notifier relies on a barrier that nobody sends.
        Self::prepare();
        fence(Ordering::SeqCst);
        if EXPEDITED.load(Ordering::Relaxed) && !membarrier::everywhere() {
            // Forbidden since the registration, by a filter of system calls for example. From here on notifiers fence;
            // those that are in the middle of a change are given the time to finish it.
            EXPEDITED.store(false, Ordering::SeqCst);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

// Neither interpreter nor model checker knows the system call: there both sides use the fence.
#[cfg(all(target_os = "linux", not(miri), not(loom)))]
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

    /// False when the kernel no longer does it.
    pub(super) fn everywhere() -> bool {
        // A registration belongs to the address space; a process that lost it registers again.
        call(PRIVATE_EXPEDITED) || (call(REGISTER_PRIVATE_EXPEDITED) && call(PRIVATE_EXPEDITED))
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(loom))))]
mod membarrier {
    pub(super) fn register() -> bool {
        false
    }
    pub(super) fn everywhere() -> bool {
        false
    }
}
