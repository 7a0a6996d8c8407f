//! Pictures and descriptions.

use crate::common::{demo, plan, wide};
use graph::{Deployment, EdgeSpec, GraphBuilder, NodeKind};
use router::Partition;

#[test]
fn the_demo_in_one_row() {
    let expected = "\
┌────────┐            ┌────────┐            ┌────────┐         ┌────────┐                ┌──────┐
│ source │ ─forward─▶ │ filter │ ─forward─▶ │ key_by │ ─hash─▶ │ window │ ─round_robin─▶ │ sink │
│   x2   │            │   x2   │            │   x2   │         │   x2   │                │  x1  │
└────────┘            └────────┘            └────────┘         └────────┘                └──────┘
";
    assert_eq!(demo().build().topology(), expected);
}

#[test]
fn streams_that_meet() {
    let mut job = GraphBuilder::new("pairs");
    let users = job.node(wide("users", NodeKind::Source, 1));
    let auctions = job.node(wide("auctions", NodeKind::Source, 2));
    let by_user = job.node(wide("by_user", NodeKind::KeyBy, 1));
    let by_seller = job.node(wide("by_seller", NodeKind::KeyBy, 2));
    let join = job.node(wide("pairs", NodeKind::Join, 4));
    let sink = job.node(wide("out", NodeKind::Sink, 1));
    job.edge(users, by_user, EdgeSpec::new(Partition::RoundRobin));
    job.edge(auctions, by_seller, EdgeSpec::new(Partition::Forward));
    job.edge(by_user, join, EdgeSpec::new(Partition::Hash));
    job.edge(by_seller, join, EdgeSpec::to_port(1, Partition::Hash));
    job.edge(join, sink, EdgeSpec::new(Partition::LoadAware));
    let expected = "\
┌───────────┐                ┌───────────┐
│   users   │ ─round_robin─▶ │  by_user  │
│ source x1 │                │ key_by x1 │
└───────────┘                └───────────┘

┌───────────┐            ┌───────────┐
│ auctions  │ ─forward─▶ │ by_seller │
│ source x2 │            │ key_by x2 │
└───────────┘            └───────────┘

                    ┌─────────┐               ┌─────────┐
by_user   ─hash─▶ 0 │  pairs  │ ─load_aware─▶ │   out   │
by_seller ─hash─▶ 1 │ join x4 │               │ sink x1 │
                    └─────────┘               └─────────┘
";
    assert_eq!(job.build().topology(), expected);
}

#[test]
fn long_names_and_rows_stay_within_100_columns() {
    let mut job = GraphBuilder::new("long");
    let mut last = job.node(wide(&"s".repeat(60), NodeKind::Source, 1024));
    for _ in 0..20 {
        let next = job.node(wide(&"m".repeat(60), NodeKind::CoMap, 1024));
        job.edge(last, next, EdgeSpec::new(Partition::custom("p".repeat(60))));
        job.edge(last, next, EdgeSpec::to_port(u16::MAX, Partition::Broadcast));
        last = next;
    }
    let picture = job.build().topology();
    assert!(picture.lines().all(|line| line.chars().count() <= 100), "{picture}");
    assert_eq!(picture.matches('▶').count(), 40, "every edge once");
    assert_eq!(picture.matches('┌').count(), 21, "every node once");
}

#[test]
fn a_cycle_is_drawn_too() {
    let mut job = GraphBuilder::new("circle");
    let a = job.node(wide("a", NodeKind::Map, 1));
    let b = job.node(wide("b", NodeKind::Map, 1));
    job.edge(a, b, EdgeSpec::new(Partition::Hash));
    job.edge(b, a, EdgeSpec::new(Partition::Hash));
    let picture = job.build().topology();
    assert_eq!(
        (picture.matches('┌').count(), picture.matches('▶').count()),
        (2, 2),
        "{picture}"
    );
    assert_eq!(GraphBuilder::new("none").build().topology(), "");
}

#[test]
fn drawings_quote_what_is_not_theirs() {
    let mut job = GraphBuilder::new("a\"b");
    let node = job.node(wide("x\"]\n<y>", NodeKind::Source, 1));
    job.edge(node, node, EdgeSpec::new(Partition::Hash));
    job.service(graph::ServiceSpec::new("geo"));
    let graph = job.build();
    assert_eq!(
        graph.to_mermaid(),
        "flowchart LR\n  n0([\"x#quot;] #lt;y#gt; (source) x1\"])\n  n0 -- \"hash\" --> n0\n  \
         s0{{\"service geo x1\"}}\n"
    );
    assert_eq!(
        graph.to_dot(),
        "digraph \"a\\\"b\" {\n  rankdir=LR;\n  node [shape=box];\n  n0 [label=\"x\\\"] <y> (source) x1\"];\n  \
         n0 -> n0 [label=\"hash\"];\n  s0 [shape=hexagon, label=\"service geo x1\"];\n}\n"
    );
}

#[test]
fn explanations_name_the_choice_and_what_was_refused() {
    let plan = plan(demo().build(), Deployment::Processes(2)).unwrap();
    let text = plan.explain();
    assert!(
        text.contains("key_by -> window: hash, 2 x 2 connections, 128 key groups\n"),
        "{text}"
    );
    assert!(
        text.contains("demo/input_window_0, demo/input_window_1: shm, the first choice for reach host"),
        "{text}"
    );
    let whole = plan.describe();
    assert!(
        whole.starts_with("job demo on processes(2): 5 nodes, 9 instances, 4 edges, 7 queues"),
        "{whole}"
    );
    assert!(
        whole.contains("worker 1: source_1, filter_1, key_by_1, window_1\n"),
        "{whole}"
    );
}
