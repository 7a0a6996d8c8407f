//! A running job, and how to end it.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use descriptor_core::{DynQueue, Error};
use graph::{Plan, RouteDiff};
use serde::{Deserialize, Serialize};

use crate::CheckpointReport;
use crate::attempt::Attempt;
use crate::conductor::{self, Again};
use crate::current::{Current, Layout};
use crate::report::JobReport;
use crate::shared::Shared;
use crate::workers::{Team, WorkerProgress};
use crate::{Attempts, DeadLetter, NodeState};

/// A running job. Dropping the handle aborts it.
pub struct JobHandle {
    current: Arc<Current>,
    /// Has the plan that the job began with.
    first: Arc<Shared>,
    runs: Runs,
    dead_letters: Option<DynQueue<DeadLetter>>,
}

/// Who sees a job to its end.
enum Runs {
    /// Whoever waits for it.
    Once(Attempt),
    /// A thread, which makes attempts until one comes to its end.
    Conducted(JoinHandle<JobReport>),
    Over,
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
    current: Arc<Current>,
}

impl JobController {
    /// Stops the sources and lets everything inside flow out. What is not out within `limit` is cut off; a second call
    /// can only shorten the time.
    pub fn drain(&self, limit: Duration) {
        self.current.drain(limit);
    }

    /// Cuts the job off: what is inside stays behind and is counted.
    pub fn abort(&self) {
        self.current.abort();
    }

    /// Lets the job stand still: sources make no more steps and operators take no more items. A step or item that has been
    /// begun is finished, and nothing is lost. The job stands still when all its nodes are
    /// [`Paused`](NodeState::Paused) or at their end.
    ///
    /// False when the job does not run, is paused already, or has been told to end. A drain or an abort ends the pause.
    #[doc(alias = "pause_job")]
    pub fn pause(&self) -> bool {
        self.current.pause(true)
    }

    /// Lets a paused job go on where it stands. False when it is not paused.
    #[doc(alias = "continue_job")]
    pub fn resume(&self) -> bool {
        self.current.pause(false)
    }

