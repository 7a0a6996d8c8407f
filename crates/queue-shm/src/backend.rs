//! Opening a `shm` queue.

use std::sync::Arc;

use descriptor_core::{DynQueue, Error, Open, QueueId, Wire};

use crate::inspect::evict;
use crate::{ShmQueue, ShmSpec};

impl<T: Wire> Open<T> for ShmSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(ShmQueue::open(id, self)?))
    }

    fn remove(&self, id: &QueueId) -> Result<(), Error> {
        evict(self.name(id))
    }
}
