//! A context outside of any job, to drive one operator by hand.

use std::sync::Arc;

use descriptor_core::{DescriptorPool, DescriptorRecord, DropCause, DynQueue, Error, QueueId};
use router::{Connection, ConnectionSpec, Envelope, KeyGroups, Packet, Partition, Router, UpstreamId};

use crate::control::Control;
use crate::outbox::Outbox;
use crate::services::Caller;
use crate::{Data, Instance, OpResult, Operator, TaskContext};

const NAME: &str = "detached";

impl<Out: Data> TaskContext<Out> {
    /// The context of the only instance of the node `detached`, with one round-robin edge into `queue`.
    ///
    /// # Errors
    /// None, as long as the name is one that a queue and a job may have.
    #[doc(hidden)]
    pub fn detached(queue: DynQueue<Envelope<Out>>) -> Result<Self, Error> {
        let spec = ConnectionSpec {
            from: UpstreamId(0),
            broadcast_group: 0,
            parallel_index: 0,
            target_name: NAME.to_owned(),
            target_type: NAME.to_owned(),
            target_input_index: 0,
            descriptor: DescriptorRecord::new(QueueId::new(NAME)?, "local").into(),
        };
        let edge = vec![Connection::new(spec, queue)];
        let router = Router::builder(NAME)
            .edge(Partition::RoundRobin, KeyGroups::default(), edge)
            .build()?;
        let instance = Instance {
            node: NAME.to_owned(),
            name: format!("{NAME}_0"),
            index: 0,
            parallelism: 1,
        };
        let pool = Arc::new(DescriptorPool::new(NAME, 0)?);
        Ok(Self::new(
            instance,
            Outbox::new(router),
            None,
            pool,
            Caller::new(Arc::default(), None),
            Arc::new(Control::new()),
        ))
    }

    /// Lets `operator` handle `packet` as its task would.
    ///
    /// # Errors
    /// Those of the operator.
    #[doc(hidden)]
    pub fn drive<In: Data>(&mut self, operator: &mut impl Operator<In, Out>, packet: Packet<In>) -> OpResult {
        self.begin(packet.inherit_partition_info(()));
        let result = operator.process(packet, self);
        self.end();
        result
    }

    /// Packets that the operator dropped since the last call, with the causes it gave.
    #[doc(hidden)]
    pub fn drops(&mut self) -> Vec<(DropCause, u64)> {
        let mut drops = Vec::new();
        self.settle_drops(|cause, packets| drops.push((cause, packets)));
        drops
    }
}
