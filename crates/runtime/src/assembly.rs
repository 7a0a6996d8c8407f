//! Every queue of a job, opened before any task exists.

use std::collections::HashMap;

use descriptor_core::{Error, ErrorKind, QueueId};
use task::host::OpenQueue;

/// The open queues of a job by their ids.
#[derive(Default)]
pub(crate) struct OpenQueues {
    queues: HashMap<QueueId, OpenQueue>,
    // In the order of opening, which is that of the plan.
    order: Vec<QueueId>,
}

impl OpenQueues {
    pub(crate) fn insert(&mut self, queue: OpenQueue) {
        let id = queue.record().queue_id.clone();
        self.order.push(id.clone());
        self.queues.insert(id, queue);
    }

    pub(crate) fn get(&self, id: &QueueId) -> Result<&OpenQueue, Error> {
        self.queues.get(id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "connect")
                .queue(id.as_str())
                .expected("a queue that was opened with the job")
                .remedy("rebuild the plan")
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &OpenQueue> {
        self.order.iter().filter_map(|id| self.queues.get(id))
    }

    /// Ends the queues of this process alone, or those that it shares, so that nobody waits on one any more.
    pub(crate) fn close(&self, far: bool) {
        for queue in self.iter().filter(|queue| queue.far == far) {
            queue.core().close();
        }
    }
}
