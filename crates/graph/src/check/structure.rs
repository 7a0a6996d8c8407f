//! Names, ends and the shape of the graph.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::{Check, quoted};
use crate::limits::{MAX_JOB_NAME, MAX_NAME};
use crate::{Code, NodeId, NodeKind, Place, ServiceId};

/// The most nodes of a circle that are named.
const LONGEST_CIRCLE: usize = 20;

impl Check<'_> {
    pub(super) fn names(&mut self) {
        let graph = self.graph;
        if !is_name(graph.job_name(), MAX_JOB_NAME, true) {
            let rule = format!("1 to {MAX_JOB_NAME} ASCII letters, digits and . _ - /, the first a letter or digit");
            self.bad_name("job", graph.job_name(), Place::Job, &rule, MAX_JOB_NAME);
        }
        let rule = format!("1 to {MAX_NAME} ASCII letters, digits and . _ -, the first a letter or digit");
        let mut seen = HashSet::new();
        for (id, node) in graph.node_ids() {
            if !is_name(&node.name, MAX_NAME, false) {
                self.bad_name("node", &node.name, Place::Node(id), &rule, MAX_NAME);
            }
            if !seen.insert(node.name.as_str()) {
                self.duplicate("node", &node.name, Place::Node(id));
            }
        }
        let mut seen = HashSet::new();
        for (i, service) in graph.services().iter().enumerate() {
            let place = Place::Service(ServiceId::at(i));
            if !is_name(&service.name, MAX_NAME, false) {
                self.bad_name("service", &service.name, place, &rule, MAX_NAME);
            }
            if !seen.insert(service.name.as_str()) {
                self.duplicate("service", &service.name, place);
            }
        }
    }

    fn bad_name(&mut self, what: &str, name: &str, place: Place, rule: &str, longest: usize) {
        let remedy = match suggested(name, longest, place == Place::Job) {
            Some(better) => format!("call it `{better}`"),
            None => format!("give the {what} such a name"),
        };
        let message = format!("{what} {}: expected a name of {rule}; {remedy}", quoted(name));
        self.found.error(Code::BadName, place, message);
    }

    fn duplicate(&mut self, what: &str, name: &str, place: Place) {
        let message = format!(
            "{what} {}: expected a name of its own, found another {what} of that name; rename one",
            quoted(name)
        );
        self.found.error(Code::DuplicateName, place, message);
    }

    /// Sources, sinks, reading and reachability.
    pub(super) fn structure(&mut self, circling: &HashSet<NodeId>) {
        let graph = self.graph;
        for (id, edge) in graph.edge_ids() {
            for end in [edge.from, edge.to] {
                if graph.node(end).is_none() {
                    let message = format!(
                        "edge {id}: expected nodes of this graph, found {end} of {}; use the ids its own builder gave",
                        graph.nodes().len()
                    );
                    self.found.error(Code::UnknownNode, Place::Edge(id), message);
                }
            }
            if graph.node(edge.from).is_some_and(|node| node.kind == NodeKind::Sink) {
                let message = format!(
                    "edge {}: expected a sender with an output, found a sink; branch off before the sink",
                    graph.edge_name(edge)
                );
                self.found.error(Code::SinkOutput, Place::Edge(id), message);
            }
        }
        let sources = graph.node_ids().filter(|(_, node)| node.kind == NodeKind::Source);
        let reached = self.reached_from(sources.map(|(id, _)| id).collect());
        let any = |kind| graph.nodes().iter().any(|node| node.kind == kind);
        let (has_source, has_sink) = (any(NodeKind::Source), any(NodeKind::Sink));
        if !has_source {
            let message = "job: expected at least one source, found none; add a source".into();
            self.found.error(Code::NoSource, Place::Job, message);
        }
        if !has_sink {
            let message = "job: expected at least one sink, found none; end each stream in a sink".into();
            self.found.error(Code::NoSink, Place::Job, message);
        }
        for (id, node) in graph.node_ids() {
            if has_sink && node.kind != NodeKind::Sink && self.adjacency.outgoing(id).is_empty() {
                let message = format!(
                    "node {}: expected a reader of its output, found none; add an edge to a sink or remove the node",
                    quoted(&node.name)
                );
                self.found.error(Code::UnreadOutput, Place::Node(id), message);
            }
            if has_source && !reached.contains(&id) && !circling.contains(&id) {
                let message = format!(
                    "node {}: expected a path from a source, found none; connect it or remove it",
                    quoted(&node.name)
                );
                self.found.error(Code::Unreachable, Place::Node(id), message);
            }
        }
    }

    fn reached_from(&self, mut reached: VecDeque<NodeId>) -> HashSet<NodeId> {
        let mut seen: HashSet<NodeId> = reached.iter().copied().collect();
        while let Some(node) = reached.pop_front() {
            for next in self.successors(node) {
                if seen.insert(next) {
                    reached.push_back(next);
                }
            }
        }
        seen
    }

    fn successors(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let edges = self.adjacency.outgoing(node).iter();
        edges.filter_map(|id| self.graph.edge(*id)).map(|edge| edge.to)
    }

    /// One finding per knot of nodes that all reach each other, with its shortest circle through the first of them.
    /// Returns the nodes of all knots.
    pub(super) fn cycles(&mut self) -> HashSet<NodeId> {
        let graph = self.graph;
        let mut shape = DiGraph::<(), (), u32>::with_capacity(graph.nodes().len(), graph.edges().len());
        for _ in graph.nodes() {
            shape.add_node(());
        }
        for (id, _) in graph.node_ids() {
            for next in self.successors(id) {
                shape.add_edge(NodeIndex::from(id.get()), NodeIndex::from(next.get()), ());
            }
        }
        let mut knots: Vec<Vec<NodeId>> = kosaraju_scc(&shape)
            .into_iter()
            .map(|knot| knot.into_iter().map(|node| NodeId::at(node.index())).collect())
            .collect();
        knots.iter_mut().for_each(|knot| knot.sort_unstable());
        knots.sort_unstable();
        let mut circling = HashSet::new();
        for knot in knots {
            let Some(circle) = knot.first().and_then(|first| self.circle(*first, knot.len())) else {
                continue;
            };
            circling.extend(knot);
            let mut names: Vec<String> = circle.iter().map(|id| graph.name_of(*id)).collect();
            if names.len() > LONGEST_CIRCLE {
                let more = format!("({} more)", names.len() - LONGEST_CIRCLE);
                names.splice(LONGEST_CIRCLE - 1..names.len() - 1, [more]);
            }
            let place = circle.first().map_or(Place::Job, |id| Place::Node(*id));
            let message = format!(
                "nodes {}: expected no cycle, found one, and full queues on a cycle wait for each other for ever; \
                 remove one of its edges",
                names.join(" -> ")
            );
            self.found.error(Code::Cycle, place, message);
        }
        circling
    }

    /// A shortest path from `first` back to itself; `None` for a node alone without an edge to itself.
    fn circle(&self, first: NodeId, knot: usize) -> Option<Vec<NodeId>> {
        if knot == 1 && !self.successors(first).any(|next| next == first) {
            return None;
        }
        let mut came_from = HashMap::new();
        let mut open = VecDeque::from([first]);
        while let Some(node) = open.pop_front() {
            for next in self.successors(node) {
                if next == first {
                    let mut circle = vec![first, node];
                    let mut back = node;
                    while let Some(before) = came_from.get(&back) {
                        circle.push(*before);
                        back = *before;
                    }
                    circle.reverse();
                    return Some(circle);
                }
                if let Entry::Vacant(unseen) = came_from.entry(next) {
                    unseen.insert(node);
                    open.push_back(next);
                }
            }
        }
        None
    }
}

