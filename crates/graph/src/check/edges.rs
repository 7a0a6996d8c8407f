//! Ports and item types.

use std::collections::HashMap;

use descriptor_core::TypeTag;

use super::{Check, quoted};
use crate::{Code, EdgeId, NodeId, Place};

impl<'a> Check<'a> {
    pub(super) fn ports(&mut self) {
        let graph = self.graph;
        for (id, edge) in graph.edge_ids() {
            let Some(node) = graph.node(edge.to) else {
                continue;
            };
            let port = usize::from(edge.spec.input_index);
            if port >= node.ports() {
                let message = format!(
                    "edge {}: expected one of the {} input ports of a {}, found port {port}; ports count from 0",
                    graph.edge_name(edge),
                    node.ports(),
                    node.kind
                );
                self.found.error(Code::UnknownPort, Place::Edge(id), message);
            }
        }
        for (id, node) in graph.node_ids() {
            let (fewest, most) = node.kind.ports();
            // No declared types at all leave the types open, not the ports.
            if !node.inputs.is_empty() && !(fewest..=most).contains(&node.inputs.len()) {
                let message = format!(
                    "node {}: expected the item types of {} input ports, found {}; declare one per port",
                    quoted(&node.name),
                    node.ports(),
                    node.inputs.len()
                );
                self.found.error(Code::PortCount, Place::Node(id), message);
            }
            let fed = self.fed_ports(id);
            // A node that nothing feeds at all is reported as unreachable.
            if fed.is_empty() {
                continue;
            }
            for port in (0..node.ports()).filter(|port| !fed.contains_key(port)) {
                let message = format!(
                    "node {}: expected an edge into each of its {} input ports, found none into port {port}; add one",
                    quoted(&node.name),
                    node.ports()
                );
                self.found.error(Code::MissingInput, Place::Node(id), message);
            }
        }
    }

    /// For each port with an edge the first of its edges and the item type it brings.
    fn fed_ports(&self, node: NodeId) -> HashMap<usize, (EdgeId, Option<&'a TypeTag>)> {
        let mut fed = HashMap::new();
        for id in self.adjacency.incoming(node) {
            if let Some(edge) = self.graph.edge(*id) {
                let port = usize::from(edge.spec.input_index);
                let (_, tag) = fed.entry(port).or_insert((*id, None));
                *tag = tag.or_else(|| self.sent(*id));
            }
        }
        fed
    }

    /// The type that an edge brings, if anybody says.
    fn sent(&self, edge: EdgeId) -> Option<&'a TypeTag> {
        let edge = self.graph.edge(edge)?;
        let declared = self.graph.node(edge.from).and_then(|node| node.output.as_ref());
        declared.or(edge.spec.tag.as_ref())
    }

    pub(super) fn types(&mut self) {
        let graph = self.graph;
        for (id, edge) in graph.edge_ids() {
            let (Some(from), Some(to)) = (graph.node(edge.from), graph.node(edge.to)) else {
                continue;
            };
            let port = usize::from(edge.spec.input_index);
            let ends = [from.output.as_ref(), edge.spec.tag.as_ref(), to.inputs.get(port)];
            let mut known = ends.into_iter().flatten();
            let Some(sent) = known.next() else {
                continue;
            };
            if let Some(taken) = known.find(|tag| *tag != sent) {
                let message = format!(
                    "edge {}: expected {taken}, found {sent} from {}; change one of them or put a map between them",
                    graph.edge_name(edge),
                    quoted(&from.name)
                );
                self.found.error(Code::TypeMismatch, Place::Edge(id), message);
            }
        }
        for (node_id, node) in graph.node_ids() {
            let fed = self.fed_ports(node_id);
            for id in self.adjacency.incoming(node_id) {
                let Some(edge) = graph.edge(*id) else {
                    continue;
                };
                let port = usize::from(edge.spec.input_index);
                // Against a declared type each edge is compared above.
                if node.inputs.get(port).is_some() {
                    continue;
                }
                if let (Some((_, Some(first))), Some(other)) = (fed.get(&port), self.sent(*id))
                    && *first != other
                {
                    let message = format!(
                        "node {}: expected {first} on port {port} like its first edge, found {other} from {}; \
                         feed each port one type",
                        quoted(&node.name),
                        quoted(&graph.name_of(edge.from))
                    );
                    self.found.error(Code::PortTypes, Place::Edge(*id), message);
                }
            }
        }
    }
}
