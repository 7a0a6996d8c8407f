//! Orders of a graph: upstream before downstream, and where keys get to.

use std::collections::VecDeque;

use crate::graph::Adjacency;
use crate::{ExecutionGraph, NodeId, NodeKind};

impl ExecutionGraph {
    /// The nodes with every sender before its receivers, otherwise in order of their ids.
    ///
    /// Nodes on a cycle and those behind one come last, in order of their ids.
    #[must_use]
    pub fn topological_order(&self) -> Vec<NodeId> {
        self.order(&self.adjacency())
    }

    pub(crate) fn order(&self, adjacency: &Adjacency) -> Vec<NodeId> {
        let mut waiting: Vec<usize> = self.node_ids().map(|(id, _)| adjacency.incoming(id).len()).collect();
        let mut ready: VecDeque<NodeId> = self
            .node_ids()
            .map(|(id, _)| id)
            .filter(|id| adjacency.incoming(*id).is_empty())
            .collect();
        let mut order = Vec::with_capacity(self.nodes.len());
        while let Some(node) = ready.pop_front() {
            order.push(node);
            for edge in adjacency.outgoing(node).iter().filter_map(|id| self.edge(*id)) {
                if let Some(edges) = waiting.get_mut(edge.to.index()) {
                    *edges -= 1;
                    if *edges == 0 {
                        ready.push_back(edge.to);
                    }
                }
            }
        }
        let rest = waiting.iter().enumerate().filter(|(_, edges)| **edges > 0);
        order.extend(rest.map(|(i, _)| NodeId::at(i)));
        order
    }

    /// For each node whether its packets carry a key: it gives them one, or all it gets have one already.
    pub(crate) fn keyed(&self, adjacency: &Adjacency) -> Vec<bool> {
        let mut keyed = vec![false; self.nodes.len()];
        for id in self.order(adjacency) {
            let Some(node) = self.node(id) else {
                continue;
            };
            let mut senders = adjacency
                .incoming(id)
                .iter()
                .filter_map(|edge| self.edge(*edge))
                .peekable();
            let kept = !matches!(node.kind, NodeKind::Custom(_))
                && senders.peek().is_some()
                && senders.all(|edge| keyed.get(edge.from.index()).copied().unwrap_or_default());
            if let Some(slot) = keyed.get_mut(id.index()) {
                *slot = node.keyed || node.kind == NodeKind::KeyBy || kept;
            }
        }
        keyed
    }
}

#[cfg(test)]
mod tests {
    use router::Partition;

    use crate::{EdgeSpec, GraphBuilder, NodeKind, NodeSpec};

    #[test]
    fn senders_come_first_and_cycles_last() {
        let mut job = GraphBuilder::new("job");
        let sink = job.node(NodeSpec::new("sink", NodeKind::Sink));
        let a = job.node(NodeSpec::new("a", NodeKind::Map));
        let b = job.node(NodeSpec::new("b", NodeKind::Map));
        let source = job.node(NodeSpec::new("source", NodeKind::Source));
        for (from, to) in [(source, sink), (a, b), (b, a)] {
            job.edge(from, to, EdgeSpec::new(Partition::RoundRobin));
        }
        assert_eq!(job.build().topological_order(), [source, sink, a, b]);
    }

    #[test]
    fn keys_survive_operators_and_not_a_union_with_unkeyed_packets() {
        let mut job = GraphBuilder::new("job");
        let source = job.node(NodeSpec::new("source", NodeKind::Source));
        let key_by = job.node(NodeSpec::new("key_by", NodeKind::KeyBy));
        let map = job.node(NodeSpec::new("map", NodeKind::Map));
        let union = job.node(NodeSpec::new("union", NodeKind::Filter));
        let custom = job.node(NodeSpec::new("custom", NodeKind::Custom("own".into())));
        for (from, to) in [
            (source, key_by),
            (key_by, map),
            (map, union),
            (source, union),
            (map, custom),
        ] {
            job.edge(from, to, EdgeSpec::new(Partition::RoundRobin));
        }
        let graph = job.build();
        assert_eq!(graph.keyed(&graph.adjacency()), [false, true, true, false, false]);
    }
}
