//! Another number of instances for one node of a job that has state.

use descriptor_core::{Error, ErrorKind};
use router::{GroupMove, Key, KeyGroups, Partition};
use serde::Serialize;

use crate::layout::instance_name;
use crate::limits::MAX_PARALLELISM;
use crate::{ExecutionGraph, NodeId, NodeSpec};

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
/// assert_eq!((diff.key_groups.count(), diff.moved(), diff.stay()), (128, 63, 65));
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

    /// The names of all instances, in order of their ids.
    pub fn instance_names(&self) -> impl Iterator<Item = String> {
        let named = |node: &NodeSpec| {
            (0..node.parallelism)
                .map(|index| instance_name(&node.name, index))
                .collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(named)
    }

    /// The nodes that have another parallelism here than they had `before`, with the one they had, where that is all in
    /// which the two graphs differ: so a job can go on with what the other one knew.
    ///
    /// # Errors
    /// `Incompatible`, naming all else in which they differ: nodes that packets do not find by key alone are to keep their
    /// parallelism, and those that they do are to keep the number of their key groups.
    pub fn rescaled_from(&self, before: &Self) -> Result<Vec<(NodeId, u32)>, Error> {
        let (mut rescaled, mut others) = (Vec::new(), Vec::new());
        let mut same = before.clone();
        for ((id, mine), theirs) in self.node_ids().zip(&mut same.nodes) {
            // With another name or other edges into it, the graphs differ in these.
            let (Some(groups), Some(had)) = (self.key_groups(id), before.key_groups(id)) else {
                continue;
            };
            if groups != had {
                let (groups, had) = (groups.count(), had.count());
                others.push(format!(
                    "node `{}`: {groups} key groups against {had}",
                    self.name_of(id)
                ));
            } else if !(1..=MAX_PARALLELISM).contains(&theirs.parallelism) {
                others.push(format!(
                    "node `{}`: parallelism {}",
                    self.name_of(id),
                    theirs.parallelism
                ));
            } else if mine.parallelism != theirs.parallelism {
                rescaled.push((id, theirs.parallelism));
            }
            (theirs.parallelism, theirs.max_parallelism) = (mine.parallelism, mine.max_parallelism);
        }
        others.extend(self.differences(&same));
        if others.is_empty() {
            return Ok(rescaled);
        }
        Err(Error::new(ErrorKind::Incompatible, RESCALE)
            .with("job", &self.job_name)
            .expected("the same job, with another parallelism at most of nodes that packets find by key")
            .found(others.join("; "))
            .remedy("start the job as it was, or take another folder"))
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
