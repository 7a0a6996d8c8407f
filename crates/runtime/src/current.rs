//! The attempt that a job is at, and what has been ordered whatever attempt that is.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::control::Progress;
use crate::shared::Shared;

/// What the handle of a job, its controllers and its conductor have in common.
pub(crate) struct Current {
    state: Mutex<State>,
    changed: Condvar,
    /// A conductor sees to it: one attempt need not be the last.
    conducted: bool,
}

struct State {
    shared: Arc<Shared>,
    /// Somebody has drained or aborted the job: there is no other attempt.
    stopped: bool,
    paused: bool,
    /// An attempt runs, or is about to.
    up: bool,
    restarts: u64,
    over: bool,
}

impl Current {
    pub(crate) fn new(first: &Arc<Shared>, conducted: bool) -> Self {
        Self {
            state: Mutex::new(State {
                shared: Arc::clone(first),
                stopped: false,
                paused: false,
                up: true,
                restarts: 0,
                over: false,
            }),
            changed: Condvar::new(),
            conducted,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt at hand, or the last one.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.lock().shared)
    }

    pub(crate) fn restarts(&self) -> u64 {
        self.lock().restarts
    }

    pub(crate) fn drain(&self, limit: Duration) {
        self.stop().drain(limit);
    }

    pub(crate) fn abort(&self) {
        self.stop().abort();
    }

    /// From here on there is no other attempt.
    fn stop(&self) -> Arc<Shared> {
        let mut state = self.lock();
        state.stopped = true;
        self.changed.notify_all();
        Arc::clone(&state.shared)
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().stopped
    }

    /// Lets the job stand still or go on. Between two attempts it is the next one that begins so.
    pub(crate) fn pause(&self, pause: bool) -> bool {
        let mut state = self.lock();
        let changed = if state.up {
            state.shared.pause(pause)
        } else {
            !state.stopped && !state.over && state.paused != pause
        };
        if changed {
            state.paused = pause;
        }
        changed
    }

    pub(crate) fn is_paused(&self) -> bool {
        let state = self.lock();
        if state.up {
            state.shared.control.is_paused()
        } else {
            state.paused
        }
    }

    /// Waits until the job is over or the moment has come; true when it is.
    pub(crate) fn wait_until(&self, moment: Instant) -> bool {
        if !self.conducted {
            let shared = self.shared();
            return shared.control.wait_all(shared.tasks, Some(moment)) == Progress::AllEnded;
        }
        self.wait(moment, |state| state.over)
    }

    /// Lets a failed attempt rest before the next one; false when there must be none.
    pub(crate) fn rest(&self, pause: Duration) -> bool {
        self.lock().up = false;
        let Some(until) = Instant::now().checked_add(pause) else {
            return false;
        };
        !self.wait(until, |state| state.stopped)
    }

    fn wait(&self, moment: Instant, enough: impl Fn(&State) -> bool) -> bool {
        let mut state = self.lock();
        while !enough(&state) {
            let left = moment.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Shows the next attempt before it runs, so that an order reaches it. False when one has come already.
    pub(crate) fn show(&self, next: &Arc<Shared>) -> bool {
        let mut state = self.lock();
        state.shared = Arc::clone(next);
        !state.stopped
    }

    /// Lets the packets of the next attempt flow, unless the job is to end.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.restarts += 1;
        state.up = true;
        if state.stopped {
            state.shared.abort();
        } else {
            state.shared.begin();
            if state.paused {
                state.shared.pause(true);
            }
        }
    }

    /// The job is over.
    pub(crate) fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }
}
