//! The one thread that knows when the next lease runs out.
//!
//! Whoever waits for an item could sleep until the next lease runs out; that is not enough. A lease is often granted to
//! the one who was woken while others sleep on without a limit, so that somebody would have to be woken for every lease
//! just to fall asleep again with the right limit. A task has nobody to wake it without a runtime. And the last delivery
//! of an item must reach the queue for dead letters although nobody waits on this one. One thread for all queues of the
//! process does all three. It sleeps until the earliest moment it was asked for, is started with the first and ends with
//! the last of them: nothing runs periodically, and nothing runs while no lease can run out.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Instant;

use descriptor_core::{Error, ErrorKind};

/// A queue that wants to be told that a moment has come.
pub(crate) trait Rings: Send + Sync {
    /// The moment `at` has come; the next one it wants to be told of.
    fn ring(&self, at: Instant) -> Option<Instant>;

    /// The moment it waits for, for when `ring` panicked in something of a user.
    fn armed(&self) -> Option<Instant>;
}

struct Alarm {
    at: Instant,
    who: Weak<dyn Rings>,
}

impl PartialEq for Alarm {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Alarm {}

impl PartialOrd for Alarm {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Alarm {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

struct State {
    alarms: BinaryHeap<Reverse<Alarm>>,
    is_running: bool,
}

static CLOCK: Mutex<State> = Mutex::new(State {
    alarms: BinaryHeap::new(),
    is_running: false,
});
static EARLIER: Condvar = Condvar::new();

fn lock() -> MutexGuard<'static, State> {
    // Nothing of a user runs under the lock.
    CLOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has `who` told when `at` has come. Called under the lock of a queue, which the clock never takes under its own.
///
/// # Errors
/// `ResourceExhausted` when the system refuses the thread.
pub(crate) fn watch(at: Instant, who: Weak<dyn Rings>) -> Result<(), Error> {
    let mut state = lock();
    if !state.is_running {
        let thread = thread::Builder::new().name("lease-clock".into()).spawn(run);
        if let Err(cause) = thread {
            return Err(Error::new(ErrorKind::ResourceExhausted, "lease")
                .expected("a thread that notices when leases run out")
                .found("none to be had")
                .remedy("end some threads, or use leases without a time limit")
                .caused_by(cause));
        }
        state.is_running = true;
    }
    let is_earliest = state.alarms.peek().is_none_or(|Reverse(first)| at < first.at);
    state.alarms.push(Reverse(Alarm { at, who }));
    drop(state);
    if is_earliest {
        EARLIER.notify_one();
    }
    Ok(())
}

fn run() {
    while let Some(Alarm { at, who }) = next() {
        // What comes due may drop items, and the queue itself when its last user is gone: code of users, which must not
        // end the thread that the other queues lean on.
        let again = catch_unwind(AssertUnwindSafe(|| {
            let queue = who.upgrade()?;
            catch_unwind(AssertUnwindSafe(|| queue.ring(at))).unwrap_or_else(|_| queue.armed())
        }));
        if let Ok(Some(at)) = again {
            lock().alarms.push(Reverse(Alarm { at, who }));
        }
    }
}

/// Sleeps until an alarm is due; `None` when there are no more.
fn next() -> Option<Alarm> {
    let mut state = lock();
    loop {
        let Some(Reverse(first)) = state.alarms.peek() else {
            state.is_running = false;
            return None;
        };
        let left = first.at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return state.alarms.pop().map(|Reverse(alarm)| alarm);
        }
        state = EARLIER
            .wait_timeout(state, left)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
    }
}
