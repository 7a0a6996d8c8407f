//! An open queue that has forgotten what it holds.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use descriptor_core::{DescriptorRecord, DynQueue, Error, ErrorKind, Item, Queue, QueueCore};
use router::{Envelope, Event, LoadMeter, StopSignal, UpstreamId};

use crate::Data;
use crate::shortcut::shortcut;

/// One open queue that has forgotten its item type and can be asked for it.
pub struct OpenQueue {
    record: Arc<DescriptorRecord>,
    meter: LoadMeter,
    core: Arc<dyn QueueCore>,
    typed: Box<dyn Any + Send + Sync>,
    clear: Box<dyn Fn() -> BTreeMap<UpstreamId, u64> + Send + Sync>,
    end: Box<dyn Fn(UpstreamId, StopSignal) + Send + Sync>,
    item: &'static str,
    /// Other processes use it as well.
    pub far: bool,
}

impl OpenQueue {
    /// The input queue of an instance that takes `T`.
    pub fn new<T: Data>(record: DescriptorRecord, queue: DynQueue<Envelope<T>>) -> Self {
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

    /// The input queue of an instance of this process that other processes send to as well. What its neighbours send stays in
    /// the process, where a put is never repeated: that takes the packets themselves.
    pub fn shared<T: Data>(record: DescriptorRecord, queue: DynQueue<Envelope<T>>) -> Self {
        let caps = queue.caps();
        let is_final = caps.stored && !caps.dedup;
        Self {
            far: true,
            ..Self::new(record, if is_final { shortcut(queue) } else { queue })
        }
    }

    /// Its descriptor.
    #[must_use]
    pub const fn record(&self) -> &Arc<DescriptorRecord> {
        &self.record
    }

    /// Its load, for all that send there.
    #[must_use]
    pub const fn meter(&self) -> &LoadMeter {
        &self.meter
    }

    /// The queue without its item type.
    #[must_use]
    pub const fn core(&self) -> &Arc<dyn QueueCore> {
        &self.core
    }

    /// Empties the queue and says how many packets of each sender were inside.
    pub fn clear(&self) -> BTreeMap<UpstreamId, u64> {
        (self.clear)()
    }

    /// Ends a connection in place of its sender, where there is room.
    pub fn end(&self, from: UpstreamId, stop: StopSignal) {
        (self.end)(from, stop);
    }

    /// The queue with its item type.
    ///
    /// # Errors
    /// `TypeMismatch` when it holds something else.
    pub fn queue<T: Item>(&self) -> Result<DynQueue<T>, Error> {
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

impl fmt::Debug for OpenQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenQueue")
            .field("record", &self.record)
            .field("item", &self.item)
            .field("far", &self.far)
            .finish_non_exhaustive()
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
