//! A running job, and how to end it.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use descriptor_core::DynQueue;
use graph::Plan;
use serde::{Deserialize, Serialize};

use crate::claim::Claim;
use crate::control::{Phase, Progress};
use crate::dead_letter::DeadLetter;
use crate::report::{JobReport, Outcome};
use crate::shared::Shared;
use crate::standing::NodeState;
use crate::task::TaskAccount;
use crate::workers::{Team, WorkerProgress};
use crate::{accounts, monitor};

/// How long an aborted job waits for operators that do not return before it names them and leaves them.
const GRACE: Duration = Duration::from_secs(5);

/// The thread of one instance and of those it calls, or one that minds the process where they run.
pub(crate) struct TaskThread {
    /// Their places in the plan and their names.
    pub(crate) instances: Vec<(usize, String)>,
    pub(crate) thread: JoinHandle<Vec<TaskAccount>>,
    /// It minds a process.
    pub(crate) minds: bool,
}

/// A running job. Dropping the handle aborts it.
pub struct JobHandle {
    shared: Arc<Shared>,
    threads: Vec<TaskThread>,
    monitor: Option<JoinHandle<()>>,
    dead_letters: Option<DynQueue<DeadLetter>>,
    begun: Instant,
    // The threads hold it too: it goes with the last of them.
    claim: Arc<Claim>,
    // Makes the checkpoints, and has their folder.
    driver: Option<JoinHandle<()>>,
}

/// What one node has done so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeProgress {
    /// The node.
    pub node: String,
    /// Packets its operators were given.
    pub packets_in: u64,
    /// Packets its operators emitted.
    pub packets_out: u64,
    /// How far it is; of several instances, how far the one is of which there is most to say.
    pub state: NodeState,
    /// How often its instances were started again.
    pub restarts: u64,
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

    /// Lets the job stand still: sources make no more steps and operators take no more items. A step or item that has been
    /// begun is finished, and nothing is lost. The job stands still when all its nodes are
    /// [`Paused`](NodeState::Paused) or at their end.
    ///
    /// False when the job does not run, is paused already, or has been told to end. A drain or an abort ends the pause.
    #[doc(alias = "pause_job")]
    pub fn pause(&self) -> bool {
        self.shared.pause(true)
    }

    /// Lets a paused job go on where it stands. False when it is not paused.
    #[doc(alias = "continue_job")]
    pub fn resume(&self) -> bool {
        self.shared.pause(false)
    }

    /// True from [`pause`](Self::pause) until the job goes on.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.shared.control.is_paused()
    }

    /// True once the job has been told to end, or something in it failed.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.shared.control.is_stopping()
    }

    /// What every node has done so far, in the order of the plan.
    #[must_use]
    pub fn progress(&self) -> Vec<NodeProgress> {
        let plan = &self.shared.plan;
        let nodes = plan.graph().nodes().iter();
        let mut progress: Vec<_> = nodes
            .map(|node| NodeProgress {
                node: node.name.clone(),
                packets_in: 0,
                packets_out: 0,
                state: NodeState::Created,
                restarts: 0,
            })
            .collect();
        for (instance, meter) in plan.instances().iter().zip(&self.shared.meters) {
            if let Some(node) = progress.get_mut(instance.node.index()) {
                node.packets_in += meter.packets_in();
                node.packets_out += meter.packets_out();
            }
        }
        for (node, (state, restarts)) in progress.iter_mut().zip(self.shared.node_states()) {
            (node.state, node.restarts) = (state, restarts);
        }
        progress
    }

    /// How the workers of a job on processes are doing; none on threads.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerProgress> {
        self.shared.team.get().map_or_else(Vec::new, Team::workers)
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
            .field("job", &self.shared.plan.job_name())
            .finish_non_exhaustive()
    }
}

impl JobHandle {
    /// Of threads that exist; they wait until the job enters the running phase.
    pub(crate) fn new(
        shared: Arc<Shared>,
        threads: Vec<TaskThread>,
        dead_letters: Option<DynQueue<DeadLetter>>,
        claim: Arc<Claim>,
        driver: Option<JoinHandle<()>>,
    ) -> Self {
        Self {
            monitor: monitor::spawn(&shared, shared.tasks),
            shared,
            threads,
            dead_letters,
            begun: Instant::now(),
            claim,
            driver,
        }
    }

