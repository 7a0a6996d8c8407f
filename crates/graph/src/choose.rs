//! Asking the strategy for every queue, and checking what it answers.

use std::collections::HashSet;

use descriptor_core::{
    Caps, Choice, DescriptorRecord, EdgeRequest, Error, ErrorKind, Kind, KindInfo, QueueId, Reach, Scope,
    ServerAddress, Strategy,
};

use crate::layout::{Layout, Role, Slot};
use crate::plan::PlannedQueue;
use crate::{Code, ExecutionGraph, Place, Preflight};

impl Preflight {
    /// True when nothing stands against counting off the instances.
    pub(crate) fn allows_layout(&self) -> bool {
        !self.errors().any(|finding| {
            matches!(
                finding.code,
                Code::TooLarge
                    | Code::Parallelism
                    | Code::NoWorker
                    | Code::UnknownNode
                    | Code::BadName
                    | Code::BufferSize
            )
        })
    }
}

/// One queue per slot, at that server where it needs one. Whatever is wrong goes into `found`, once per node or service.
pub(crate) fn queues(
    graph: &ExecutionGraph,
    layout: &Layout,
    server: Option<&ServerAddress>,
    strategy: &dyn Strategy,
    kinds: &[KindInfo],
    found: &mut Preflight,
) -> Vec<PlannedQueue> {
    queues_like(graph, layout, &|_| None, server, strategy, kinds, found)
}

/// As [`queues`]; where `like` knows one, that one is taken.
pub(crate) fn queues_like(
    graph: &ExecutionGraph,
    layout: &Layout,
    like: &dyn Fn(&Slot) -> Option<PlannedQueue>,
    server: Option<&ServerAddress>,
    strategy: &dyn Strategy,
    kinds: &[KindInfo],
    found: &mut Preflight,
) -> Vec<PlannedQueue> {
    let mut reported = HashSet::new();
    let mut queues = Vec::new();
    for slot in layout.slots(graph) {
        match like(&slot).map_or_else(|| queue(&slot, server, strategy, kinds), Ok) {
            Ok(queue) => queues.push(queue),
            Err(error) => {
                let (place, name) = concerned(graph, layout, slot.role);
                // A thousand instances of one node fail alike.
                if reported.insert((place, std::mem::discriminant(&slot.role))) {
                    let code = match error.kind() {
                        ErrorKind::InvalidDescriptor | ErrorKind::TooLarge => Code::QueueParameters,
                        _ => Code::NoQueue,
                    };
                    found.error(code, place, format!("{name}: {error}"));
                }
            }
        }
    }
    queues
}

fn concerned(graph: &ExecutionGraph, layout: &Layout, role: Role) -> (Place, String) {
    match role {
        Role::Input(id) | Role::Response(id) => match layout.instances.get(id.index()) {
            Some(instance) => {
                let name = graph.name_of(instance.node);
                (Place::Node(instance.node), format!("node `{name}`"))
            }
            None => (Place::Job, "job".into()),
        },
        Role::Request(id) | Role::ServiceResponse(id, _) => {
            let name = graph.service(id).map_or("", |service| service.name.as_str());
            (Place::Service(id), format!("service `{name}`"))
        }
    }
}

fn queue(
    slot: &Slot,
    server: Option<&ServerAddress>,
    strategy: &dyn Strategy,
    kinds: &[KindInfo],
) -> Result<PlannedQueue, Error> {
    let id = QueueId::new(&slot.id)?;
    let mut request = EdgeRequest::new(id.clone(), slot.reach)
        .with_capacity(slot.capacity)
        .with_needs(needs());
    if let Some(bytes) = slot.item_bytes {
        request = request.with_item_size(bytes);
    }
    if let Some(server) = server {
        request = request.at(server.clone());
    }
    if let Some(kind) = &slot.kind {
        // Records of other names than the canonical one would not be found among `kinds`.
        request = request.forced(Kind::find(kind).map_or(kind.as_str(), |kind| kind.name));
    }
    let choice = strategy.choose(&request, kinds, &valid)?;
    check(&request, &choice.record, kinds)?;
    Ok(planned(slot, choice, kinds))
}

/// The queue of that slot as it was chosen; one that never leaves its process belongs to the worker of the slot.
pub(crate) fn planned(slot: &Slot, choice: Choice, kinds: &[KindInfo]) -> PlannedQueue {
    let Choice {
        mut record,
        reason,
        refused,
    } = choice;
    if is_process_bound(&record.queue_type, kinds) {
        record.scope = Scope::Worker(slot.worker);
    }
    PlannedQueue {
        role: slot.role,
        reach: slot.reach,
        record,
        reason,
        refused,
    }
}

/// What every queue of a job has to be: bounded, or a slow consumer takes all memory; ordered, or a stop would overtake
/// its data.
fn needs() -> Caps {
    let mut needs = Caps::default();
    needs.bounded = true;
    needs.ordered = true;
    needs
}

/// A record counts as usable when it keeps the rules and its type, if we know it, takes the parameters.
fn valid(record: &DescriptorRecord) -> Result<(), Error> {
    record.check()?;
    match Kind::find(&record.queue_type) {
        Ok(_) => Kind::canonical(record).map(|_| ()),
        Err(_) => Ok(()),
    }
}

/// Strategies come from outside; what they promise is looked at.
fn check(request: &EdgeRequest, record: &DescriptorRecord, kinds: &[KindInfo]) -> Result<(), Error> {
    valid(record)?;
    let refused = |expected: String, found: String| {
        Err(Error::new(ErrorKind::Unsupported, "check the strategy's choice")
            .queue(request.queue_id.as_str())
            .backend(record.queue_type.clone())
            .expected(expected)
            .found(found)
            .remedy("correct the strategy"))
    };
    if record.queue_id != request.queue_id {
        return refused("the queue id that was asked for".into(), record.queue_id.to_string());
    }
    let Some(kind) = kinds.iter().find(|kind| kind.kind == record.queue_type) else {
        return refused("a queue type of this program".into(), record.queue_type.clone());
    };
    if kind.reach < request.reach {
        return refused(format!("reach {}", request.reach), format!("reach {}", kind.reach));
    }
    if kind.caps.missing(request.needs).next().is_some() {
        return refused(
            format!("abilities {}", request.needs),
            format!("abilities {}", kind.caps),
        );
    }
    Ok(())
}

fn is_process_bound(kind: &str, kinds: &[KindInfo]) -> bool {
    kinds
        .iter()
        .any(|info| info.kind == kind && info.reach == Reach::Process)
}
