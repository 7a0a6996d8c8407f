//! The preflight of a graph: every rule that needs no queue type.

mod edges;
mod keys;
mod size;
mod structure;

use crate::graph::{Adjacency, shown};
use crate::{Deployment, ExecutionGraph, Preflight};

impl Preflight {
    /// Checks everything about a graph but the choice of its queues. [`Plan::build`](crate::Plan::build) does both.
    #[must_use]
    pub fn of(graph: &ExecutionGraph, deployment: Deployment) -> Self {
        let adjacency = graph.adjacency();
        let mut check = Check {
            graph,
            adjacency: &adjacency,
            found: Self::default(),
        };
        check.names();
        let circling = check.cycles();
        check.structure(&circling);
        check.size(&deployment);
        check.ports();
        check.types();
        check.keys();
        check.found
    }
}

/// A preflight under way.
struct Check<'a> {
    graph: &'a ExecutionGraph,
    adjacency: &'a Adjacency,
    found: Preflight,
}

/// A name for a message, in backquotes.
fn quoted(name: &str) -> String {
    format!("`{}`", shown(name))
}
