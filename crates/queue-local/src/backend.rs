//! Opening a `local` queue.

use std::sync::Arc;

use descriptor_core::{DynQueue, Error, Item, Open, QueueId};

use crate::{LocalQueue, LocalSpec};

impl<T: Item> Open<T> for LocalSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        let queue = LocalQueue::new(self.capacity).map_err(|error| error.queue(id.as_str()))?;
        Ok(Arc::new(queue))
    }
}
