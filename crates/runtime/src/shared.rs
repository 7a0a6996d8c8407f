//! What the threads of one running job, its handle and its monitor have in common.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use graph::Plan;
use router::LoadMeter;
use task::host::{Control, Phase, Standing, TaskMeter};

use crate::NodeState;
use crate::assembly::OpenQueues;
use crate::services::Services;
use crate::workers::Team;

/// One running job.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) control: Arc<Control>,
    queues: Mutex<OpenQueues>,
    /// One per open queue, in the order of the plan.
    loads: Mutex<Vec<LoadMeter>>,
    /// One per instance, in the order of the plan.
    pub(crate) meters: Vec<Arc<TaskMeter>>,
    /// One per instance, in the order of the plan; those of one thread share theirs.
    pub(crate) standings: Vec<Arc<Standing>>,
    /// How many threads there are, and processes beside this one; chained instances have none of their own.
    pub(crate) tasks: usize,
    deadline: Mutex<Option<Instant>>,
    /// Its number when this process is a worker.
    pub(crate) worker: Option<u32>,
    /// The processes that this one coordinates.
    pub(crate) team: OnceLock<Team>,
    pub(crate) services: OnceLock<Services>,
}

impl Shared {
    pub(crate) fn new(
        plan: Plan,
        control: Arc<Control>,
        queues: OpenQueues,
        meters: Vec<Arc<TaskMeter>>,
        standings: Vec<Arc<Standing>>,
        tasks: usize,
    ) -> Self {
        let loads = queues.iter().map(|queue| queue.meter().clone());
        Self {
            plan,
            control,
            loads: Mutex::new(loads.collect()),
            queues: Mutex::new(queues),
            meters,
            standings,
            tasks,
            deadline: Mutex::new(None),
            worker: None,
            team: OnceLock::new(),
            services: OnceLock::new(),
        }
    }

    /// Lets the packets flow.
    pub(crate) fn begin(&self) {
        if let Some(team) = self.team.get() {
            team.start();
        }
        self.control.enter(Phase::Running);
    }

    /// Stops the sources. What is not out by `limit` from now is cut off; a later call can only bring the end nearer.
    /// After the end there is nothing to order.
    pub(crate) fn drain(&self, limit: Duration) {
        if self.is_over() {
            return;
        }
        if let Some(until) = Instant::now().checked_add(limit) {
            let mut deadline = self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
            *deadline = Some(deadline.map_or(until, |known| known.min(until)));
        }
        if self.control.enter(Phase::Draining)
            && let Some(team) = self.team.get()
        {
            team.drain();
        }
    }

    /// Lets all instances stand still where nothing is lost by it, or go on. False when that changes nothing.
    pub(crate) fn pause(&self, pause: bool) -> bool {
        let changed = !self.is_over() && self.control.pause(pause);
        if changed && let Some(team) = self.team.get() {
            team.pause(pause);
        }
        changed
    }

    /// By node: its state, and how often its instances were started again.
    pub(crate) fn node_states(&self) -> Vec<(NodeState, u64)> {
        let mut states: Vec<Option<(NodeState, u64)>> = vec![None; self.plan.graph().nodes().len()];
        for (instance, standing) in self.plan.instances().iter().zip(&self.standings) {
            if let Some(known) = states.get_mut(instance.node.index()) {
                let (state, restarts) = (standing.see(&self.control), standing.restarts());
                *known = Some(match *known {
                    Some((other, before)) => (Standing::of_both(state, other), before + restarts),
                    None => (state, restarts),
                });
            }
        }
        states.into_iter().map(Option::unwrap_or_default).collect()
    }

    /// Ends everything at once: closed queues wake whoever waits on one. Those that other processes use are closed once
    /// they know why.
    pub(crate) fn abort(&self) {
        if !self.is_over() && self.control.enter(Phase::Aborting) {
            self.queues().close(false);
            if let Some(services) = self.services.get() {
                services.abort();
            }
            if let Some(team) = self.team.get() {
                team.abort();
                self.close_far();
            }
        }
    }

    /// Closes the queues that the processes share, when all of them know of the abort.
    pub(crate) fn close_far(&self) {
        if self.team.get().is_none_or(Team::may_close) {
            self.queues().close(true);
            if let Some(services) = self.services.get() {
                services.abort_far();
            }
        }
    }

    pub(crate) fn sample_loads(&self, now: Instant) {
        let loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        loads.iter().for_each(|meter| meter.sample(now));
    }

    pub(crate) fn queues(&self) -> MutexGuard<'_, OpenQueues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of the queues, whoever still holds the rest: the last process out takes them away.
    pub(crate) fn release(&self) {
        let loads = std::mem::take(&mut *self.loads.lock().unwrap_or_else(PoisonError::into_inner));
        let queues = std::mem::take(&mut *self.queues());
        drop((loads, queues));
        if let Some(team) = self.team.get() {
            team.sweep();
        }
    }

    fn is_over(&self) -> bool {
        self.control.all_ended(self.tasks)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
