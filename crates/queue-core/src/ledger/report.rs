//! The books as they are written down, sent, merged and checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::DropCause;
use crate::{Error, ErrorKind};

/// What became of the items of one edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeCounts {
    /// Items that went in.
    pub accepted: u64,
    /// Items that came out, each counted once.
    pub delivered: u64,
    /// Items inside.
    pub in_flight: u64,
    /// Items dropped on purpose, by cause; causes without any are left out.
    pub dropped: BTreeMap<DropCause, u64>,
    /// Items put aside after too many attempts.
    pub dead_lettered: u64,
    /// Items that came out again; not part of the balance.
    pub redelivered: u64,
    /// Items found twice; not part of the balance.
    pub duplicated: u64,
}

impl EdgeCounts {
    /// Everything that is accounted for: delivered, inside, dropped or put aside.
    #[must_use]
    pub fn accounted(&self) -> u128 {
        let dropped: u128 = self.dropped.values().map(|count| u128::from(*count)).sum();
        u128::from(self.delivered) + u128::from(self.in_flight) + u128::from(self.dead_lettered) + dropped
    }

    /// True when what went in equals what is accounted for.
    #[must_use]
    pub fn balances(&self) -> bool {
        u128::from(self.accepted) == self.accounted()
    }

    /// Items that went in and are nowhere; 0 when there are too many instead.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let missing = u128::from(self.accepted).saturating_sub(self.accounted());
        u64::try_from(missing).unwrap_or(u64::MAX)
    }

    /// Items that came out, are inside or were dropped without ever having gone in.
    #[must_use]
    pub fn surplus(&self) -> u64 {
        let surplus = self.accounted().saturating_sub(u128::from(self.accepted));
        u64::try_from(surplus).unwrap_or(u64::MAX)
    }

    /// Adds the counts of another process or edge. Counts beyond 2^64 stay there: they may come from a peer.
    pub fn add(&mut self, other: &Self) {
        let add = |sum: &mut u64, count: u64| *sum = sum.saturating_add(count);
        add(&mut self.accepted, other.accepted);
        add(&mut self.delivered, other.delivered);
        add(&mut self.in_flight, other.in_flight);
        add(&mut self.dead_lettered, other.dead_lettered);
        add(&mut self.redelivered, other.redelivered);
        add(&mut self.duplicated, other.duplicated);
        for (cause, count) in &other.dropped {
            add(self.dropped.entry(*cause).or_default(), *count);
        }
    }
}

impl fmt::Display for EdgeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} delivered + {} in flight", self.delivered, self.in_flight)?;
        for (cause, count) in &self.dropped {
            write!(f, " + {count} dropped ({cause})")?;
        }
        write!(f, " + {} dead-lettered = {}", self.dead_lettered, self.accounted())
    }
}

/// The counts of one edge, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeReport {
    /// The edge.
    pub edge: String,
    /// What became of its items.
    pub counts: EdgeCounts,
}

/// The books of one process, or of several merged: every edge, and the totals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct LedgerReport {
    edges: Vec<EdgeReport>,
    totals: EdgeCounts,
}

/// As it was written down. The totals are not believed but added up again.
#[derive(Deserialize)]
struct Written {
    edges: Vec<EdgeReport>,
    #[serde(rename = "totals")]
    _totals: EdgeCounts,
}

impl From<Written> for LedgerReport {
    fn from(written: Written) -> Self {
        Self::new(written.edges)
    }
}

impl LedgerReport {
    /// The report on these edges, in the order of their names; counts of the same edge are added.
    #[must_use]
    pub fn new(edges: impl IntoIterator<Item = EdgeReport>) -> Self {
        let mut by_name = BTreeMap::<String, EdgeCounts>::new();
        let mut totals = EdgeCounts::default();
        for EdgeReport { edge, counts } in edges {
            totals.add(&counts);
            by_name.entry(edge).or_default().add(&counts);
        }
        let edges = by_name
            .into_iter()
            .map(|(edge, counts)| EdgeReport { edge, counts })
            .collect();
        Self { edges, totals }
    }

    /// The edges in the order of their names.
    #[must_use]
    pub fn edges(&self) -> &[EdgeReport] {
        &self.edges
    }

    /// The counts of one edge.
    #[must_use]
    pub fn edge(&self, name: &str) -> Option<&EdgeCounts> {
        let at = self.edges.binary_search_by(|edge| edge.edge.as_str().cmp(name)).ok()?;
        self.edges.get(at).map(|edge| &edge.counts)
    }

    /// The sum over all edges.
    #[must_use]
    pub const fn totals(&self) -> &EdgeCounts {
        &self.totals
    }

    /// The books of several processes as one: an edge between two of them balances only here.
    #[must_use]
    pub fn merge(reports: impl IntoIterator<Item = Self>) -> Self {
        Self::new(reports.into_iter().flat_map(|report| report.edges))
    }

    /// Succeeds when every edge balances. A loss on one edge is not made good by a surplus on another.
    ///
    /// # Errors
    /// `Corrupt`, naming the first edge that does not balance and its numbers, and how many more there are.
    pub fn check(&self) -> Result<(), Error> {
        let mut broken = self.edges.iter().filter(|edge| !edge.counts.balances());
        let Some(EdgeReport { edge, counts }) = broken.next() else {
            return Ok(());
        };
        let error = Error::new(ErrorKind::Corrupt, "check ledger")
            .expected(format!(
                "edge `{edge}` to account for {} accepted items",
                counts.accepted
            ))
            .found(counts.to_string())
            .remedy("compare the two ends of this edge, and report it with the seed of the run");
        let error = match (counts.lost(), counts.surplus()) {
            (0, surplus) => error.with("surplus", surplus),
            (lost, _) => error.with("lost", lost),
        };
        match broken.count() {
            0 => Err(error),
            more => Err(error.with("more_edges", more)),
        }
    }
}
