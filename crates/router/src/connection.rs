//! One end of an edge: where a router puts what goes to one instance.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{DescriptorRecord, DynQueue, Item};

use crate::{Envelope, LoadMeter, UpstreamId};

/// Where a connection leads, as the plan says it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionSpec {
    /// How the consumer knows this connection.
    pub from: UpstreamId,
    /// The logical edge it belongs to; every edge gets its own copy of a packet.
    pub broadcast_group: u16,
    /// The target's place among the instances of its operator, from 0.
    pub parallel_index: u32,
    /// The instance it leads to, such as `count_1`.
    pub target_name: String,
    /// What kind of operator that is, such as `reduce`.
    pub target_type: String,
    /// The input of the target that packets arrive at.
    pub target_input_index: u16,
    /// The descriptor of the target's input queue, shared by all that lead there.
    pub descriptor: Arc<DescriptorRecord>,
}

/// An open connection.
pub struct Connection<T: Item> {
    spec: ConnectionSpec,
    queue: DynQueue<Envelope<T>>,
    meter: LoadMeter,
    packing: usize,
}

impl<T: Item> Connection<T> {
    /// Joins a place in the plan with the queue it names.
    #[must_use]
    pub fn new(spec: ConnectionSpec, queue: DynQueue<Envelope<T>>) -> Self {
        let meter = LoadMeter::new(queue.clone());
        Self {
            spec,
            queue,
            meter,
            packing: 1,
        }
    }

    /// Up to so many packets that wait for one flush travel as one item of the queue; 1 unless said otherwise, and at
    /// least 1. The queue's capacity counts items, so it holds up to so many times more packets.
    #[must_use]
    pub fn packing(mut self, packets: usize) -> Self {
        self.packing = packets.max(1);
        self
    }

    /// Shares a meter of the same queue: whoever samples it gives this connection its trend. Without, the connection has one of
    /// its own.
    #[must_use]
    pub fn metered(mut self, meter: LoadMeter) -> Self {
        self.meter = meter;
        self
    }

    pub(crate) const fn pack(&self) -> usize {
        self.packing
    }

    /// Where it leads.
    #[must_use]
    pub const fn spec(&self) -> &ConnectionSpec {
        &self.spec
    }

    /// The target's input queue.
    #[must_use]
    pub const fn queue(&self) -> &DynQueue<Envelope<T>> {
        &self.queue
    }

    /// The load of the target's queue; the monitor takes a clone and samples it.
    #[must_use]
    pub const fn meter(&self) -> &LoadMeter {
        &self.meter
    }

    /// Depth over capacity of the target's queue; see [`LoadMeter::load`].
    #[must_use]
    pub fn load(&self) -> Option<f64> {
        self.meter.load()
    }

    /// Change of the load per second; see [`LoadMeter::load_trend`].
    #[must_use]
    pub fn load_trend(&self) -> f64 {
        self.meter.load_trend()
    }

    /// True when the load rises by more than 0.05 per second.
    #[must_use]
    pub fn is_load_increasing(&self) -> bool {
        self.meter.is_load_increasing()
    }

    /// True when the load falls by more than 0.05 per second.
    #[must_use]
    pub fn is_load_decreasing(&self) -> bool {
        self.meter.is_load_decreasing()
    }
}

impl<T: Item> fmt::Debug for Connection<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("spec", &self.spec)
            .field("meter", &self.meter)
            .finish_non_exhaustive()
    }
}
