//! What follows from a graph and a deployment alone: instances, groups, and the queues that are needed.

use std::ops::Range;

use descriptor_core::Reach;
use router::{KeyGroups, Partition, UpstreamId};

use crate::deployment::Placer;
use crate::graph::Adjacency;
use crate::{Deployment, EdgeId, ExecutionGraph, InstanceId, NodeId, ServiceId};

/// One of the parallel instances of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its place among all instances of the job.
    pub id: InstanceId,
    /// Its node.
    pub node: NodeId,
    /// Its place among the instances of its node.
    #[doc(alias = "parallel_index")]
    pub index: u32,
    /// `{node}_{index}`.
    pub name: String,
    /// The worker it runs on.
    pub worker: u32,
}

/// All that one edge needs to send: a broadcast group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The edge.
    pub edge: EdgeId,
    /// The node that sends.
    pub from: NodeId,
    /// The node that receives.
    pub to: NodeId,
    /// The input port at the target.
    #[doc(alias = "target_input_index")]
    pub input_index: u16,
    /// How packets find their target.
    pub partition: Partition,
    /// The number of key groups, for a hash edge. All hash edges into one node have the same.
    pub key_groups: Option<KeyGroups>,
    pub(crate) targets: Range<u32>,
    pub(crate) senders: Range<u32>,
    pub(crate) first_upstream: u32,
}

impl Group {
    /// The instances that receive, in order. Every sender is connected with each of them, whatever the partition:
    /// a packet may ask for another one, and stops go everywhere.
    #[must_use]
    pub fn targets(&self) -> impl ExactSizeIterator<Item = InstanceId> + use<> {
        self.targets.clone().map(InstanceId::new)
    }

    /// The instances that send, in order.
    #[must_use]
    pub fn senders(&self) -> impl ExactSizeIterator<Item = InstanceId> + use<> {
        self.senders.clone().map(InstanceId::new)
    }

    /// The number of receiving instances.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.targets.end - self.targets.start
    }

    /// Who the sending instance `index` of [`from`](Self::from) is to each target; `None` if there is no such instance.
    #[must_use]
    pub const fn upstream(&self, index: u32) -> Option<UpstreamId> {
        if index < self.senders.end - self.senders.start {
            Some(UpstreamId(self.first_upstream + index))
        } else {
            None
        }
    }
}

/// What a queue is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Packets for an instance.
    Input(InstanceId),
    /// Answers of services for an instance.
    Response(InstanceId),
    /// Requests to a service.
    Request(ServiceId),
    /// Answers of other services for one worker of a service.
    ServiceResponse(ServiceId, u32),
}

/// A queue that is needed, before its type is known.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slot {
    pub(crate) role: Role,
    pub(crate) id: String,
    pub(crate) reach: Reach,
    pub(crate) capacity: usize,
    pub(crate) item_bytes: Option<usize>,
    pub(crate) kind: Option<String>,
    /// The worker a process-bound queue lives in: that of the instance which reads it.
    pub(crate) worker: u32,
}

/// Where everything of a job is. Only made for graphs whose numbers and ends passed the preflight.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub(crate) adjacency: Adjacency,
    pub(crate) instances: Vec<Instance>,
    pub(crate) groups: Vec<Group>,
    /// The instances of each node.
    pub(crate) ranges: Vec<Range<u32>>,
    /// The worker of each worker of each service.
    pub(crate) service_workers: Vec<Vec<u32>>,
    /// How far a queue between two workers has to reach.
    pub(crate) far: Reach,
}

impl Layout {
    pub(crate) fn new(graph: &ExecutionGraph, deployment: &Deployment) -> Self {
        let adjacency = graph.adjacency();
        let mut placer = Placer::new(deployment);
        let mut instances: Vec<Instance> = Vec::new();
        let mut ranges = Vec::with_capacity(graph.nodes().len());
        for (node, spec) in graph.node_ids() {
            let first = instances.len();
            let senders = forwarding(graph, &adjacency, node, &ranges);
            for index in 0..spec.parallelism {
                let beside = senders.clone().and_then(|mut senders| senders.nth(index as usize));
                let beside = beside.and_then(|sender| instances.get(sender as usize));
                let worker = placer.place(&spec.workers, index, beside.map(|sender| sender.worker));
                instances.push(Instance {
                    id: InstanceId::at(first + index as usize),
                    node,
                    index,
                    name: instance_name(&spec.name, index),
                    worker,
                });
            }
            ranges.push(first as u32..instances.len() as u32);
        }
        let service_workers = graph
            .services()
            .iter()
            .map(|spec| {
                (0..spec.parallelism)
                    .map(|index| placer.place(&spec.workers, index, None))
                    .collect()
            })
            .collect();
        let range = |node: NodeId| ranges.get(node.index()).cloned().unwrap_or_default();
        // Upstreams are counted per receiving node, so that a receiver can keep them in an array.
        let mut upstreams = vec![0; graph.nodes().len()];
        let mut groups = Vec::with_capacity(graph.edges().len());
        for (edge, ends) in graph.edge_ids() {
            let senders = range(ends.from);
            let mut first_upstream = 0;
            if let Some(count) = upstreams.get_mut(ends.to.index()) {
                first_upstream = *count;
                *count += senders.end - senders.start;
            }
            let highest = graph.node(ends.to).map_or(1, |node| node.highest_parallelism());
            groups.push(Group {
                edge,
                from: ends.from,
                to: ends.to,
                input_index: ends.spec.input_index,
                partition: ends.spec.partition.clone(),
                key_groups: ends
                    .spec
                    .partition
                    .needs_key()
                    .then(|| KeyGroups::for_parallelism(highest).unwrap_or_default()),
                targets: range(ends.to),
                senders,
                first_upstream,
            });
        }
        Self {
            adjacency,
            instances,
            groups,
            ranges,
            service_workers,
            far: deployment.reach(),
        }
    }

