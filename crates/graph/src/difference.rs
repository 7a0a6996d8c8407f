//! What two graphs that should be one differ in.

use std::fmt::Debug;

use crate::{Edge, ExecutionGraph, NodeSpec};

impl ExecutionGraph {
    /// The first thing in which this graph and `other` differ, for people: where, and both sides. `None` when they are
    /// equal, and then their [fingerprints](Self::fingerprint) are.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        self.differences(other).next()
    }

    /// All things in which the two differ, one for each node and edge.
    pub(crate) fn differences(&self, other: &Self) -> impl Iterator<Item = String> {
        let nodes = self.nodes.iter().zip(&other.nodes);
        let edges = self.edges.iter().zip(&other.edges);
        differs("job", "name", &self.job_name, &other.job_name)
            .into_iter()
            .chain(nodes.filter_map(|(mine, theirs)| node(mine, theirs)))
            .chain(differs("job", "number of nodes", &self.nodes.len(), &other.nodes.len()))
            .chain(edges.filter_map(|(mine, theirs)| self.edge_difference(mine, theirs)))
            .chain(differs("job", "number of edges", &self.edges.len(), &other.edges.len()))
            .chain(differs("job", "services", &self.services, &other.services))
    }

    fn edge_difference(&self, mine: &Edge, theirs: &Edge) -> Option<String> {
        let place = format!("edge `{}`", self.edge_name(mine));
        differs(&place, "ends", &(mine.from, mine.to), &(theirs.from, theirs.to))
            .or_else(|| differs(&place, "partition", &mine.spec.partition, &theirs.spec.partition))
            .or_else(|| differs(&place, "input", &mine.spec.input_index, &theirs.spec.input_index))
            .or_else(|| differs(&place, "item type", &mine.spec.tag, &theirs.spec.tag))
    }
}

fn node(mine: &NodeSpec, theirs: &NodeSpec) -> Option<String> {
    let place = format!("node `{}`", crate::graph::shown(&mine.name));
    differs(&place, "name", &mine.name, &theirs.name)
        .or_else(|| differs(&place, "kind", &mine.kind, &theirs.kind))
        .or_else(|| differs(&place, "parallelism", &mine.parallelism, &theirs.parallelism))
        .or_else(|| differs(&place, "input types", &mine.inputs, &theirs.inputs))
        .or_else(|| differs(&place, "output type", &mine.output, &theirs.output))
        .or_else(|| differs(&place, "buffer size", &mine.buffer_size, &theirs.buffer_size))
        .or_else(|| differs(&place, "queue type", &mine.queue_kind, &theirs.queue_kind))
        .or_else(|| differs(&place, "workers", &mine.workers, &theirs.workers))
        .or_else(|| differs(&place, "error policy", &mine.on_error, &theirs.on_error))
        .or_else(|| differs(&place, "settings", mine, theirs))
}

fn differs<T: PartialEq + Debug + ?Sized>(place: &str, what: &str, mine: &T, theirs: &T) -> Option<String> {
    (mine != theirs).then(|| format!("{place}: {what} {mine:?} against {theirs:?}"))
}
