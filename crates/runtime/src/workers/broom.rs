//! Taking away the queues of a run that outlive those who used them.

use std::sync::Arc;

use crew::Desk;
use descriptor_core::{Backends, DescriptorRecord, Reach, Registry};
use graph::Plan;

use crate::Job;

/// The queues of one run, and how they are taken away.
pub(super) struct Broom {
    registry: Registry<String>,
    records: Vec<DescriptorRecord>,
    desk: Option<Arc<Desk>>,
}

impl Broom {
    /// For a worker that is left when the coordinator is dead: everything that goes from process to process, and what the
    /// two had to talk to each other.
    pub(super) fn of_the_dead<B: Backends>(
        job: &Job<B>,
        plan: &Plan,
        letters: Option<DescriptorRecord>,
        desk: Option<Arc<Desk>>,
    ) -> Self {
        let far = plan.queues().iter().filter(|queue| queue.reach != Reach::Process);
        let records = far.map(|queue| queue.record.clone()).chain(letters);
        Self {
            registry: job.backends.registry(),
            records: records.collect(),
            desk,
        }
    }

    /// For the end of a job: what is at a server would stay there for ever. What is on one host goes with the last process
    /// that uses it.
    pub(super) fn of_the_server<B: Backends>(job: &Job<B>, plan: &Plan) -> Self {
        let far = plan.queues().iter().filter(|queue| queue.reach == Reach::Network);
        let far = far.filter(|_| plan.deployment().server().is_some());
        Self {
            registry: job.backends.registry(),
            records: far.map(|queue| queue.record.clone()).collect(),
            desk: None,
        }
    }

    pub(super) fn sweep(&self) {
        for record in &self.records {
            remove(&self.registry, record);
        }
        if let Some(desk) = &self.desk {
            desk.remove();
        }
    }
}

/// Takes one queue away, if that can be.
pub(super) fn remove(registry: &Registry<String>, record: &DescriptorRecord) {
    if let Err(error) = registry.remove(record) {
        tracing::debug!(queue = %record.queue_id, %error, "a queue of the job stays");
    }
}
