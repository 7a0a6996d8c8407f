//! The workers of a job, as their coordinator knows them.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crew::Member;
use descriptor_core::{Error, ErrorKind};

use super::message::Order;
use crate::report::LostWorker;

/// How long queues between processes stay open for a worker that does not answer to an abort.
const NOTICE: Duration = Duration::from_secs(1);

/// How far one worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Called,
    Ready,
    /// Knows that the job is given up.
    Aborting,
    Gone,
}

#[derive(Debug)]
struct State {
    standing: Vec<Standing>,
    refusal: Option<Error>,
    aborted: Option<Instant>,
    lost: Vec<LostWorker>,
    stuck: Vec<String>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Team {
    members: Vec<Arc<Member>>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Team {
    pub(super) fn new(members: Vec<Arc<Member>>) -> Self {
        let state = State {
            standing: vec![Standing::Called; members.len()],
            refusal: None,
            aborted: None,
            lost: Vec::new(),
            stuck: Vec::new(),
        };
        Self {
            members,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, worker: u32, standing: Standing) {
        if let Some(known) = self.lock().standing.get_mut(worker as usize) {
            *known = standing;
        }
        self.changed.notify_all();
    }

    pub(super) fn ready(&self, worker: u32) {
        self.enter(worker, Standing::Ready);
    }

    pub(super) fn aborting(&self, worker: u32) {
        self.enter(worker, Standing::Aborting);
    }

    pub(super) fn gone(&self, worker: u32) {
        self.enter(worker, Standing::Gone);
    }

    /// Why the job cannot start; the first reason counts.
    pub(super) fn refuse(&self, error: Error) {
        self.lock().refusal.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Waits until every worker is ready.
    pub(super) fn wait_ready(&self, limit: Duration) -> Result<(), Error> {
        let until = Instant::now() + limit;
        let mut state = self.lock();
        loop {
            if let Some(refusal) = state.refusal.take() {
                return Err(refusal);
            }
            let Some(late) = state.standing.iter().position(|standing| *standing != Standing::Ready) else {
                return Ok(());
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let pid = self.members.get(late).map_or(0, |member| member.pid());
                return Err(Error::new(ErrorKind::Timeout, "start job")
                    .with("worker", late)
                    .expected(format!("process {pid} to be ready within {} s", limit.as_secs()))
                    .found("no word of it")
                    .remedy("make `run` the first call of main, and let its function return soon"));
            }
            state = self
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// True before every worker was ready.
    pub(super) fn is_called(&self, worker: u32) -> bool {
        self.lock().standing.get(worker as usize) == Some(&Standing::Called)
    }

    fn order(&self, order: Order) {
        for member in &self.members {
            // One that cannot be told has ended, and whoever minds it will see.
            let _ = member.say(&order);
        }
    }

    pub(super) fn start(&self) {
        self.order(Order::Start);
    }

    pub(crate) fn drain(&self) {
        self.order(Order::Drain);
    }

    pub(crate) fn abort(&self) {
        self.lock().aborted.get_or_insert_with(Instant::now);
        self.order(Order::Abort);
    }

    /// True when the job is given up and every worker knows it, or has had the time to. A queue that was closed before
    /// would look like a fault to whoever uses it.
    pub(crate) fn may_close(&self) -> bool {
        let state = self.lock();
        let known = |standing: &Standing| matches!(standing, Standing::Aborting | Standing::Gone);
        state
            .aborted
            .is_some_and(|since| since.elapsed() >= NOTICE || state.standing.iter().all(known))
    }

    /// Ends every process that has not ended.
    pub(crate) fn end(&self) {
        let standing = self.lock().standing.clone();
        for (member, standing) in self.members.iter().zip(standing) {
            if standing != Standing::Gone {
                member.kill();
            }
        }
    }

    pub(super) fn lose(&self, lost: LostWorker) {
        self.lock().lost.push(lost);
    }

    pub(super) fn leave(&self, stuck: Vec<String>) {
        self.lock().stuck.extend(stuck);
    }

    /// Workers that ended too early.
    pub(crate) fn lost(&self) -> Vec<LostWorker> {
        let mut lost = self.lock().lost.clone();
        lost.sort_by_key(|lost| lost.worker);
        lost
    }

    /// Instances that did not return in their workers.
    pub(crate) fn stuck(&self) -> Vec<String> {
        self.lock().stuck.clone()
    }
}
