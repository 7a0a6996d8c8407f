//! How far a worker has come, between its main thread and the one that listens to the coordinator.

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use super::broom::Broom;
use crate::shared::Shared;

/// See the module.
#[derive(Default)]
pub(super) struct Course {
    line: Mutex<Line>,
    changed: Condvar,
    /// Its part of the job, once it is ready; one that is over already when it could not do it.
    pub(super) running: OnceLock<Weak<Shared>>,
    broom: OnceLock<Broom>,
}

/// What was heard.
#[derive(Debug, Default)]
struct Line {
    /// The coordinator has opened the queues: others may.
    open: bool,
    /// Nothing more will come. In order, when the coordinator has said so itself.
    over: Option<Over>,
    /// The main thread knows that it is not needed.
    settled: bool,
}

/// Why a line is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The coordinator lives, and needs this worker no more.
    Left,
    /// It has ended.
    Dead,
}

impl Course {
    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queues may be opened.
    pub(super) fn open(&self) {
        self.lock().open = true;
        self.changed.notify_all();
    }

    /// Nothing more will be heard; the first reason counts.
    pub(super) fn end(&self, over: Over) {
        self.lock().over.get_or_insert(over);
        self.changed.notify_all();
    }

    /// Waits until the queues may be opened; false when they will not be.
    pub(super) fn wait_open(&self) -> bool {
        let waited = self
            .changed
            .wait_while(self.lock(), |line| !line.open && line.over.is_none());
        waited.unwrap_or_else(PoisonError::into_inner).over.is_none()
    }

    /// Waits until nothing more will be heard.
    pub(super) fn wait_over(&self) -> Over {
        let waited = self.changed.wait_while(self.lock(), |line| line.over.is_none());
        let line = waited.unwrap_or_else(PoisonError::into_inner);
        line.over.unwrap_or(Over::Dead)
    }

    /// This is what takes the queues of the run away, should nobody else be left to do so.
    pub(super) fn has(&self, broom: Broom) {
        let _ = self.broom.set(broom);
    }

    /// Whether the coordinator is dead, and what it cannot take away is left to the workers.
    pub(super) fn is_alone(&self) -> bool {
        self.lock().over == Some(Over::Dead) && self.broom.get().is_some()
    }

    /// Takes the queues of the run away, whoever has them open: all of its workers end.
    pub(super) fn sweep(&self) {
        if let Some(broom) = self.broom.get() {
            broom.sweep();
        }
    }

    /// The worker is free for another job.
    pub(super) fn settle(&self) {
        self.lock().settled = true;
        self.changed.notify_all();
    }

    /// Waits until it is; false when it is not by then.
    pub(super) fn wait_settled(&self, until: Instant) -> bool {
        let limit = until.saturating_duration_since(Instant::now());
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), limit, |line| !line.settled);
        waited.unwrap_or_else(PoisonError::into_inner).0.settled
    }
}
