//! How a job fares as it grows: more instances of a node, more nodes in a row.

use std::time::Instant;

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Deployment, Flow};

use super::record::{KEYS, Record};
use crate::measure::{Better, Case, Group, Metric, Role, Size};

/// So many that even a thousand threads have started long before the end.
const RECORDS: u64 = 1_000_000;
const INSTANCES: [(&str, u32); 6] = [
    ("1 instance", 1),
    ("4 instances", 4),
    ("16 instances", 16),
    ("64 instances", 64),
    ("256 instances", 256),
    ("1024 instances", 1024),
];
const NODES: [(&str, usize); 4] = [("1 node", 1), ("4 nodes", 4), ("16 nodes", 16), ("64 nodes", 64)];

/// The points of one curve are subjects of one group: each is held against the first.
pub(super) fn groups() -> [Group; 3] {
    let widths = INSTANCES.map(|(subject, instances)| {
        Case::new(subject, Role::Ours, move |fewer| {
            rate(fewer, |items| wide(instances, items))
        })
    });
    let chains = NODES.map(|(subject, nodes)| {
        Case::new(subject, Role::Ours, move |fewer| {
            rate(fewer, |items| long(nodes, true, items))
        })
    });
    let queues = NODES.map(|(subject, nodes)| {
        Case::new(subject, Role::Ours, move |fewer| {
            rate(fewer, |items| long(nodes, false, items))
        })
    });
    [
        curve("instances of a keyed node", widths.into()),
        curve("nodes in a row, chained", chains.into()),
        curve("nodes in a row, a queue between", queues.into()),
    ]
}

fn curve(scenario: &'static str, cases: Vec<Case>) -> Group {
    Group {
        size: Size::Own,
        item: <u64 as Record>::NAME,
        metrics: vec![Metric {
            scenario,
            unit: "M items/s",
            better: Better::Higher,
        }],
        cases,
    }
}

/// A source, a keyed node of so many instances, a sink; how many records arrived.
fn wide(instances: u32, items: u64) -> u64 {
    let flow = Flow::new("wide", Builtin);
    let _ = flow
        .source("numbers", 1, move |_| IterSource::new(0..items))
        .key_by("by_rest", |number: &u64| number % (8 * KEYS))
        .reduce("last", |_, number| number)
        .parallelism(instances)
        .for_each("end", |_| ());
    arrived(flow)
}

/// A source, so many nodes that add one, a sink.
fn long(nodes: usize, chained: bool, items: u64) -> u64 {
    let flow = Flow::new("long", Builtin);
    let mut stream = flow.source("numbers", 1, move |_| IterSource::new(0..items));
    for node in 0..nodes {
        stream = stream
            .map(&format!("add_{node}"), |number: u64| number + 1)
            .chain(chained);
    }
    let _ = stream.for_each("end", |_| ()).chain(chained);
    arrived(flow)
}

/// Millions of records a second, the start of the job included. With 0, those of a measurement.
fn rate(fewer: u64, job: impl FnOnce(u64) -> u64) -> Vec<f64> {
    let items = if fewer == 0 { RECORDS } else { fewer };
    let begun = Instant::now();
    let arrived = job(items);
    let took = begun.elapsed().as_secs_f64();
    assert_eq!(arrived, items, "the job lost records");
    vec![items as f64 / took / 1e6]
}

fn arrived(flow: Flow<Builtin>) -> u64 {
    let report = flow.build(Deployment::Threads).and_then(sage_comm::Job::run);
    let report = report.expect("a job without findings");
    assert!(report.is_complete(), "the job's books do not close");
    let end = report.nodes.iter().find(|node| node.node == "end");
    end.map_or(0, |node| node.packets_in)
}
