//! What the threads of one running job, its handle and its monitor have in common.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use graph::Plan;
use router::LoadMeter;

use crate::assembly::OpenQueues;
use crate::control::{Control, Phase};
use crate::meter::TaskMeter;

/// One running job.
pub(crate) struct Shared {
    pub(crate) job: String,
    pub(crate) control: Arc<Control>,
    pub(crate) queues: OpenQueues,
    /// One per input queue, in the order of the plan.
    pub(crate) loads: Vec<LoadMeter>,
    /// One per instance, in the order of the plan, with the index of its node.
    pub(crate) meters: Vec<(usize, Arc<TaskMeter>)>,
    /// The names of the nodes.
    pub(crate) nodes: Vec<String>,
    /// How many threads there are; chained instances have none of their own.
    pub(crate) tasks: usize,
    deadline: Mutex<Option<Instant>>,
}

impl Shared {
    pub(crate) fn new(
        plan: &Plan,
        control: Arc<Control>,
        queues: OpenQueues,
        meters: Vec<Arc<TaskMeter>>,
        tasks: usize,
    ) -> Self {
        let nodes_of = plan.instances().iter().map(|instance| instance.node.index());
        Self {
            job: plan.job_name().into(),
            control,
            loads: queues
                .iter()
                .map(|queue| LoadMeter::new(Arc::clone(queue.core())))
                .collect(),
            queues,
            meters: nodes_of.zip(meters).collect(),
            nodes: plan.graph().nodes().iter().map(|node| node.name.clone()).collect(),
            tasks,
            deadline: Mutex::new(None),
        }
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
        self.control.enter(Phase::Draining);
    }

    /// Ends everything at once: closed queues wake whoever waits on one.
    pub(crate) fn abort(&self) {
        if !self.is_over() && self.control.enter(Phase::Aborting) {
            self.queues.close_all();
        }
    }

    fn is_over(&self) -> bool {
        self.control.all_ended(self.tasks)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        *self.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
