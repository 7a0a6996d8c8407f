//! From queues back to descriptors.

use std::sync::Arc;

use super::Descriptor;
use crate::live::Live;
use crate::{
    DescriptorRecord, DynQueue, Error, ErrorKind, Item, KINDS, Metadata, Open, QueueCore, QueueId, QueueStats, Value,
    names,
};

/// The record of a live queue of this process, whichever handle is asked; `None` when it has no name here.
///
/// The record opens the same queue again, and carries every parameter.
#[doc(alias = "create_descriptor_from_existing_queue")]
pub fn describe<T: Item>(queue: &DynQueue<T>) -> Option<DescriptorRecord> {
    let core: Arc<dyn QueueCore> = Arc::<dyn crate::Queue<T>>::clone(queue);
    names::find(&core).map(|live| live.record.clone())
}

/// Names a queue that exists already. From here on the name leads to it like to any other queue of the process.
///
/// # Errors
/// `Unsupported` for types that are not process-bound, `InvalidDescriptor` when the type cannot have a queue of this
/// capacity, `Incompatible` when the name belongs to another queue or the queue has another name.
pub fn adopt<T: Item, S: Open<T>>(id: impl AsRef<str>, queue: DynQueue<T>) -> Result<Descriptor<S>, Error> {
    let id = QueueId::new(id)?;
    let refuse = |kind| Error::new(kind, "adopt").queue(id.as_str()).backend(S::KIND);
    if !S::is_process_bound() {
        return Err(refuse(ErrorKind::Unsupported)
            .expected("a type whose queues live in this process")
            .remedy("open it from its own descriptor, which names it everywhere"));
    }
    let core: Arc<dyn QueueCore> = Arc::<dyn crate::Queue<T>>::clone(&queue);
    if let Some(known) = names::find(&core) {
        let record = &known.record;
        if record.queue_id != id || record.queue_type != S::KIND {
            return Err(refuse(ErrorKind::Incompatible)
                .expected("a queue without a name")
                .found(format!("queue `{}` ({})", record.queue_id, record.queue_type))
                .remedy("use its descriptor, as `describe` gives it"));
        }
    }
    let descriptor = Descriptor::<S>::new(&id, S::from_metadata(&parameters::<S, T>(&queue))?)?;
    let record = descriptor.to_record();
    let live = names::open(S::KIND, &id, &record.metadata, || {
        Ok(Live::new(Arc::<dyn crate::Queue<T>>::clone(&queue), record.clone()))
    })?;
    if !Arc::ptr_eq(live.core(), &core) {
        return Err(refuse(ErrorKind::Incompatible)
            .expected("a name that is free")
            .found("one that leads to another queue")
            .remedy("choose another queue id, or evict that queue"));
    }
    descriptor.keep(live);
    Ok(descriptor)
}

/// What can be seen of a queue's parameters from outside.
fn parameters<S: Open<T>, T: Item>(queue: &DynQueue<T>) -> Metadata {
    let mut metadata = Metadata::new();
    if S::keys().iter().any(|key| key.name == "maxsize") {
        let capacity = queue.capacity().unwrap_or(0);
        metadata.insert(
            "maxsize".into(),
            Value::Int(i64::try_from(capacity).unwrap_or(i64::MAX)),
        );
    }
    metadata
}

/// Takes the queue of this record away from its name and closes it, whoever still uses it and whatever is inside; true
/// when there was one. The next to ask for the name gets a new queue.
///
/// For those who opened a queue by its record; with a descriptor at hand use its `evict`.
pub fn evict(record: &DescriptorRecord) -> bool {
    let asked = record.queue_type.as_str();
    let kind = KINDS.iter().find(|kind| kind.goes_by(asked));
    match names::remove(kind.map_or(asked, |kind| kind.name), &record.queue_id) {
        Some(live) => {
            live.core().close();
            true
        }
        None => false,
    }
}

/// A queue that lives in this process under a name, as it was at one moment.
#[derive(Clone, Debug)]
pub struct LiveQueue {
    /// What it was opened with, and where it is bound to.
    pub record: DescriptorRecord,
    /// The type of its items, as the compiler calls it.
    pub item: &'static str,
    /// Its numbers.
    pub stats: QueueStats,
}

/// Every named queue that is live in this process, by type and id. Looking keeps no queue alive.
#[must_use]
pub fn live_queues() -> Vec<LiveQueue> {
    let mut queues: Vec<LiveQueue> = names::all()
        .iter()
        .map(|live| LiveQueue {
            record: live.record.clone(),
            item: live.item_name(),
            stats: QueueStats::of(&**live.core()),
        })
        .collect();
    queues.sort_by(|a, b| {
        let key = |queue: &LiveQueue| (queue.record.queue_type.clone(), queue.record.queue_id.clone());
        key(a).cmp(&key(b))
    });
    queues
}
