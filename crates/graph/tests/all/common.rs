//! Graphs that several tests need.

use descriptor_core::{Caps, DefaultStrategy, KindInfo, Reach};
use graph::{Deployment, EdgeSpec, ExecutionGraph, GraphBuilder, NodeId, NodeKind, NodeSpec, Plan, PreflightError};
use router::Partition;

pub(crate) fn kinds() -> Vec<KindInfo> {
    let mut shared = Caps::IN_PROCESS;
    shared.cross_process = true;
    vec![
        KindInfo::new("sage_queue", Reach::Process, Caps::IN_PROCESS),
        KindInfo::new("local", Reach::Process, Caps::IN_PROCESS).with_unbounded(),
        KindInfo::new("shm", Reach::Host, shared),
    ]
}

pub(crate) fn plan(graph: ExecutionGraph, deployment: Deployment) -> Result<Plan, PreflightError> {
    Plan::build(graph, deployment, &DefaultStrategy, &kinds())
}

pub(crate) fn wide(name: &str, kind: NodeKind, parallelism: u32) -> NodeSpec {
    NodeSpec {
        parallelism,
        ..NodeSpec::new(name, kind)
    }
}

/// source(2) -> filter(2) -> key_by(2) -hash-> window(2) -> sink(1).
pub(crate) fn demo() -> GraphBuilder {
    let mut job = GraphBuilder::new("demo");
    let nodes: Vec<NodeId> = [
        wide("source", NodeKind::Source, 2),
        wide("filter", NodeKind::Filter, 2),
        wide("key_by", NodeKind::KeyBy, 2),
        wide("window", NodeKind::Window, 2),
        wide("sink", NodeKind::Sink, 1),
    ]
    .into_iter()
    .map(|node| job.node(node))
    .collect();
    let partitions = [
        Partition::Forward,
        Partition::Forward,
        Partition::Hash,
        Partition::RoundRobin,
    ];
    for (ends, partition) in nodes.windows(2).zip(partitions) {
        job.edge(ends[0], ends[1], EdgeSpec::new(partition));
    }
    job
}
