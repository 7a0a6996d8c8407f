//! Every queue of a job, opened before any task exists.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use descriptor_core::{DescriptorRecord, DynQueue, Error, ErrorKind, Item, Queue, QueueCore, QueueId};
use router::{Envelope, Event, LoadMeter, StopSignal, UpstreamId};

use crate::Data;

/// One open queue that has forgotten its item type and can be asked for it.
pub(crate) struct OpenQueue {
    record: Arc<DescriptorRecord>,
    meter: LoadMeter,
    core: Arc<dyn QueueCore>,
    typed: Box<dyn Any + Send + Sync>,
    clear: Box<dyn Fn() -> BTreeMap<UpstreamId, u64> + Send + Sync>,
    end: Box<dyn Fn(UpstreamId, StopSignal) + Send + Sync>,
    item: &'static str,
    /// Other processes use it as well.
    pub(crate) far: bool,
}

impl OpenQueue {
    pub(crate) fn new<T: Data>(record: DescriptorRecord, queue: DynQueue<Envelope<T>>) -> Self {
        let (inside, behind) = (Arc::clone(&queue), Arc::clone(&queue));
        let core: Arc<dyn QueueCore> = Arc::<dyn Queue<Envelope<T>>>::clone(&queue);
        Self {
            record: Arc::new(record),
            meter: LoadMeter::new(Arc::clone(&core)),
            core,
            clear: Box::new(move || clear(inside.as_ref())),
            end: Box::new(move |from, stop| {
                // Where a put is only accepted, it would wait in front of a full queue, and the end of the queue behind it.
                if behind.caps().stored {
                    let event = Event::Stop(Box::new(stop));
                    let _ = behind.try_put(Envelope { from, event });
                }
            }),
            typed: Box::new(queue),
            item: std::any::type_name::<Envelope<T>>(),
            far: false,
        }
    }

    pub(crate) const fn record(&self) -> &Arc<DescriptorRecord> {
        &self.record
    }

    /// Its load, for all that send there.
    pub(crate) const fn meter(&self) -> &LoadMeter {
        &self.meter
    }

    pub(crate) const fn core(&self) -> &Arc<dyn QueueCore> {
        &self.core
    }

    /// Empties the queue and says how many packets of each sender were inside.
    pub(crate) fn clear(&self) -> BTreeMap<UpstreamId, u64> {
        (self.clear)()
    }

    /// Ends a connection in place of its sender, where there is room.
    pub(crate) fn end(&self, from: UpstreamId, stop: StopSignal) {
        (self.end)(from, stop);
    }

    pub(crate) fn queue<T: Item>(&self) -> Result<DynQueue<T>, Error> {
        self.typed.downcast_ref::<DynQueue<T>>().cloned().ok_or_else(|| {
            Error::new(ErrorKind::TypeMismatch, "connect")
                .queue(self.record.queue_id.as_str())
                .backend(self.record.queue_type.clone())
                .expected(format!("items of type `{}`", self.item))
                .found(format!("`{}`", std::any::type_name::<T>()))
                .remedy("connect streams of one type")
        })
    }
}

fn clear<T: Data>(queue: &dyn Queue<Envelope<T>>) -> BTreeMap<UpstreamId, u64> {
    let mut packets = BTreeMap::new();
    while let Ok(envelope) = queue.try_get() {
        let inside = envelope.event.packets() as u64;
        if inside > 0 {
            *packets.entry(envelope.from).or_default() += inside;
        }
    }
    packets
}

/// The open queues of a job by their ids.
#[derive(Default)]
pub(crate) struct OpenQueues {
    queues: HashMap<QueueId, OpenQueue>,
    // In the order of opening, which is that of the plan.
    order: Vec<QueueId>,
}

impl OpenQueues {
    pub(crate) fn insert(&mut self, queue: OpenQueue) {
        let id = queue.record.queue_id.clone();
        self.order.push(id.clone());
        self.queues.insert(id, queue);
    }

    pub(crate) fn get(&self, id: &QueueId) -> Result<&OpenQueue, Error> {
        self.queues.get(id).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, "connect")
                .queue(id.as_str())
                .expected("a queue that was opened with the job")
                .remedy("rebuild the plan")
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &OpenQueue> {
        self.order.iter().filter_map(|id| self.queues.get(id))
    }

    /// Ends the queues of this process alone, or those that it shares, so that nobody waits on one any more.
    pub(crate) fn close(&self, far: bool) {
        for queue in self.iter().filter(|queue| queue.far == far) {
            queue.core.close();
        }
    }
}
