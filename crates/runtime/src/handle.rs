//! A running job, and how to end it.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use descriptor_core::DynQueue;
use graph::Plan;
use serde::Serialize;

use crate::accounts;
use crate::claim::Claim;
use crate::control::{Phase, Progress};
use crate::dead_letter::DeadLetter;
use crate::report::{JobReport, Outcome};
use crate::shared::Shared;
use crate::task::TaskAccount;

/// How long an aborted job waits for operators that do not return before it names them and leaves them.
const GRACE: Duration = Duration::from_secs(5);

/// The thread of one instance and of those it calls.
pub(crate) struct Worker {
    /// Their places in the plan and their names.
    pub(crate) instances: Vec<(usize, String)>,
    pub(crate) thread: JoinHandle<Vec<TaskAccount>>,
}

/// A running job. Dropping the handle aborts it.
pub struct JobHandle {
    shared: Arc<Shared>,
    plan: Plan,
    workers: Vec<Worker>,
    monitor: Option<JoinHandle<()>>,
    dead_letters: Option<DynQueue<DeadLetter>>,
    begun: Instant,
    // The threads hold it too: it goes with the last of them.
    claim: Arc<Claim>,
}

/// What one node has done so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeProgress {
    /// The node.
    pub node: String,
    /// Packets its operators were given.
    pub packets_in: u64,
    /// Packets its operators emitted.
    pub packets_out: u64,
}

/// Ends a job from anywhere, such as a signal handler, and says how far it is.
#[derive(Clone)]
pub struct JobController {
    shared: Arc<Shared>,
}

impl JobController {
    /// Stops the sources and lets everything inside flow out. What is not out within `limit` is cut off; a second call
    /// can only shorten the time.
    pub fn drain(&self, limit: Duration) {
        self.shared.drain(limit);
    }

    /// Cuts the job off: what is inside stays behind and is counted.
    pub fn abort(&self) {
        self.shared.abort();
    }

    /// What every node has done so far, in the order of the plan.
    #[must_use]
    pub fn progress(&self) -> Vec<NodeProgress> {
        let mut progress: Vec<_> = self
            .shared
            .nodes
            .iter()
            .map(|node| NodeProgress {
                node: node.clone(),
                packets_in: 0,
                packets_out: 0,
            })
            .collect();
        for (node, meter) in &self.shared.meters {
            if let Some(node) = progress.get_mut(*node) {
                node.packets_in += meter.packets_in();
                node.packets_out += meter.packets_out();
            }
        }
        progress
    }

    /// True once every instance has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.wait_until(Instant::now())
    }

    /// Waits until every instance has ended or the moment has come; true when they have.
    #[must_use]
    pub fn wait_until(&self, moment: Instant) -> bool {
        self.shared.control.wait_all(self.shared.tasks, Some(moment)) == Progress::AllEnded
    }
}

impl fmt::Debug for JobController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobController")
            .field("job", &self.shared.job)
            .finish_non_exhaustive()
    }
}

impl JobHandle {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        plan: Plan,
        workers: Vec<Worker>,
        monitor: Option<JoinHandle<()>>,
        dead_letters: Option<DynQueue<DeadLetter>>,
        begun: Instant,
        claim: Arc<Claim>,
    ) -> Self {
        Self {
            shared,
            plan,
            workers,
            monitor,
            dead_letters,
            begun,
            claim,
        }
    }

    /// The plan it runs.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Something to end the job with while this handle waits for it.
    #[must_use]
    pub fn controller(&self) -> JobController {
        JobController {
            shared: Arc::clone(&self.shared),
        }
    }

    /// What every node has done so far, in the order of the plan.
    #[must_use]
    pub fn progress(&self) -> Vec<NodeProgress> {
        self.controller().progress()
    }

    /// Stops the sources and lets everything inside flow out, for at most `limit`.
    pub fn drain(&self, limit: Duration) {
        self.shared.drain(limit);
    }

    /// Cuts the job off: what is inside stays behind and is counted.
    pub fn abort(&self) {
        self.shared.abort();
    }

    /// The packets that nodes with [`ErrorPolicy::DeadLetter`](crate::ErrorPolicy) could not handle; `None` when no
    /// node has that policy. It holds 10,000; a job that overflows it fails.
    #[must_use]
    pub const fn dead_letters(&self) -> Option<&DynQueue<DeadLetter>> {
        self.dead_letters.as_ref()
    }

    /// Waits for the end and reports.
    ///
    /// It always returns: a drain that misses its deadline becomes an abort, and operators that do not return within
    /// five seconds of an abort are named in the report and left alone.
    #[must_use]
    pub fn wait(mut self) -> JobReport {
        let tasks = self.workers.len();
        let control = &self.shared.control;
        let mut given_up = None;
        loop {
            // The deadline may come, or come nearer, while this waits; a drain wakes it to look again.
            let orders = control.orders();
            let aborting = control.phase() == Phase::Aborting;
            let until = if aborting {
                // However often it is told again to abort.
                Some(*given_up.get_or_insert_with(|| Instant::now() + GRACE))
            } else {
                self.shared.deadline()
            };
            match control.wait_change(tasks, until, orders) {
                Progress::AllEnded => break,
                Progress::TimeUp if aborting => break,
                Progress::TimeUp => self.shared.abort(),
                Progress::Phase => {}
            }
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let mut accounts: Vec<TaskAccount> = Vec::new();
        accounts.resize_with(self.plan.instances().len(), TaskAccount::default);
        let mut stuck = Vec::new();
        for worker in std::mem::take(&mut self.workers) {
            // An instance counts as ended a moment before its thread does.
            if control.all_ended(tasks) || worker.thread.is_finished() {
                let done = worker.thread.join().unwrap_or_default();
                for ((place, _), account) in worker.instances.iter().zip(done) {
                    if let Some(to) = accounts.get_mut(*place) {
                        *to = account;
                    }
                }
            } else {
                stuck.extend(worker.instances.into_iter().map(|(_, name)| name));
            }
        }
        if let Some(monitor) = self.monitor.take().filter(|_| stuck.is_empty()) {
            let _ = monitor.join();
        }
        accounts::report(&self.plan, &self.shared, self.outcome(), seconds, &accounts, stuck)
    }

    fn outcome(&self) -> Outcome {
        let control = &self.shared.control;
        if !control.failures().is_empty() {
            return Outcome::Failed;
        }
        match control.phase() {
            Phase::Aborting => Outcome::Aborted,
            Phase::Draining => Outcome::Drained,
            _ => Outcome::Finished,
        }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        // After `wait` nobody is left to be cut off.
        if !self.workers.is_empty() {
            self.shared.abort();
        }
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("job", &self.shared.job)
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}
