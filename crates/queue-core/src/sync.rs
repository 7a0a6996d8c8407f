//! The few things of the standard library that the waiting code stands on, in one place so that a model checker can
//! take their place.

pub(crate) use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
pub(crate) use std::sync::{Mutex, MutexGuard};
pub(crate) use std::thread::{Thread, current as thread_current, park, park_timeout};

/// Polls and pauses before the first yield: about a microsecond, the time another core needs to finish its step.
const PAUSES: u32 = 7;
/// Yields before sleeping: on a busy machine the one waited for may need this very core.
const YIELDS: u32 = 8;

/// Tries again for a moment, because a sleep and a wake-up cost tens of microseconds.
pub(crate) fn spin<R>(attempt: &mut impl FnMut() -> Option<R>) -> Option<R> {
    for round in 0..PAUSES {
        for _ in 0..1_u32 << round {
            std::hint::spin_loop();
        }
        if let Some(done) = attempt() {
            return Some(done);
        }
    }
    for _ in 0..YIELDS {
        std::thread::yield_now();
        if let Some(done) = attempt() {
            return Some(done);
        }
    }
    None
}
