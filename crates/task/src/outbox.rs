//! The producing side of an instance: its router, and what to do when an edge does not take what it is given.

use std::sync::Arc;

use descriptor_core::{Error, ErrorKind, Wait};
use router::{
    Connection, ConnectionSpec, KeyGroups, Packet, Partition, Router, RoutingInfo, SendError, StopCause, StopSignal,
    TargetId, UpstreamId,
};
use serde::{Deserialize, Serialize};

use crate::chained::Chained;
use crate::control::Control;
use crate::link::Link;
use crate::open_queue::OpenQueue;
use crate::output::Output;
use crate::standing::Standing;
use crate::task::{TaskAccount, TaskParts};
use crate::{Data, Instance, OpError, OpResult};

/// One outgoing edge of an instance.
#[derive(Debug)]
pub struct GroupParts<'a> {
    /// Its number among the edges of the sender.
    pub number: u16,
    /// How packets find their target.
    pub partition: Partition,
    /// How keys do.
    pub key_groups: KeyGroups,
    /// Its connections, by the number of the target.
    pub targets: Vec<TargetParts<'a>>,
}

/// One connection of an outgoing edge.
#[derive(Debug)]
pub struct TargetParts<'a> {
    /// What the target knows the sender by.
    pub from: UpstreamId,
    /// The number of the target among the instances of its node.
    pub parallel_index: u32,
    /// Its name.
    pub name: String,
    /// What its node is.
    pub kind: String,
    /// By which of its inputs packets come.
    pub input_index: u16,
    /// How many packets one item of its queue may hold.
    pub packing: usize,
    /// Its input queue.
    pub queue: &'a OpenQueue,
}

/// What one connection accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Which one.
    pub target: TargetId,
    /// Packets.
    pub packets: u64,
}

/// Where the packets of one instance go.
pub(crate) struct Outbox<Out: Data> {
    way: Way<Out>,
    emitted: u64,
    unsent: u64,
    broken: bool,
    standing: Arc<Standing>,
    control: Arc<Control>,
}

#[allow(
    clippy::large_enum_variant,
    reason = "one per instance, and on the way of every packet"
)]
enum Way<Out: Data> {
    /// Into the queues of others.
    Router(Router<Out>),
    /// To the next operator, which this thread runs as well.
    Chain(Chained<Out>),
    /// The chain has been dropped.
    Ended,
}

impl<Out: Data> Outbox<Out> {
    pub(crate) fn new(router: Router<Out>) -> Self {
        Self::over(Way::Router(router), Arc::default(), Arc::new(Control::new()))
    }

    const fn over(way: Way<Out>, standing: Arc<Standing>, control: Arc<Control>) -> Self {
        Self {
            way,
            emitted: 0,
            unsent: 0,
            broken: false,
            standing,
            control,
        }
    }

    /// Connects the instance to everything downstream; takes groups and chain out of `parts`.
    pub(crate) fn connect(parts: &mut TaskParts<'_>) -> Result<Self, Error> {
        let name = &parts.instance.name;
        let mismatch = || {
            Error::new(ErrorKind::TypeMismatch, "connect")
                .with("instance", name)
                .expected(format!("an edge of `{}`", std::any::type_name::<Out>()))
                .remedy("connect streams of one type")
        };
        if let Some((link, spec)) = parts.chained.take() {
            let link = link.downcast::<Box<dyn Link<Out>>>().map_err(|_| mismatch())?;
            let way = Way::Chain(Chained::new(*link, spec));
            return Ok(Self::over(way, Arc::clone(&parts.standing), Arc::clone(&parts.control)));
        }
        let mut builder = Router::builder(name).sender(parts.instance.index, parts.instance.parallelism);
        for (group, output) in parts.groups.drain(..).zip(parts.outputs) {
            let output = output.downcast_ref::<Output<Out>>().ok_or_else(mismatch)?;
            let mut connections = Vec::with_capacity(group.targets.len());
            for target in group.targets {
                let spec = ConnectionSpec {
                    from: target.from,
                    broadcast_group: group.number,
                    parallel_index: target.parallel_index,
                    target_name: target.name,
                    target_type: target.kind,
                    target_input_index: target.input_index,
                    descriptor: Arc::clone(target.queue.record()),
                };
                let connection = Connection::new(spec, (output.connector)(target.queue)?);
                let connection = connection.packing(target.packing);
                connections.push(connection.metered(target.queue.meter().clone()));
            }
            if let Some((name, choose)) = &output.partitioner {
                let choose = Arc::clone(choose);
                builder = builder.partitioner(&**name, move |key, packet, targets| choose(key, packet, targets));
            }
            builder = builder.edge(group.partition, group.key_groups, connections);
        }
        let way = Way::Router(builder.build()?);
        Ok(Self::over(way, Arc::clone(&parts.standing), Arc::clone(&parts.control)))
    }

