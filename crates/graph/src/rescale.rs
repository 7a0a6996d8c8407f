//! Another number of instances for one node of a job that has state.

use descriptor_core::{Error, ErrorKind};
use router::{GroupMove, Key, KeyGroups, Partition};
use serde::Serialize;

use crate::{ExecutionGraph, NodeId};

const RESCALE: &str = "rescale node";

/// Where the keys of a node go when its parallelism changes.
///
/// ```
/// use graph::{EdgeSpec, GraphBuilder, NodeKind, NodeSpec};
/// use router::{Key, Partition};
///
/// let mut job = GraphBuilder::new("counts");
/// let words = job.node(NodeSpec { keyed: true, ..NodeSpec::new("words", NodeKind::Source) });
/// let count = job.node(NodeSpec { parallelism: 2, ..NodeSpec::new("count", NodeKind::Reduce) });
/// job.edge(words, count, EdgeSpec::new(Partition::Hash));
/// let job = job.build();
///
/// let diff = job.route_diff("count", 3)?;
/// assert_eq!((diff.key_groups.count(), diff.moved(), diff.stay()), (128, 64, 64));
/// let (before, after) = diff.way_of(&Key::from("word"));
/// assert!(before < 2 && after < 3);
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RouteDiff {
    /// The node.
    pub node: String,
    /// The number of its key groups, which stays.
    pub key_groups: KeyGroups,
    /// Its instances now.
    pub before: u32,
    /// Its instances then.
    pub after: u32,
    /// The groups that move, ascending.
    pub moves: Vec<GroupMove>,
}

impl RouteDiff {
    /// How many groups move.
    #[must_use]
    pub fn moved(&self) -> u32 {
        self.moves.iter().map(|it| it.groups.end - it.groups.start).sum()
    }

    /// How many groups stay where they are.
    #[must_use]
    pub fn stay(&self) -> u32 {
        self.key_groups.count() - self.moved()
    }

    /// The part of all groups that moves, 0 to 1.
    #[must_use]
    pub fn share_moved(&self) -> f64 {
        f64::from(self.moved()) / f64::from(self.key_groups.count())
    }

    /// The instance that has this key now, and the one that has it then.
    #[must_use]
    pub const fn way_of(&self, key: &Key) -> (u32, u32) {
        (
            self.key_groups.instance_of(key, self.before),
            self.key_groups.instance_of(key, self.after),
        )
    }
}

impl ExecutionGraph {
    /// The number of key groups of a node all of whose edges are hash edges; `None` for others, and for sources.
    #[must_use]
    pub fn key_groups(&self, node: NodeId) -> Option<KeyGroups> {
        let mut edges = self.edges.iter().filter(|edge| edge.to == node).peekable();
        edges.peek()?;
        if edges.any(|edge| edge.spec.partition != Partition::Hash) {
            return None;
        }
        KeyGroups::for_parallelism(self.node(node)?.highest_parallelism()).ok()
    }

    /// The same graph with another parallelism of a node whose packets find it by key. The number of key groups stays: it
    /// is fixed by the highest parallelism that the node may ever have.
    ///
    /// Whether the graph is right with it, the preflight says.
    ///
    /// # Errors
    /// `NotFound` for a node that is not there, `InvalidGraph` for one that is not fed by key alone, and for more
    /// instances, or none, than its key groups are made for.
    pub fn rescaled(&self, node: &str, parallelism: u32) -> Result<Self, Error> {
        let refused = |kind, expected: String, found: String, remedy: &'static str| {
            Error::new(kind, RESCALE)
                .with("node", node)
                .expected(expected)
                .found(found)
                .remedy(remedy)
        };
        let Some(id) = self.node_named(node) else {
            let names: Vec<_> = self.nodes.iter().map(|node| node.name.as_str()).collect();
            return Err(refused(
                ErrorKind::NotFound,
                format!("one of {}", names.join(", ")),
                "a node that the job does not have".into(),
                "take one of these",
            ));
        };
        let groups = self.key_groups(id).ok_or_else(|| {
            let ways = self.edges.iter().filter(|edge| edge.to == id);
            let ways: Vec<_> = ways.map(|edge| edge.spec.partition.to_string()).collect();
            refused(
                ErrorKind::InvalidGraph,
                "a node that packets find by their key alone".into(),
                match &*ways {
                    [] => "a source".into(),
                    ways => ways.join(", "),
                },
                "put a key_by before it, or rescale another node",
            )
        })?;
        let mut graph = self.clone();
        if let Some(spec) = graph.nodes.get_mut(id.index()) {
            let highest = spec.highest_parallelism().max(parallelism);
            if parallelism == 0 || KeyGroups::for_parallelism(highest).ok() != Some(groups) {
                return Err(refused(
                    ErrorKind::InvalidGraph,
                    format!("a parallelism that {} key groups are made for", groups.count()),
                    parallelism.to_string(),
                    "give the node a higher max_parallelism before it has state",
                ));
            }
            // What was the highest stays it: fewer instances than ever before must not mean fewer groups.
            spec.max_parallelism = Some(highest);
            spec.parallelism = parallelism;
        }
        Ok(graph)
    }

    /// What [`rescaled`](Self::rescaled) would move.
    ///
    /// # Errors
    /// As [`rescaled`](Self::rescaled).
    pub fn route_diff(&self, node: &str, parallelism: u32) -> Result<RouteDiff, Error> {
        let after = self.rescaled(node, parallelism)?;
        let id = after.node_named(node);
        let groups = id.and_then(|id| after.key_groups(id)).unwrap_or_default();
        let before = id.and_then(|id| self.node(id)).map_or(1, |node| node.parallelism);
        Ok(RouteDiff {
            node: node.to_owned(),
            key_groups: groups,
            before,
            after: parallelism,
            moves: groups.moves(before, parallelism),
        })
    }
}
