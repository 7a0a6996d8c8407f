//! One attempt at a job: its threads from their making to their accounts.

use std::fmt;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use descriptor_core::DynQueue;
use task::host::{Phase, Progress, TaskAccount};

use crate::claim::Claim;
use crate::report::{JobReport, Outcome};
use crate::shared::Shared;
use crate::workers::Team;
use crate::{DeadLetter, NodeState};
use crate::{accounts, monitor};

/// How long an aborted job waits for operators that do not return before it names them and leaves them.
const GRACE: Duration = Duration::from_secs(5);

/// How long workers of an attempt that failed may take to end, when there is another one behind it.
const SHORT_GRACE: Duration = Duration::from_secs(1);
/// How often it is looked whether that time is over.
const LOOK: Duration = Duration::from_millis(100);

/// The thread of one instance and of those it calls, or one that minds the process where they run.
pub(crate) struct TaskThread {
    /// Their places in the plan and their names.
    pub(crate) instances: Vec<(usize, String)>,
    pub(crate) thread: JoinHandle<Vec<TaskAccount>>,
    /// It minds a process.
    pub(crate) minds: bool,
}

/// Everything of a job that runs, or is about to. Dropping it aborts the attempt.
pub(crate) struct Attempt {
    shared: Arc<Shared>,
    threads: Vec<TaskThread>,
    monitor: Option<JoinHandle<()>>,
    dead_letters: Option<DynQueue<DeadLetter>>,
    begun: Instant,
    // The threads hold it too: it goes with the last of them.
    claim: Arc<Claim>,
    // Makes the checkpoints.
    driver: Option<JoinHandle<()>>,
    hurries: bool,
}

/// How an attempt ended.
pub(crate) struct Ended {
    pub(crate) report: JobReport,
    /// Threads of this process have not returned: what they will do yet nobody knows.
    pub(crate) left_alone: bool,
}

impl Attempt {
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
            hurries: false,
        }
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) const fn dead_letters(&self) -> Option<&DynQueue<DeadLetter>> {
        self.dead_letters.as_ref()
    }

    /// Lets nobody wait long for the workers of an attempt that failed: there is another one behind it.
    pub(crate) const fn hurry(&mut self) {
        self.hurries = true;
    }

    /// Waits for the end and reports.
    pub(crate) fn finish(mut self) -> Ended {
        let mut failing = None;
        self.see_out(GRACE, self.hurries.then_some(LOOK), || {
            let control = &self.shared.control;
            if self.hurries && control.phase() == Phase::Aborting && control.has_failed() {
                let since = failing.get_or_insert_with(Instant::now);
                if since.elapsed() >= SHORT_GRACE
                    && let Some(team) = self.shared.team.get()
                {
                    team.end();
                }
            }
        });
        if let Some(driver) = self.driver.take() {
            let _ = driver.join();
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let (mut accounts, stuck) = self.collect(true);
        let team = self.shared.team.get();
        let in_workers = team.map_or_else(Vec::new, Team::stuck);
        let mut left_alone = stuck.len() > in_workers.len();
        let lost = team.map_or_else(Vec::new, Team::lost);
        let mut report = accounts::report(&self.shared, self.outcome(), seconds, &mut accounts, stuck, lost);
        if let Some(services) = self.shared.services.get() {
            report.services = services.end(GRACE);
            report.late_answers = services.late_answers();
            let stuck = report.services.iter().flat_map(|service| &service.stuck);
            let before = report.stuck.len();
            report.stuck.extend(stuck.map(|worker| format!("service {worker}")));
            left_alone |= report.stuck.len() > before;
        }
        report.workers = team.map_or_else(Vec::new, Team::workers);
        report.checkpoints = self.shared.control.round().map(|round| round.report());
        self.shared.release();
        Ended { report, left_alone }
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

impl Drop for Attempt {
    fn drop(&mut self) {
        // After its end nobody is left to be cut off.
        if !self.threads.is_empty() {
            self.shared.abort();
            if let Some(services) = self.shared.services.get() {
                services.abort();
            }
        }
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("job", &self.shared.plan.job_name())
            .field("claim", &self.claim)
            .finish_non_exhaustive()
    }
}