    pub(crate) fn group(&self, edge: EdgeId) -> Option<&Group> {
        self.groups.get(edge.index())
    }

    pub(crate) fn of_node(&self, node: NodeId) -> &[Instance] {
        let range = self.ranges.get(node.index()).cloned().unwrap_or_default();
        self.instances
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }

    /// The queues of the job: inputs in order of the instances, then, where there are services, responses in the same
    /// order, requests in order of the services, and the responses of their workers.
    pub(crate) fn slots(&self, graph: &ExecutionGraph) -> Vec<Slot> {
        let job = graph.job_name();
        let mut slots = Vec::new();
        for (node, spec) in graph.node_ids() {
            if spec.ports() == 0 {
                continue;
            }
            let senders = Spread::of(
                self.adjacency
                    .incoming(node)
                    .iter()
                    .filter_map(|edge| self.group(*edge))
                    .flat_map(|group| self.of_node(group.from))
                    .map(|instance| instance.worker),
            );
            slots.extend(self.of_node(node).iter().map(|instance| Slot {
                role: Role::Input(instance.id),
                id: format!("{job}/input_{}", instance.name),
                reach: senders.reach(instance.worker, self.far),
                capacity: spec.queue_capacity(),
                item_bytes: spec.item_bytes,
                kind: spec.queue_kind.clone(),
                worker: instance.worker,
            }));
        }
        if graph.services().is_empty() {
            return slots;
        }
        let servants = Spread::of(self.service_workers.iter().flatten().copied());
        let callers = Spread::of(
            self.instances
                .iter()
                .map(|instance| instance.worker)
                .chain(self.service_workers.iter().flatten().copied()),
        );
        let capacity = graph
            .services()
            .iter()
            .map(|service| service.buffer_size)
            .max()
            .unwrap_or(1);
        let response = |role, id, worker| Slot {
            role,
            id,
            reach: servants.reach(worker, self.far),
            capacity,
            item_bytes: None,
            kind: None,
            worker,
        };
        slots.extend(self.instances.iter().map(|instance| {
            let id = format!("{job}/service_response_{}", instance.name);
            response(Role::Response(instance.id), id, instance.worker)
        }));
        for ((i, spec), workers) in graph.services().iter().enumerate().zip(&self.service_workers) {
            let service = ServiceId::at(i);
            let worker = workers.first().copied().unwrap_or_default();
            // Several workers of a service share its request queue.
            let reach = workers
                .iter()
                .map(|worker| callers.reach(*worker, self.far))
                .max()
                .unwrap_or(Reach::Process);
            slots.push(Slot {
                role: Role::Request(service),
                id: format!("{job}/service_request_{}", spec.name),
                reach,
                capacity: spec.buffer_size,
                item_bytes: None,
                kind: spec.queue_kind.clone(),
                worker,
            });
            // A path of its own: an instance may be called like a service.
            slots.extend(workers.iter().enumerate().map(|(index, worker)| {
                let id = format!("{job}/service_response/{}_{index}", spec.name);
                response(Role::ServiceResponse(service, index as u32), id, *worker)
            }));
        }
        slots
    }
}

/// How the instances of a node are called.
pub(crate) fn instance_name(node: &str, index: u32) -> String {
    format!("{node}_{index}")
}

/// The instances, placed already, that forward to this node; its own sit beside them, so that their packets stay in the
/// process.
fn forwarding(
    graph: &ExecutionGraph,
    adjacency: &Adjacency,
    node: NodeId,
    placed: &[Range<u32>],
) -> Option<Range<u32>> {
    let edges = adjacency.incoming(node).iter().filter_map(|edge| graph.edge(*edge));
    let mut forward = edges.filter(|edge| edge.spec.partition == Partition::Forward);
    placed.get(forward.next()?.from.index()).cloned()
}

/// On which workers the other ends of a queue are.
enum Spread {
    Nowhere,
    One(u32),
    Several,
}

impl Spread {
    fn of(mut workers: impl Iterator<Item = u32>) -> Self {
        let Some(first) = workers.next() else {
            return Self::Nowhere;
        };
        if workers.all(|worker| worker == first) {
            Self::One(first)
        } else {
            Self::Several
        }
    }

    /// How far a queue with one end on `worker` has to reach, when one between workers reaches `far`.
    fn reach(&self, worker: u32, far: Reach) -> Reach {
        match self {
            Self::Nowhere => Reach::Process,
            Self::One(other) if *other == worker => Reach::Process,
            _ => far,
        }
    }
}
