//! The execution graph: what a job is, before it is decided where and over which queues it runs.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_NAME;
use crate::{Edge, EdgeId, NodeId, NodeSpec, ServiceId, ServiceSpec};

/// The nodes, edges and services of one job.
///
/// Made by [`GraphBuilder`](crate::GraphBuilder) or read from a document. It may still be wrong: the preflight says so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionGraph {
    pub(crate) job_name: String,
    pub(crate) nodes: Vec<NodeSpec>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) services: Vec<ServiceSpec>,
}

impl ExecutionGraph {
    /// The job's name.
    #[must_use]
    pub fn job_name(&self) -> &str {
        &self.job_name
    }

    /// The nodes, in order of their ids.
    #[must_use]
    pub fn nodes(&self) -> &[NodeSpec] {
        &self.nodes
    }

    /// The edges, in order of their ids.
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The services, in order of their ids.
    #[must_use]
    pub fn services(&self) -> &[ServiceSpec] {
        &self.services
    }

    /// One node; `None` when the id is of another graph.
    #[must_use]
    pub fn node(&self, id: NodeId) -> Option<&NodeSpec> {
        self.nodes.get(id.index())
    }

    /// One edge; `None` when the id is of another graph.
    #[must_use]
    pub fn edge(&self, id: EdgeId) -> Option<&Edge> {
        self.edges.get(id.index())
    }

    /// One service; `None` when the id is of another graph.
    #[must_use]
    pub fn service(&self, id: ServiceId) -> Option<&ServiceSpec> {
        self.services.get(id.index())
    }

    /// The node with this name.
    #[must_use]
    pub fn node_named(&self, name: &str) -> Option<NodeId> {
        self.nodes.iter().position(|node| node.name == name).map(NodeId::at)
    }

    /// The service with this name.
    #[must_use]
    pub fn service_named(&self, name: &str) -> Option<ServiceId> {
        self.services
            .iter()
            .position(|service| service.name == name)
            .map(ServiceId::at)
    }

    /// Every node with its id.
    pub fn node_ids(&self) -> impl ExactSizeIterator<Item = (NodeId, &NodeSpec)> {
        self.nodes.iter().enumerate().map(|(i, node)| (NodeId::at(i), node))
    }

    /// Every edge with its id.
    pub fn edge_ids(&self) -> impl ExactSizeIterator<Item = (EdgeId, &Edge)> {
        self.edges.iter().enumerate().map(|(i, edge)| (EdgeId::at(i), edge))
    }

    /// Name of a node for messages; that of a node which does not exist is its id.
    pub(crate) fn name_of(&self, id: NodeId) -> String {
        self.node(id).map_or_else(|| id.to_string(), |node| shown(&node.name))
    }

    /// An edge for messages: `a -> b`, and the port where the target has several.
    pub(crate) fn edge_name(&self, edge: &Edge) -> String {
        let (from, to) = (self.name_of(edge.from), self.name_of(edge.to));
        match self.node(edge.to) {
            Some(node) if node.ports() > 1 => format!("{from} -> {to} (port {})", edge.spec.input_index),
            _ => format!("{from} -> {to}"),
        }
    }

    /// For each node, the edges that leave it and those that reach it, each in order of their ids.
    pub(crate) fn adjacency(&self) -> Adjacency {
        let mut adjacency = Adjacency {
            outgoing: vec![Vec::new(); self.nodes.len()],
            incoming: vec![Vec::new(); self.nodes.len()],
        };
        for (id, edge) in self.edge_ids() {
            // An edge with an end outside the graph is a finding of its own and leads nowhere.
            if edge.from.index() < self.nodes.len() && edge.to.index() < self.nodes.len() {
                if let Some(out) = adjacency.outgoing.get_mut(edge.from.index()) {
                    out.push(id);
                }
                if let Some(into) = adjacency.incoming.get_mut(edge.to.index()) {
                    into.push(id);
                }
            }
        }
        adjacency
    }
}

/// The edges of each node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Adjacency {
    outgoing: Vec<Vec<EdgeId>>,
    incoming: Vec<Vec<EdgeId>>,
}

impl Adjacency {
    pub(crate) fn outgoing(&self, node: NodeId) -> &[EdgeId] {
        self.outgoing.get(node.index()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn incoming(&self, node: NodeId) -> &[EdgeId] {
        self.incoming.get(node.index()).map_or(&[], Vec::as_slice)
    }
}

/// A name for people: on one line, and no longer than a line can take. Valid names come out as they are.
pub(crate) fn shown(name: &str) -> String {
    let mut start: String = name.chars().take(MAX_NAME).collect();
    if start.len() < name.len() {
        start.push('…');
    }
    start.escape_debug().to_string()
}
