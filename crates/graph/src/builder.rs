//! Making a graph, node by node.

use std::collections::HashSet;

use crate::{Edge, EdgeId, EdgeSpec, ExecutionGraph, NodeId, NodeSpec, ServiceId, ServiceSpec};

/// Collects the nodes, edges and services of one job.
///
/// Nothing is refused here; the preflight of [`Plan::build`](crate::Plan::build) reports everything at once.
///
/// ```
/// use graph::{EdgeSpec, GraphBuilder, NodeKind, NodeSpec};
/// use router::Partition;
///
/// let mut job = GraphBuilder::new("words");
/// let lines = job.node(NodeSpec::new("lines", NodeKind::Source));
/// let sink = job.node(NodeSpec::new("print", NodeKind::Sink));
/// job.edge(lines, sink, EdgeSpec::new(Partition::RoundRobin));
/// assert_eq!(job.build().nodes().len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    job_name: String,
    nodes: Vec<NodeSpec>,
    edges: Vec<Edge>,
    services: Vec<ServiceSpec>,
    names: HashSet<String>,
}

impl GraphBuilder {
    /// An empty graph. The job's name starts the id of each of its queues: at most 100 bytes of a queue id.
    #[must_use]
    pub fn new(job_name: impl Into<String>) -> Self {
        Self {
            job_name: job_name.into(),
            nodes: Vec::new(),
            edges: Vec::new(),
            services: Vec::new(),
            names: HashSet::new(),
        }
    }

    /// Adds a node. When its name is taken it becomes the first free of `name_1`, `name_2` and so on.
    pub fn node(&mut self, mut spec: NodeSpec) -> NodeId {
        if self.names.contains(&spec.name) {
            let taken = std::mem::take(&mut spec.name);
            spec.name = (1_u64..)
                .map(|n| format!("{taken}_{n}"))
                .find(|name| !self.names.contains(name))
                .unwrap_or(taken);
        }
        self.names.insert(spec.name.clone());
        self.nodes.push(spec);
        NodeId::at(self.nodes.len() - 1)
    }

    /// Adds an edge. A node's outgoing edges keep this order in its broadcast groups.
    pub fn edge(&mut self, from: NodeId, to: NodeId, spec: EdgeSpec) -> EdgeId {
        self.edges.push(Edge { from, to, spec });
        EdgeId::at(self.edges.len() - 1)
    }

    /// Adds a service.
    pub fn service(&mut self, spec: ServiceSpec) -> ServiceId {
        self.services.push(spec);
        ServiceId::at(self.services.len() - 1)
    }

    /// The node as it stands, its name made unique; `None` for a node of another graph.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<&NodeSpec> {
        self.nodes.get(node.index())
    }

    /// Changes a node that is already there, except for its name. False for a node of another graph.
    pub fn change(&mut self, node: NodeId, change: impl FnOnce(&mut NodeSpec)) -> bool {
        let Some(spec) = self.nodes.get_mut(node.index()) else {
            return false;
        };
        let name = spec.name.clone();
        change(spec);
        spec.name = name;
        true
    }

    /// The graph.
    #[must_use]
    pub fn build(self) -> ExecutionGraph {
        ExecutionGraph {
            job_name: self.job_name,
            nodes: self.nodes,
            edges: self.edges,
            services: self.services,
        }
    }
}
