//! Opening a `rpc` queue.

use std::sync::Arc;

use descriptor_core::{DynQueue, Error, Open, QueueId, Wire};

use crate::{RpcQueue, RpcSpec};

impl<T: Wire> Open<T> for RpcSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(RpcQueue::open(id, self)?))
    }
}
