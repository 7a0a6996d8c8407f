//! A plan for people and for programs.

use std::collections::HashSet;
use std::io::{self, Write};

use sage_comm::{Builtin, Deployment, DescriptorRecord, Job};
use serde_json::{Value, json};

use crate::table::{Align, Table};

/// One instance with all that it starts from.
struct Line<'a> {
    name: &'a str,
    node: String,
    worker: Option<u32>,
    /// `None` for sources, and for those that are called on the thread of their sender.
    input: Option<&'a DescriptorRecord>,
    called: bool,
    stops: usize,
}

fn lines(job: &Job<Builtin>) -> Vec<Line<'_>> {
    let plan = job.plan();
    // Groups and explained edges are both in the order of the edges.
    let explained = job.explain().edges;
    let called: HashSet<_> = plan
        .groups()
        .iter()
        .zip(&explained)
        .filter(|(_, edge)| edge.called)
        .map(|(group, _)| group.to)
        .collect();
    let line = |node: String, called: bool| {
        move |name, worker, input, stops| Line {
            name,
            node,
            worker: (worker != Deployment::COORDINATOR).then_some(worker),
            input: if called { None } else { input },
            called,
            stops,
        }
    };
    plan.instances()
        .iter()
        .map(|it| {
            let node = plan
                .graph()
                .node(it.node)
                .map_or_else(String::new, |node| node.name.clone());
            let stops = plan.expected_stops(it.id).count();
            line(node, called.contains(&it.node))(it.name.as_str(), it.worker, plan.input(it.id), stops)
        })
        .collect()
}

pub(super) fn to_json(job: &Job<Builtin>) -> Value {
    let plan = job.plan();
    let descriptor =
        |record: &DescriptorRecord| -> Value { serde_json::from_str(&record.to_json()).unwrap_or_default() };
    let instances: Vec<_> = lines(job)
        .iter()
        .map(|line| {
            json!({
                "name": line.name,
                "node": line.node,
                "worker": line.worker,
                "input": line.input.map(descriptor),
                "called": line.called,
                "expected_stops": line.stops,
            })
        })
        .collect();
    let edges: Vec<_> = plan
        .groups()
        .iter()
        .map(|group| {
            json!({
                "edge": plan.edge_name(group.edge),
                "partition": group.partition.to_string(),
                "senders": group.senders().len(),
                "receivers": group.targets().len(),
                "key_groups": group.key_groups.map(|groups| groups.count()),
            })
        })
        .collect();
    let warnings: Vec<_> = plan.warnings().iter().map(ToString::to_string).collect();
    json!({
        "job": plan.job_name(),
        "deployment": plan.deployment().to_string(),
        "workers": plan.deployment().workers(),
        "fingerprint": plan.fingerprint(),
        "instances": instances,
        "edges": edges,
        "warnings": warnings,
    })
}

pub(super) fn write(job: &Job<Builtin>, out: &mut dyn Write) -> io::Result<()> {
    use Align::{Left, Right};
    let plan = job.plan();
    writeln!(
        out,
        "job {} on {}, fingerprint {}\n\n{}",
        plan.job_name(),
        plan.deployment(),
        plan.fingerprint(),
        plan.topology()
    )?;
    let mut edges = Table::new(&[
        ("edge", Left),
        ("partition", Left),
        ("connections", Right),
        ("key groups", Right),
    ]);
    for group in plan.groups() {
        edges.row([
            plan.edge_name(group.edge).unwrap_or_default(),
            group.partition.to_string(),
            format!("{} x {}", group.senders().len(), group.targets().len()),
            group
                .key_groups
                .map_or_else(String::new, |groups| groups.count().to_string()),
        ]);
    }
    writeln!(out, "{edges}")?;
    let mut instances = Table::new(&[("instance", Left), ("worker", Left), ("stops", Right), ("input", Left)]);
    let lines = lines(job);
    for line in &lines {
        instances.row([
            line.name.to_owned(),
            line.worker
                .map_or_else(|| "coordinator".to_owned(), |worker| worker.to_string()),
            line.stops.to_string(),
            match line.input {
                Some(record) => record.queue_type.clone(),
                None if line.called => "called by its sender".to_owned(),
                None => "none: a source".to_owned(),
            },
        ]);
    }
    writeln!(out, "{instances}")?;
    for record in lines.iter().filter_map(|line| line.input) {
        // When a plan is made says nothing about its queues.
        let timeless = DescriptorRecord {
            created_timestamp: 0.0,
            ..record.clone()
        };
        writeln!(out, "  {}", timeless.to_uri())?;
    }
    for warning in plan.warnings() {
        writeln!(out, "{warning}")?;
    }
    Ok(())
}