    pub(crate) fn push(&mut self, packet: Packet<Out>) -> OpResult {
        self.emitted += 1;
        match &mut self.way {
            Way::Router(router) => match router.push(packet) {
                Ok(false) => Ok(()),
                Ok(true) => self.flush(),
                Err(error) => Err(self.undelivered(error)),
            },
            Way::Chain(chain) => match chain.push(packet) {
                Ok(()) => Ok(()),
                Err(error) => Err(self.refused(error)),
            },
            Way::Ended => Err(self.ended()),
        }
    }

    /// As `push`, of a packet of `payload` with all else as `like` has it.
    #[inline(always)]
    pub(crate) fn push_as(&mut self, payload: Out, like: &Packet<()>) -> OpResult {
        if let Way::Chain(chain) = &mut self.way {
            self.emitted += 1;
            return match chain.push_as(payload, like) {
                Ok(()) => Ok(()),
                Err(error) => Err(self.refused(error)),
            };
        }
        self.route_as(payload, like)
    }

    #[inline(never)]
    fn route_as(&mut self, payload: Out, like: &Packet<()>) -> OpResult {
        let Way::Router(router) = &mut self.way else {
            return self.push(like.inherit_partition_info(payload));
        };
        self.emitted += 1;
        match router.push_as(payload, like) {
            Ok(false) => Ok(()),
            Ok(true) => self.flush(),
            Err(error) => Err(self.undelivered(error)),
        }
    }

    pub(crate) fn flush(&mut self) -> OpResult {
        match &mut self.way {
            Way::Router(router) if router.is_flushed() => Ok(()),
            Way::Router(router) => {
                // A full queue holds it here.
                self.standing.wait(true);
                let flushed = router.flush(Wait::Forever);
                if self.control.is_paused() {
                    // There is room now, and nobody asked to use it.
                    self.control.park();
                }
                self.standing.wait(false);
                flushed.map_err(|error| self.undelivered(error))
            }
            Way::Chain(chain) => chain.flush().map_err(|error| self.refused(error)),
            Way::Ended => Err(self.ended()),
        }
    }

    pub(crate) fn watermark(&mut self, time: u64) -> OpResult {
        match &mut self.way {
            Way::Router(router) => {
                router.push_watermark(time);
                Ok(())
            }
            Way::Chain(chain) => chain.watermark(time).map_err(|error| self.refused(error)),
            Way::Ended => Err(self.ended()),
        }
    }

    /// Sends a barrier behind all data, at once: whoever aligns waits for it.
    pub(crate) fn barrier(&mut self, number: u64) -> OpResult {
        match &mut self.way {
            Way::Router(router) => {
                self.standing.wait(true);
                let sent = router.send_barrier(number, Wait::Forever);
                self.standing.wait(false);
                sent.map_err(|error| self.undelivered(error))
            }
            Way::Chain(chain) => chain.barrier(number).map_err(|error| self.refused(error)),
            Way::Ended => Err(self.ended()),
        }
    }

    pub(crate) fn commit_last(&mut self) -> OpResult {
        match &mut self.way {
            Way::Chain(chain) => Ok(chain.commit_last()?),
            _ => Ok(()),
        }
    }

