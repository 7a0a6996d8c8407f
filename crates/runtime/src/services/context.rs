//! What the code of a service sees of the runtime.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{DescriptorPool, DescriptorRecord, Error, QueueId, Wait, Wire};
use service::{Call, CallId, ServiceClient};
use task::host::Caller;

use crate::{Instance, ServiceHandle};

/// One worker of a service while it works on a request: who it is, whether anybody still waits, what it may ask.
///
/// It never leaves its thread. What travels between processes is the plan.
pub struct ServiceContext<'a, Resp: Wire> {
    pub(super) at: &'a At,
    pub(super) call: &'a mut Call<Resp>,
}

/// What is the same for all requests of a worker.
#[derive(Debug)]
pub(crate) struct At {
    pub(super) instance: Instance,
    pub(super) input: DescriptorRecord,
    pub(super) pool: Arc<DescriptorPool>,
    pub(super) caller: Caller,
}

impl<Resp: Wire> ServiceContext<'_, Resp> {
    /// Which worker this is; `node` is the name of the service.
    #[must_use]
    pub const fn instance(&self) -> &Instance {
        &self.at.instance
    }

    /// Which call it works on.
    #[must_use]
    pub const fn call_id(&self) -> CallId {
        self.call.id()
    }

    /// True once nobody waits for the answer any more: the caller has given up, its deadline has passed, or the job is
    /// being aborted. Long work should look from time to time.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.call.is_cancelled()
    }

    /// How much time the caller has left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.call.time_left()
    }

    /// Sends one part of the answer, for services that answer [in parts](crate::Flow::service_in_parts). It waits while the
    /// caller leaves too many unread.
    ///
    /// # Errors
    /// `Cancelled` once nobody waits for it: return it with `?`.
    pub fn send(&mut self, part: Resp) -> Result<(), Error> {
        self.call.send(part)
    }

    /// Calls another service of the job, or this one; the call ends with the deadline of the request at hand.
    ///
    /// # Errors
    /// As [`ServiceClient::call`]; `NotFound` and `TypeMismatch` for a name without a service like that.
    pub fn call_service<Q: Wire, A: Wire>(
        &self,
        service: &ServiceHandle<Q, A>,
        request: Q,
        wait: Wait,
    ) -> Result<A, Error> {
        self.at.caller.call(service, request, wait)
    }

    /// A client of another service of the job, or of this one.
    ///
    /// # Errors
    /// `NotFound` and `TypeMismatch` for a name without a service like that.
    pub fn service<Q: Wire, A: Wire>(&self, service: &ServiceHandle<Q, A>) -> Result<ServiceClient<Q, A>, Error> {
        self.at.caller.client(service)
    }

    /// The descriptor of the request queue.
    #[doc(alias = "get_request_queue_descriptor")]
    #[must_use]
    pub const fn input_descriptor(&self) -> &DescriptorRecord {
        &self.at.input
    }

    /// The descriptor of the queue where this worker gets the answers of other services.
    #[doc(alias = "get_response_queue_descriptor")]
    #[must_use]
    pub fn response_descriptor(&self) -> Option<&DescriptorRecord> {
        self.at.caller.response()
    }

    /// The descriptor of a queue of the job.
    #[doc(alias = "get_queue_descriptor")]
    #[must_use]
    pub fn queue_descriptor(&self, id: &QueueId) -> Option<&DescriptorRecord> {
        self.at.pool.get(id)
    }

    /// The descriptors of all queues of the job.
    #[must_use]
    pub fn pool(&self) -> &DescriptorPool {
        &self.at.pool
    }
}

impl<Resp: Wire> fmt::Debug for ServiceContext<'_, Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceContext")
            .field("instance", &self.at.instance)
            .field("call", &self.call)
            .finish_non_exhaustive()
    }
}
