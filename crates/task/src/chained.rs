//! The producer's end of an edge without a queue.

use descriptor_core::{DescriptorRecord, Error, ErrorKind};
use router::{
    ConnectionCounts, GroupInfo, KeyGroups, Pack, Packet, PacketPartition, Partition, RoutingInfo, TargetInfo,
    UpstreamId,
};

use crate::Data;
use crate::link::{Cut, Link};

/// Where a chained edge leads, as the plan says it.
#[derive(Debug)]
pub struct ChainSpec {
    /// What the target knows the sender by.
    pub from: UpstreamId,
    /// How packets would find their target.
    pub partition: Partition,
    /// How keys would.
    pub key_groups: KeyGroups,
    /// How many instances either side has.
    pub width: u32,
    /// The number of the target among them.
    pub parallel_index: u32,
    /// Its name.
    pub target_name: String,
    /// What its node is.
    pub target_type: String,
    /// By which of its inputs packets come.
    pub input_index: u16,
    /// The queue that there would be.
    pub descriptor: DescriptorRecord,
}

/// Packets that are handed over at once: a call for each costs more than most operators.
const RUN: usize = 64;

/// Calls the operator behind this one instead of sending to it, and counts as a router does.
pub(crate) struct Chained<T: Data> {
    link: Box<dyn Link<T>>,
    spec: ChainSpec,
    /// Emitted and not handed over.
    run: Pack<T>,
    controls: u64,
    unroutable: u64,
    cut: bool,
}

impl<T: Data> Chained<T> {
    pub(crate) fn new(link: Box<dyn Link<T>>, spec: ChainSpec) -> Self {
        Self {
            link,
            spec,
            run: Pack::new(),
            controls: 0,
            unroutable: 0,
            cut: false,
        }
    }

    #[inline(never)]
    pub(crate) fn push(&mut self, packet: Packet<T>) -> Result<(), Error> {
        let packet = packet.with_input_index(self.spec.input_index);
        if let Some(wish) = packet.partition() {
            self.admit(wish, packet.is_keyed())?;
        }
        if self.run.len() >= RUN {
            self.hand_over()?;
        }
        self.run.push(packet, RUN);
        Ok(())
    }

    /// As `push`, of a packet that need not be put together.
    #[inline(always)]
    pub(crate) fn push_as(&mut self, payload: T, like: &Packet<()>) -> Result<(), Error> {
        // What is like the packets before it is admitted as they were.
        match self.run.try_push_as(payload, like, self.spec.input_index) {
            Ok(()) => Ok(()),
            Err(payload) => self.push(like.inherit_partition_info(payload)),
        }
    }

    /// Hands over what was emitted so far.
    fn hand_over(&mut self) -> Result<(), Error> {
        if self.run.is_empty() {
            return Ok(());
        }
        let done = self.link.run(&mut self.run);
        self.run.clear();
        self.settle(done)
    }

    /// What a packet asks for itself must come to the same.
    #[cold]
    fn admit(&mut self, wish: PacketPartition, keyed: bool) -> Result<(), Error> {
        let refused = match wish {
            PacketPartition::Forward | PacketPartition::Rescale => return Ok(()),
            PacketPartition::Hash if !keyed => ("a packet with a key", "none", "put key_by before"),
            PacketPartition::LoadAware if keyed => {
                ("a packet without a key", "a keyed one", "use hash for keyed packets")
            }
            _ if self.spec.width == 1 => return Ok(()),
            _ => (
                "a packet for the next operator of its thread",
                "one that asks for another partition",
                "say chain(false) where the edge ends",
            ),
        };
        self.unroutable += 1;
        let (expected, found, remedy) = refused;
        Err(Error::new(ErrorKind::InvalidGraph, "route")
            .expected(expected)
            .found(found)
            .with("target", &self.spec.target_name)
            .remedy(remedy))
    }

    pub(crate) fn open(&mut self) -> Result<(), Error> {
        let opened = self.link.open();
        self.settle(opened)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.hand_over()?;
        let flushed = self.link.flush();
        self.settle(flushed)
    }

    pub(crate) fn watermark(&mut self, time: u64) -> Result<(), Error> {
        self.hand_over()?;
        self.controls += 1;
        let done = self.link.watermark(time);
        self.settle(done)
    }

    pub(crate) fn barrier(&mut self, number: u64) -> Result<(), Error> {
        self.hand_over()?;
        self.controls += 1;
        let done = self.link.barrier(number);
        self.settle(done)
    }

    pub(crate) fn commit_last(&mut self) -> Result<(), Error> {
        let done = self.link.commit_last();
        self.settle(done)
    }

    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        self.hand_over()?;
        self.controls += 1;
        let stopped = self.link.stop();
        self.settle(stopped)
    }

    fn settle(&mut self, done: Result<(), Cut>) -> Result<(), Error> {
        done.map_err(|cut| self.end(cut))
    }

    #[cold]
    fn end(&mut self, _: Cut) -> Error {
        self.cut = true;
        Error::new(ErrorKind::Closed, "send")
            .expected("an operator that goes on")
            .found(format!("`{}`, which has ended", self.spec.target_name))
            .remedy("return this error")
    }

    /// True once the operators behind this do not go on.
    pub(crate) const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Packets that the next operator has taken. It counts them itself: after a panic nobody comes back here.
    pub(crate) fn packets(&self) -> u64 {
        self.link.taken()
    }

    pub(crate) const fn parallel_index(&self) -> u32 {
        self.spec.parallel_index
    }

    pub(crate) fn link(&self) -> &dyn Link<T> {
        self.link.as_ref()
    }

    pub(crate) fn link_mut(&mut self) -> &mut dyn Link<T> {
        self.link.as_mut()
    }

    pub(crate) fn into_link(self) -> Box<dyn Link<T>> {
        self.link
    }

    pub(crate) fn routing_info(&self, router: &str) -> RoutingInfo {
        let spec = &self.spec;
        let packets = ConnectionCounts {
            routed: self.packets() + self.run.len() as u64,
            sent: self.packets(),
            buffered: self.run.len() as u64,
            controls: self.controls,
            ..ConnectionCounts::default()
        };
        RoutingInfo {
            router: router.to_owned(),
            groups: vec![GroupInfo {
                group: 0,
                partition: spec.partition.clone(),
                roundrobin_position: 0,
                key_groups: spec.key_groups.count(),
                unroutable: self.unroutable,
                targets: vec![TargetInfo {
                    parallel_index: spec.parallel_index,
                    from: spec.from,
                    target_name: spec.target_name.clone(),
                    target_type: spec.target_type.clone(),
                    target_input_index: spec.input_index,
                    queue_id: spec.descriptor.queue_id.clone(),
                    queue_type: spec.descriptor.queue_type.clone(),
                    load: None,
                    load_trend: 0.0,
                    packets,
                }],
            }],
        }
    }
}