    /// Lets the packets flow.
    pub(crate) fn begin(&self) {
        self.shared.control.enter(Phase::Running);
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The plan it runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.shared.plan
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

    /// How the workers of a job on processes are doing; none on threads.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerProgress> {
        self.controller().workers()
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
    /// five seconds of an abort are named in the report and left alone; processes that do not are ended.
    #[must_use]
    pub fn wait(mut self) -> JobReport {
        self.see_out(GRACE, None, || ());
        if let Some(driver) = self.driver.take() {
            let _ = driver.join();
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let (mut accounts, stuck) = self.collect(true);
        let lost = self.shared.team.get().map_or_else(Vec::new, Team::lost);
        let mut report = accounts::report(&self.shared, self.outcome(), seconds, &mut accounts, stuck, lost);
        if let Some(services) = self.shared.services.get() {
            report.services = services.end(GRACE);
            report.late_answers = services.late_answers();
            let stuck = report.services.iter().flat_map(|service| &service.stuck);
            report.stuck.extend(stuck.map(|worker| format!("service {worker}")));
        }
        report.workers = self.shared.team.get().map_or_else(Vec::new, Team::workers);
        report.checkpoints = self.shared.control.round().map(|round| round.report());
        self.shared.release();
        report
    }

    /// Waits until every instance has ended, or has not within `grace` of an abort; looks up in between when something
    /// was ordered, and every `tick`.
    pub(crate) fn see_out(&self, grace: Duration, tick: Option<Duration>, mut look: impl FnMut()) {
        let control = &self.shared.control;
        let mut given_up = None;
        loop {
            // The deadline may come, or come nearer, while this waits; a drain wakes it to look again.
            let orders = control.orders();
            look();
            let aborting = control.phase() == Phase::Aborting;
            let until = if aborting {
                // However often it is told again to abort.
                Some(*given_up.get_or_insert_with(|| Instant::now() + grace))
            } else {
                self.shared.deadline()
            };
            let next = tick.map(|tick| Instant::now() + tick);
            let wake = [until, next].into_iter().flatten().min();
            match control.wait_change(self.shared.tasks, wake, orders) {
                Progress::AllEnded => return,
                Progress::TimeUp if until.is_none_or(|until| Instant::now() < until) => {}
                Progress::TimeUp if aborting => return,
                Progress::TimeUp => self.shared.abort(),
                Progress::Phase => {}
            }
        }
    }

    /// What every instance says it did, in the order of the plan, and the names of those that say nothing; with what is
    /// still inside their queues, and inside those that other processes use when `far`.
    pub(crate) fn collect(&mut self, far: bool) -> (Vec<TaskAccount>, Vec<String>) {
        let control = &self.shared.control;
        let mut accounts: Vec<TaskAccount> = Vec::new();
        accounts.resize_with(self.shared.plan.instances().len(), TaskAccount::default);
        let mut stuck = Vec::new();
        if let Some(team) = self.shared.team.get() {
            team.end();
        }
        for worker in std::mem::take(&mut self.threads) {
            // An instance counts as ended a moment before its thread does.
            if worker.minds || control.all_ended(self.shared.tasks) || worker.thread.is_finished() {
                let done = worker.thread.join().unwrap_or_default();
                for ((place, _), account) in worker.instances.iter().zip(done) {
                    if let Some(to) = accounts.get_mut(*place) {
                        *to = account;
                    }
                }
            } else {
                for (place, name) in worker.instances {
                    if let Some(standing) = self.shared.standings.get(place) {
                        standing.enter(NodeState::Stuck);
                    }
                    stuck.push(name);
                }
            }
        }
        stuck.extend(self.shared.team.get().map_or_else(Vec::new, Team::stuck));
        if let Some(monitor) = self.monitor.take().filter(|_| stuck.is_empty()) {
            let _ = monitor.join();
        }
        let queues = self.shared.queues();
        for (instance, account) in self.shared.plan.instances().iter().zip(&mut accounts) {
            let input = self.shared.plan.input(instance.id);
            if let Some(queue) = input.and_then(|record| queues.get(&record.queue_id).ok())
                && (far || !queue.far)
            {
                account.inside = queue.clear();
            }
        }
        drop(queues);
        (accounts, stuck)
    }

    fn outcome(&self) -> Outcome {
        let control = &self.shared.control;
        if control.has_failed() {
            return Outcome::Failed;
        }
        match control.phase() {
            Phase::Aborting => Outcome::Aborted,
            _ if !control.failures().is_empty() => Outcome::Degraded,
            Phase::Draining => Outcome::Drained,
            _ => Outcome::Finished,
        }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        // After `wait` nobody is left to be cut off.
        if !self.threads.is_empty() {
            self.shared.abort();
            if let Some(services) = self.shared.services.get() {
                services.abort();
            }
        }
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("job", &self.shared.plan.job_name())
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}
