//! What every verb says about the job it ran: the account of its packets.

use sage_comm::{DropCause, JobReport, Outcome};
use serde::Serialize;

use crate::args::JobArgs;
use crate::number::grouped;
use crate::table::{Align, Table};

/// The account of a job, as fields of the JSON object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Account {
    pub(crate) outcome: Outcome,
    pub(crate) seconds: f64,
    pub(crate) transport: String,
    pub(crate) parallelism: u32,
    /// Where the instances of operators ran: this one, or so many workers.
    pub(crate) processes: u32,
    /// Packets that went into a queue, over all edges.
    pub(crate) accepted: u64,
    /// Packets that came out and were worked through.
    pub(crate) delivered: u64,
    pub(crate) redelivered: u64,
    /// Packets that went in and are nowhere.
    pub(crate) lost: u64,
    /// Packets that came out and never went in, or came out twice.
    pub(crate) duplicated: u64,
    /// Packets that were still inside when the job ended, or in the hands of a process that died.
    pub(crate) lost_in_flight: u64,
    /// Packets that were let go with a reason.
    pub(crate) dropped: u64,
    /// How often instances were started again, and how often all of the job went back to a checkpoint.
    pub(crate) restarts: u64,
    pub(crate) ledger_ok: bool,
}

impl Account {
    pub(crate) fn of(report: &JobReport, args: &JobArgs) -> Self {
        let totals = report.ledger.totals();
        let died_with = totals
            .dropped
            .get(&DropCause::LostInFlight)
            .copied()
            .unwrap_or_default();
        let edges = report.ledger.edges().iter().map(|edge| &edge.counts);
        let (lost, surplus) = edges.fold((0, 0), |(lost, surplus), counts| {
            (lost + counts.lost(), surplus + counts.surplus())
        });
        Self {
            outcome: report.outcome,
            seconds: report.seconds,
            transport: args.transport().to_string(),
            parallelism: args.parallelism(),
            processes: args.processes(),
            accepted: totals.accepted,
            delivered: totals.delivered,
            redelivered: totals.redelivered,
            lost,
            duplicated: totals.duplicated + surplus,
            lost_in_flight: totals.in_flight + died_with,
            dropped: totals.dropped.values().sum::<u64>() - died_with + totals.dead_lettered,
            restarts: report.restarts + report.nodes.iter().map(|node| node.restarts).sum::<u64>(),
            ledger_ok: report.ledger.check().is_ok(),
        }
    }
}

/// Every edge with what went in, came out, and became of the rest.
pub(crate) fn ledger(report: &JobReport) -> Table {
    use Align::{Left, Right};
    let mut table = Table::new(&[
        ("edge", Left),
        ("accepted", Right),
        ("delivered", Right),
        ("in flight", Right),
        ("dropped", Right),
        ("lost", Right),
        ("balance", Left),
    ]);
    // The books have the edges by name; a reader expects them from source to sink.
    let mut edges: Vec<_> = report.ledger.edges().iter().collect();
    edges.sort_by_key(|edge| {
        let from = edge.edge.split(" -> ").next().unwrap_or_default();
        report.nodes.iter().position(|node| node.node == from)
    });
    for edge in edges {
        let counts = &edge.counts;
        let dropped = counts.dropped.values().sum::<u64>() + counts.dead_lettered;
        table.row([
            edge.edge.clone(),
            grouped(counts.accepted),
            grouped(counts.delivered),
            grouped(counts.in_flight),
            grouped(dropped),
            grouped(counts.lost()),
            if counts.balances() { "ok" } else { "broken" }.to_owned(),
        ]);
    }
    table
}
