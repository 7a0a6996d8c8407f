//! What everybody who works on a job shares: is it still wanted, and who failed.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use checkpoint::Round;
use serde::{Deserialize, Serialize};

/// How far the end of a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    /// Threads exist and wait for each other.
    Starting,
    /// Packets flow.
    Running,
    /// Sources stop; what is inside still flows out.
    Draining,
    /// Queues are closed; what is inside stays behind.
    Aborting,
}

impl Phase {
    const fn from_u8(value: u8) -> Self {
        match value {
            0 => Self::Starting,
            1 => Self::Running,
            2 => Self::Draining,
            _ => Self::Aborting,
        }
    }
}

/// One failure of one instance.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The node.
    pub node: String,
    /// The instance.
    pub instance: String,
    /// What it said.
    pub message: String,
    /// Whether that was a panic.
    pub panicked: bool,
    /// The job goes on without the instance.
    pub isolated: bool,
}

#[derive(Debug, Default)]
struct Events {
    failures: Vec<Failure>,
    ended: usize,
    // How often somebody moved the phase or the deadline.
    orders: u64,
    failed_at: Option<Instant>,
}

/// Shared by the tasks of one job and by whoever watches it.
#[derive(Debug)]
pub struct Control {
    phase: AtomicU8,
    // Counts in the running phase alone: who drains or aborts wants an end.
    paused: AtomicBool,
    events: Mutex<Events>,
    changed: Condvar,
    /// Of a job with checkpoints.
    round: OnceLock<Arc<Round>>,
}

impl Control {
    pub(crate) fn new() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            paused: AtomicBool::new(false),
            events: Mutex::new(Events::default()),
            changed: Condvar::new(),
            round: OnceLock::new(),
        }
    }

    /// Before the start; with the rounds of a job with checkpoints.
    #[must_use]
    pub fn with_round(round: Option<Arc<Round>>) -> Self {
        let control = Self::new();
        if let Some(round) = round {
            let _ = control.round.set(round);
        }
        control
    }

    /// The rounds of a job with checkpoints.
    pub fn round(&self) -> Option<&Arc<Round>> {
        self.round.get()
    }

    /// How far the end has come.
    #[inline]
    pub fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Acquire))
    }

    /// Moves on; a phase is never taken back. False when it had already come that far.
    pub fn enter(&self, phase: Phase) -> bool {
        let before = self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        // Under the lock, so that nobody can look, miss the change and then sleep through the notice.
        self.lock().orders += 1;
        self.changed.notify_all();
        if phase == Phase::Aborting
            && let Some(round) = self.round.get()
        {
            round.cancel();
        }
        before < phase as u8
    }

    /// True once sources should stop.
    #[inline]
    pub fn is_stopping(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Lets everybody stop where nothing is lost by it, or go on. False when the job does not run, or did so already.
    pub fn pause(&self, pause: bool) -> bool {
        // Under the lock, as with a phase.
        let events = self.lock();
        let changed = self.phase() == Phase::Running && self.paused.swap(pause, Ordering::AcqRel) != pause;
        drop(events);
        self.changed.notify_all();
        changed
    }

    /// True while everybody is to stand still.
    #[inline]
    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed) && self.phase() == Phase::Running
    }

    /// Stands still for as long as the job is paused.
    #[cold]
    pub(crate) fn park(&self) {
        let mut events = self.lock();
        while self.is_paused() {
            events = self.changed.wait(events).unwrap_or_else(PoisonError::into_inner);
        }
        drop(events);
    }

    /// Waits until everybody may start; false when the start was called off.
    pub fn wait_for_start(&self) -> bool {
        let mut events = self.lock();
        while self.phase() == Phase::Starting {
            events = self.changed.wait(events).unwrap_or_else(PoisonError::into_inner);
        }
        drop(events);
        self.phase() < Phase::Aborting
    }

    /// Lets sources that idle look whether they are to go on.
    pub fn wake(&self) {
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Sleeps up to `limit`, less when sources should stop.
    pub(crate) fn idle(&self, limit: Duration) {
        self.idle_until(limit, || false);
    }

    /// As [`idle`](Self::idle), and no longer than until `enough`; whoever makes that true says [`wake`](Self::wake).
    pub(crate) fn idle_until(&self, limit: Duration, enough: impl Fn() -> bool) {
        let Some(until) = Instant::now().checked_add(limit) else {
            return;
        };
        let mut events = self.lock();
        while !self.is_stopping() && !enough() {
            let Some(left) = until
                .checked_duration_since(Instant::now())
                .filter(|left| !left.is_zero())
            else {
                return;
            };
            let (guard, _) = self
                .changed
                .wait_timeout(events, left)
                .unwrap_or_else(PoisonError::into_inner);
            events = guard;
        }
    }

    /// An instance has failed.
    pub fn fail(&self, failure: Failure) {
        let mut events = self.lock();
        if !failure.isolated {
            events.failed_at.get_or_insert_with(Instant::now);
        }
        events.failures.push(failure);
        drop(events);
        self.changed.notify_all();
    }

    /// One task has ended, for whatever reason.
    pub fn task_ended(&self) {
        self.lock().ended += 1;
        self.changed.notify_all();
    }

    /// True when something failed that ends the job.
    pub fn has_failed(&self) -> bool {
        self.lock().failures.iter().any(|failure| !failure.isolated)
    }

    /// When the first of those failures was noticed.
    pub fn failed_at(&self) -> Option<Instant> {
        self.lock().failed_at
    }

    /// All failures so far, in the order they were noticed.
    pub fn failures(&self) -> Vec<Failure> {
        self.lock().failures.clone()
    }

    /// True once `tasks` have ended.
    pub fn all_ended(&self, tasks: usize) -> bool {
        self.lock().ended >= tasks
    }

    /// Waits until `tasks` have ended or `until` has come.
    pub fn wait_all(&self, tasks: usize, until: Option<Instant>) -> Progress {
        self.wait(tasks, until, |_| false)
    }

    /// How often the end of the job was ordered or brought nearer.
    pub fn orders(&self) -> u64 {
        self.lock().orders
    }

    /// Waits until `tasks` have ended, `until` has come, or there are more than the `known` orders. Ask for those before
    /// looking at phase and deadline, or one that comes in between is slept through.
    pub fn wait_change(&self, tasks: usize, until: Option<Instant>, known: u64) -> Progress {
        self.wait(tasks, until, |events| events.orders != known)
    }

    fn wait(&self, tasks: usize, until: Option<Instant>, changed: impl Fn(&Events) -> bool) -> Progress {
        let mut events = self.lock();
        loop {
            if events.ended >= tasks {
                return Progress::AllEnded;
            }
            if changed(&events) {
                return Progress::Phase;
            }
            events = match until {
                None => self.changed.wait(events).unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let Some(left) = until
                        .checked_duration_since(Instant::now())
                        .filter(|left| !left.is_zero())
                    else {
                        return Progress::TimeUp;
                    };
                    self.changed
                        .wait_timeout(events, left)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a wait returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All tasks have ended.
    AllEnded,
    /// Something was ordered.
    Phase,
    /// The time is over.
    TimeUp,
}
