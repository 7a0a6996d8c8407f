//! A barrier that costs the item path nothing.
//!
//! Every put and every get asks "is anybody asleep?" after its change, and needs a full barrier between the two, which
//! costs more than the rest of the operation. Sleeping is rare and slow, so the sleeper pays for both:
//! `membarrier(2)` makes every running thread of the process execute a full barrier. The ring's sides use the same
//! means to take a side away from its owner. Where the kernel refuses it, everybody fences.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use descriptor_core::wait::Barrier;

use crate::sync::fence;

/// `membarrier(2)` where the kernel offers it.
#[derive(Clone, Copy, Debug)]
pub struct Asymmetric;

/// True while the kernel does barriers for us; cleared only if it stops.
fn offered() -> &'static AtomicBool {
    static OFFERED: OnceLock<AtomicBool> = OnceLock::new();
    OFFERED.get_or_init(|| AtomicBool::new(membarrier::register()))
}

/// Whether the kernel does barriers for us.
pub(crate) fn is_available() -> bool {
    offered().load(Ordering::Relaxed)
}

impl Barrier for Asymmetric {
    fn is_available() -> bool {
        is_available()
    }

    fn everywhere() {
        fence(Ordering::SeqCst);
        if !membarrier::everywhere() {
            // Forbidden since the registration, by a filter of system calls for example. Nothing becomes quiet or owned
            // from here on, and what is so already comes through here once more; those in the middle of a change are
            // given the time to finish it.
            offered().store(false, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

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

/// In a model both sides fence, which is what the call stands for.
#[cfg(loom)]
mod membarrier {
    pub(super) fn register() -> bool {
        true
    }
    pub(super) fn everywhere() -> bool {
        true
    }
}

/// The interpreter and other systems do not know the call.
#[cfg(not(any(loom, all(target_os = "linux", not(miri)))))]
mod membarrier {
    pub(super) fn register() -> bool {
        false
    }
    pub(super) fn everywhere() -> bool {
        false
    }
}
