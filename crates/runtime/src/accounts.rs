//! The books of a job: what its instances say they did, edge by edge, against what is still in the queues.

use std::collections::BTreeMap;

use descriptor_core::{EdgeCounts, EdgeReport, LedgerReport};
use graph::{EdgeId, Plan};
use router::UpstreamId;
use task::host::{Phase, TaskAccount};

use crate::report::{FailureReport, JobReport, LeftBehind, LostWorker, NodeReport, Outcome};
use crate::shared::Shared;
use crate::workers::lost;

/// Adds everything up. `accounts` has one entry per instance, in the order of the plan.
pub(crate) fn report(
    shared: &Shared,
    outcome: Outcome,
    seconds: f64,
    accounts: &mut [TaskAccount],
    stuck: Vec<String>,
    mut lost_workers: Vec<LostWorker>,
) -> JobReport {
    let plan = &shared.plan;
    lost::settle(plan, accounts, &mut lost_workers, &stuck);
    if shared.control.phase() == Phase::Aborting {
        lost::settle_windows(plan, accounts);
    }
    let mut edges: BTreeMap<EdgeId, EdgeCounts> = plan
        .groups()
        .iter()
        .map(|group| (group.edge, EdgeCounts::default()))
        .collect();
    let mut nodes: Vec<NodeReport> = plan
        .graph()
        .nodes()
        .iter()
        .map(|node| NodeReport {
            node: node.name.clone(),
            parallelism: node.parallelism,
            ..NodeReport::default()
        })
        .collect();
    let mut left_behind = Vec::new();
    for ((instance, account), meter) in plan.instances().iter().zip(accounts).zip(&shared.meters) {
        // The router numbers its groups in the order of the node's edges.
        let out: Vec<EdgeId> = plan.groups_from(instance.node).map(|group| group.edge).collect();
        for sent in &account.sent {
            if let Some(edge) = out
                .get(usize::from(sent.target.group))
                .and_then(|edge| edges.get_mut(edge))
            {
                edge.accepted += sent.packets;
            }
        }
        let edge_of: BTreeMap<UpstreamId, EdgeId> = plan.upstreams(instance.id).map(|it| (it.id, it.edge)).collect();
        for (from, taken, loss) in &account.received {
            if let Some(edge) = edge_of.get(from).and_then(|edge| edges.get_mut(edge)) {
                edge.delivered += taken.saturating_sub(loss.total());
                edge.dead_lettered += loss.dead_lettered;
                edge.redelivered += loss.redelivered;
                for (cause, packets) in &loss.dropped {
                    *edge.dropped.entry(*cause).or_default() += packets;
                }
            }
        }
        for (from, packets) in &account.inside {
            if let Some(edge) = edge_of.get(from).and_then(|edge| edges.get_mut(edge)) {
                edge.in_flight += packets;
            }
        }
        let packets = account.inside.values().sum();
        if let Some(record) = plan.input(instance.id).filter(|_| packets > 0) {
            left_behind.push(LeftBehind {
                queue_id: record.queue_id.to_string(),
                packets,
            });
        }
        if let Some(node) = nodes.get_mut(instance.node.index()) {
            node.packets_in += meter.packets_in();
            node.packets_out += meter.packets_out();
            node.skipped += account.skipped;
            node.unsent += account.unsent;
            let odd = account.irregular;
            node.irregular += odd.duplicate_stops + odd.after_stop + odd.unexpected + odd.regressed;
        }
    }
    for (node, (state, restarts)) in nodes.iter_mut().zip(shared.node_states()) {
        (node.state, node.restarts) = (state, restarts);
    }
    let edges = plan.groups().iter().filter_map(|group| {
        let name = |id| plan.graph().node(id).map_or("?", |node| node.name.as_str());
        Some(EdgeReport {
            edge: format!("{} -> {}", name(group.from), edge_end(plan, group, name(group.to))),
            counts: edges.get(&group.edge)?.clone(),
        })
    });
    JobReport {
        job: plan.job_name().into(),
        outcome,
        seconds,
        nodes,
        ledger: LedgerReport::new(edges),
        failures: failures(shared),
        left_behind,
        stuck,
        lost_workers,
        workers: Vec::new(),
        services: Vec::new(),
        late_answers: 0,
        checkpoints: None,
        restarts: 0,
        attempts: Vec::new(),
        rescales: Vec::new(),
    }
}

/// The target's name, with its port where it has several: two edges between the same nodes are two accounts.
fn edge_end(plan: &Plan, group: &graph::Group, name: &str) -> String {
    match plan.graph().node(group.to).map_or(0, |node| node.ports()) {
        0 | 1 => name.to_string(),
        _ => format!("{name}[{}]", group.input_index),
    }
}

fn failures(shared: &Shared) -> Vec<FailureReport> {
    let failures = shared.control.failures().into_iter();
    failures
        .map(|failure| FailureReport {
            node: failure.node,
            instance: failure.instance,
            message: failure.message,
            panicked: failure.panicked,
            isolated: failure.isolated,
        })
        .collect()
}
