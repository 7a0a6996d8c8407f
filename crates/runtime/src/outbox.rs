//! The producing side of an instance: its router, and what to do when an edge does not take what it is given.

use std::any::Any;
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind, Wait};
use router::{
    Connection, ConnectionSpec, KeyGroups, Packet, Partition, Router, RoutingInfo, SendError, StopCause, StopSignal,
    TargetId, UpstreamId,
};

use crate::assembly::OpenQueue;
use crate::output::Output;
use crate::{Data, OpResult};

/// One outgoing edge of an instance.
pub(crate) struct GroupParts<'a> {
    pub(crate) number: u16,
    pub(crate) partition: Partition,
    pub(crate) key_groups: KeyGroups,
    pub(crate) targets: Vec<TargetParts<'a>>,
}

/// One connection of an outgoing edge.
pub(crate) struct TargetParts<'a> {
    pub(crate) from: UpstreamId,
    pub(crate) parallel_index: u32,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) input_index: u16,
    pub(crate) queue: &'a OpenQueue,
}

/// What one connection accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) target: TargetId,
    pub(crate) packets: u64,
}

/// The router of one instance.
pub(crate) struct Outbox<Out: Data> {
    router: Router<Out>,
    emitted: u64,
    unsent: u64,
    broken: bool,
}

impl<Out: Data> Outbox<Out> {
    pub(crate) fn new(router: Router<Out>) -> Self {
        Self {
            router,
            emitted: 0,
            unsent: 0,
            broken: false,
        }
    }

    /// Connects the instance to everything downstream.
    pub(crate) fn connect(
        name: &str,
        index: u32,
        parallelism: u32,
        groups: Vec<GroupParts<'_>>,
        outputs: &[Box<dyn Any + Send + Sync>],
    ) -> Result<Self, Error> {
        let mut builder = Router::builder(name).sender(index, parallelism);
        for (group, output) in groups.into_iter().zip(outputs) {
            let output = output.downcast_ref::<Output<Out>>().ok_or_else(|| {
                Error::new(ErrorKind::TypeMismatch, "connect")
                    .with("instance", name)
                    .expected(format!("an edge of `{}`", std::any::type_name::<Out>()))
                    .remedy("connect streams of one type")
            })?;
            let mut connections = Vec::with_capacity(group.targets.len());
            for target in group.targets {
                let spec = ConnectionSpec {
                    from: target.from,
                    broadcast_group: group.number,
                    parallel_index: target.parallel_index,
                    target_name: target.name,
                    target_type: target.kind,
                    target_input_index: target.input_index,
                    descriptor: target.queue.record().clone(),
                };
                connections.push(Connection::new(spec, (output.connector)(target.queue)?));
            }
            if let Some((name, choose)) = &output.partitioner {
                let choose = Arc::clone(choose);
                builder = builder.partitioner(&**name, move |key, packet, targets| choose(key, packet, targets));
            }
            builder = builder.edge(group.partition, group.key_groups, connections);
        }
        Ok(Self::new(builder.build()?))
    }

    #[inline]
    pub(crate) fn push(&mut self, packet: Packet<Out>) -> OpResult {
        self.emitted += 1;
        match self.router.push(packet) {
            Ok(false) => Ok(()),
            Ok(true) => self.flush(),
            Err(error) => Err(self.undelivered(error)),
        }
    }

    pub(crate) fn flush(&mut self) -> OpResult {
        if self.router.buffered() == 0 {
            return Ok(());
        }
        self.router
            .flush(Wait::Forever)
            .map_err(|error| self.undelivered(error))
    }

    pub(crate) fn watermark(&mut self, time: u64) -> OpResult {
        self.router.push_watermark(time);
        Ok(())
    }

    /// Ends the stream behind all its data.
    pub(crate) fn stop(&mut self, source: &str, cause: StopCause) -> OpResult {
        let stop = StopSignal::new(source, cause);
        self.router
            .send_stop(&stop, Wait::Forever)
            .map_err(|error| self.undelivered(error))
    }

    /// True once an edge did not take what it was given: going on would lose more.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    pub(crate) fn routing_info(&self) -> RoutingInfo {
        self.router.routing_info()
    }

    /// Packets the operator has emitted so far, each counted once however many edges it goes to.
    pub(crate) const fn emitted(&self) -> u64 {
        self.emitted
    }

    /// Gives up what is buffered and says what every connection accepted, and how many packets none did.
    pub(crate) fn account(&mut self) -> (Vec<Sent>, u64) {
        self.unsent += packets(&self.router.abandon());
        let sent = self.router.counts().map(|(target, counts)| Sent {
            target,
            packets: counts.sent,
        });
        (sent.collect(), self.unsent)
    }

    #[cold]
    fn undelivered(&mut self, error: SendError<Out>) -> crate::OpError {
        self.unsent += packets(error.undelivered());
        self.broken = true;
        Error::from(error).into()
    }
}

fn packets<T>(undelivered: &[router::Undelivered<T>]) -> u64 {
    undelivered
        .iter()
        .filter(|it| it.envelope.event.packet().is_some())
        .count() as u64
}