fn is_name(name: &str, longest: usize, slashes: bool) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-') || (slashes && b == b'/');
    name.len() <= longest
        && name.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && name.bytes().all(allowed)
        && !name.contains("..")
        && !name.split('/').any(str::is_empty)
}

/// A valid name close to one that is not; `None` when nothing of it would be left.
fn suggested(name: &str, longest: usize, slashes: bool) -> Option<String> {
    let replaced: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' })
        .collect();
    let trimmed: String = replaced
        .trim_start_matches(|c: char| !c.is_ascii_alphanumeric())
        .chars()
        .take(longest)
        .collect();
    is_name(&trimmed, longest, slashes).then_some(trimmed)
}

#[cfg(test)]
mod tests {
    use super::{is_name, suggested};

    #[test]
    fn the_grammar_of_names() {
        for good in ["a", "7", "key_by.2-b"] {
            assert!(is_name(good, 64, false), "{good}");
        }
        for bad in ["", "_a", ".", "a b", "é", "a..b", "a/b", "a\n", &"x".repeat(65)] {
            assert!(!is_name(bad, 64, false), "{bad}");
        }
        assert!(is_name("tenant/job", 100, true));
        for bad in ["/job", "tenant//job", "job/"] {
            assert!(!is_name(bad, 100, true), "{bad}");
        }
    }

    #[test]
    fn suggestions_are_valid() {
        assert_eq!(suggested("hot items", 64, false).as_deref(), Some("hot_items"));
        assert_eq!(suggested("  a..b", 64, false).as_deref(), Some("a__b"));
        assert_eq!(suggested(&"x".repeat(100), 64, false).map(|name| name.len()), Some(64));
        assert_eq!(suggested("日本", 64, false), None);
    }
}
