//! Opening a `rpc` queue.

use std::sync::Arc;

use descriptor_core::{DynQueue, Error, ErrorKind, Open, QueueId, Wire};

use crate::{RpcAdmin, RpcQueue, RpcSpec};

impl<T: Wire> Open<T> for RpcSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(RpcQueue::open(id, self)?))
    }

    fn remove(&self, id: &QueueId) -> Result<(), Error> {
        match RpcAdmin::connect(self)?.delete(id) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}