    /// Ends the stream behind all its data, and waits until all of it is where it belongs: this process may end next.
    pub(crate) fn stop(&mut self, source: &str, cause: StopCause) -> OpResult {
        match &mut self.way {
            Way::Router(router) => {
                let stop = StopSignal::new(source, cause);
                router
                    .send_stop(&stop, Wait::Forever)
                    .map_err(|error| self.undelivered(error))?;
                self.confirm()
            }
            Way::Chain(chain) => Ok(chain.stop()?),
            Way::Ended => Err(self.ended()),
        }
    }

    fn confirm(&mut self) -> OpResult {
        match &self.way {
            Way::Router(router) => router.confirm(Wait::Forever).map_err(|error| self.refused(error)),
            Way::Chain(_) | Way::Ended => Ok(()),
        }
    }

    /// True once an edge did not take what it was given: going on would lose more.
    pub(crate) const fn is_broken(&self) -> bool {
        self.broken
    }

    /// True once the operators that this one calls have ended early, which is no failure of its own.
    #[inline]
    pub(crate) const fn is_cut(&self) -> bool {
        match &self.way {
            Way::Router(_) => false,
            Way::Chain(chain) => chain.is_cut(),
            Way::Ended => true,
        }
    }

    pub(crate) fn routing_info(&self, instance: &Instance) -> RoutingInfo {
        match &self.way {
            Way::Router(router) => router.routing_info(),
            Way::Chain(chain) => chain.routing_info(&instance.name),
            Way::Ended => RoutingInfo {
                router: instance.name.clone(),
                groups: Vec::new(),
            },
        }
    }

    /// Packets the operator has emitted so far, each counted once however many edges it goes to.
    pub(crate) const fn emitted(&self) -> u64 {
        self.emitted
    }

    /// Gives up what is buffered and says what every connection accepted, and how many packets none did.
    pub(crate) fn account(&mut self) -> (Vec<Sent>, u64) {
        let sent = match &mut self.way {
            Way::Router(router) => {
                self.unsent += packets(&router.abandon());
                let sent = router.counts().map(|(target, counts)| Sent {
                    target,
                    packets: counts.sent,
                });
                sent.collect()
            }
            Way::Chain(chain) => {
                let (packets, parallel_index) = (chain.packets(), chain.parallel_index());
                self.unsent = self.emitted - packets;
                let target = TargetId {
                    group: 0,
                    parallel_index,
                };
                vec![Sent { target, packets }]
            }
            Way::Ended => Vec::new(),
        };
        (sent, self.unsent)
    }

    pub(crate) fn open_chain(&mut self) -> OpResult {
        match &mut self.way {
            Way::Chain(chain) => Ok(chain.open()?),
            _ => Ok(()),
        }
    }

    pub(crate) fn record_chain(&self) {
        if let Way::Chain(chain) = &self.way {
            chain.link().record();
        }
    }

    pub(crate) fn culprit(&self) -> Option<&Instance> {
        match &self.way {
            Way::Chain(chain) => chain.link().culprit(),
            _ => None,
        }
    }

    pub(crate) fn account_chain(&mut self, all: &mut Vec<TaskAccount>) {
        if let Way::Chain(chain) = &mut self.way {
            chain.link_mut().account(all);
        }
    }

    pub(crate) fn end_chain(&mut self) {
        if matches!(self.way, Way::Chain(_))
            && let Way::Chain(chain) = std::mem::replace(&mut self.way, Way::Ended)
        {
            chain.into_link().end();
        }
    }

    #[cold]
    fn refused(&mut self, error: Error) -> OpError {
        self.broken = true;
        error.into()
    }

    #[cold]
    fn ended(&mut self) -> OpError {
        self.unsent += 1;
        self.broken = true;
        Error::new(ErrorKind::Closed, "send").remedy("return this error").into()
    }

    #[cold]
    fn undelivered(&mut self, error: SendError<Out>) -> OpError {
        self.unsent += packets(error.undelivered());
        self.broken = true;
        Error::from(error).into()
    }
}

fn packets<T>(undelivered: &[router::Undelivered<T>]) -> u64 {
    let events = undelivered.iter().map(|it| &it.envelope.event);
    events.map(|event| event.packets() as u64).sum()
}
