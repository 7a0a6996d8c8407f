//! Opening a `sage_queue`.

use std::sync::Arc;

use descriptor_core::{DynQueue, Error, Item, Open, QueueId};

use crate::{SageQueue, SageSpec};

impl<T: Item> Open<T> for SageSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        let queue = SageQueue::new(self.capacity).map_err(|error| error.queue(id.as_str()))?;
        Ok(Arc::new(queue))
    }
}