    /// True from [`pause`](Self::pause) until the job goes on.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.current.is_paused()
    }

    /// True once the job has been told to end, or something in it failed.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.current.shared().control.is_stopping()
    }

    /// What every node has done so far, in the order of the plan.
    #[must_use]
    pub fn progress(&self) -> Vec<NodeProgress> {
        let shared = self.current.shared();
        let plan = &shared.plan;
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
        for (instance, meter) in plan.instances().iter().zip(&shared.meters) {
            if let Some(node) = progress.get_mut(instance.node.index()) {
                node.packets_in += meter.packets_in();
                node.packets_out += meter.packets_out();
            }
        }
        for (node, (state, restarts)) in progress.iter_mut().zip(shared.node_states()) {
            (node.state, node.restarts) = (state, restarts);
        }
        progress
    }

    /// How the workers of a job on processes are doing, those of this attempt; none on threads.
    #[must_use]
    pub fn workers(&self) -> Vec<WorkerProgress> {
        let shared = self.current.shared();
        shared.team.get().map_or_else(Vec::new, Team::workers)
    }

    /// How often the job went back to a checkpoint and on from there, all of it.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.current.restarts()
    }

    /// What has come of the checkpoints so far; `None` for a job without.
    #[must_use]
    pub fn checkpoints(&self) -> Option<CheckpointReport> {
        let shared = self.current.shared();
        shared.control.round().map(|round| round.report())
    }

    /// Ends a worker process without a word, by SIGKILL, for its job to show what it does then. False when there is no such
    /// worker.
    #[must_use]
    pub fn kill_worker(&self, worker: u32) -> bool {
        let shared = self.current.shared();
        shared.team.get().is_some_and(|team| team.kill(worker))
    }

    /// Gives a node another number of instances, whose packets find it by their key, and returns what has moved when the job
    /// runs with them.
    ///
    /// The job makes a checkpoint at once, ends there, and goes on from it with a new plan: each key's state is where its packets
    /// go, and these keep their order. On threads the sources send nothing behind that barrier; over processes what they
    /// had sent is taken back and sent again. Sinks that do not commit see that twice then, and never on threads.
    ///
    /// ```
    /// use runtime::{Checkpoints, Deployment, Flow, SourceStep, TaskContext, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
    /// #     }
    /// # }
    /// # let folder = std::env::temp_dir().join(format!("rescale-{}", std::process::id()));
    /// let flow = Flow::new("counts", Builtin);
    /// let counts = flow
    ///     .source("numbers", 1, |_| ops::SeekSource::new(0_u64, |next, ctx: &mut TaskContext<u64>| {
    ///         ctx.emit(*next)?;
    ///         *next += 1;
    ///         Ok(SourceStep::More) // without an end
    ///     }))
    ///     .key_by("rest", |n| n % 7)
    ///     .fold("count", || 0_u64, |count, _| *count += 1, |key, count| Ok((key.decode::<u64>()?, count)))
    ///     .collect("counts");
    /// let running = flow.build(Deployment::Threads)?.checkpoints(Checkpoints::in_folder(&folder))?.start()?;
    /// let diff = running.rescale("count", 3)?;
    /// assert_eq!((diff.before, diff.after), (1, 3));
    /// while running.progress().iter().all(|node| node.packets_out < 7) {
    ///     std::thread::yield_now();
    /// }
    /// running.drain(std::time::Duration::from_secs(60));
    /// assert_eq!(running.wait().into_result()?.rescales.len(), 1);
    /// assert_eq!(counts.take().len(), 7); // each key in one place
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Unsupported` for a job without checkpoints, and for a node whose state belongs to its instance; `NotFound` and
    /// `InvalidGraph` as [`ExecutionGraph::rescaled`](graph::ExecutionGraph::rescaled) and the preflight say; `Overloaded`
    /// while the job stands still, fails or changes already, or when the checkpoint was given up; `Cancelled` when the job
    /// comes to its end. The job goes on as it was in all of these cases.
    pub fn rescale(&self, node: &str, parallelism: u32) -> Result<RouteDiff, Error> {
        self.current.rescale(node, parallelism)
    }

    /// The plan of the attempt at hand, or of the last one.
    #[must_use]
    pub fn plan(&self) -> Plan {
        self.current.shared().plan.clone()
    }

    /// True once every instance has ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.wait_until(Instant::now())
    }

    /// Waits until every instance has ended or the moment has come; true when they have.
    #[must_use]
    pub fn wait_until(&self, moment: Instant) -> bool {
        self.current.wait_until(moment)
    }
}

impl fmt::Debug for JobController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobController")
            .field("job", &self.current.shared().plan.job_name())
            .finish_non_exhaustive()
    }
}

impl JobHandle {
    /// Of a job that has one attempt.
    pub(crate) fn once(attempt: Attempt) -> Self {
        Self {
            current: Arc::new(Current::new(attempt.shared(), None)),
            first: Arc::clone(attempt.shared()),
            dead_letters: attempt.dead_letters().cloned(),
            runs: Runs::Once(attempt),
        }
    }

    /// Of a job that goes on with another attempt when one fails.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system refuses the thread that sees to it.
    pub(crate) fn conducted(
        first: Attempt,
        again: Again,
        restart: Option<Attempts>,
        layout: Layout,
    ) -> Result<Self, Error> {
        let current = Arc::new(Current::new(first.shared(), Some(layout)));
        let (shared, dead_letters) = (Arc::clone(first.shared()), first.dead_letters().cloned());
        Ok(Self {
            runs: Runs::Conducted(conductor::spawn(&current, first, again, restart)?),
            current,
            first: shared,
            dead_letters,
        })
    }

    /// Lets the packets flow.
    pub(crate) fn begin(&self) {
        self.first.begin();
    }

    /// Gives a keyed node another number of instances while the job runs; see [`JobController::rescale`].
    ///
    /// # Errors
    /// As [`JobController::rescale`].
    pub fn rescale(&self, node: &str, parallelism: u32) -> Result<RouteDiff, Error> {
        self.current.rescale(node, parallelism)
    }

    /// The plan it began with; [`JobController::plan`] has the one that it has come to.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.first.plan
    }

    /// Something to end the job with while this handle waits for it.
    #[must_use]
    pub fn controller(&self) -> JobController {
        JobController {
            current: Arc::clone(&self.current),
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
        self.current.drain(limit);
    }

    /// Cuts the job off: what is inside stays behind and is counted.
    pub fn abort(&self) {
        self.current.abort();
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
        match std::mem::replace(&mut self.runs, Runs::Over) {
            Runs::Once(attempt) => attempt.finish().report,
            Runs::Conducted(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Runs::Over => unreachable!("a handle is waited for once"),
        }
    }
}

impl Drop for JobHandle {
    fn drop(&mut self) {
        // After `wait` nobody is left to be cut off; an attempt sees to that itself.
        if let Runs::Conducted(_) = self.runs {
            self.current.abort();
        }
    }
}

impl fmt::Debug for JobHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobHandle")
            .field("job", &self.first.plan.job_name())
            .finish_non_exhaustive()
    }
}
