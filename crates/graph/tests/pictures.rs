//! Pictures and descriptions.

mod common;

use common::{demo, plan, wide};
use graph::{Deployment, EdgeSpec, GraphBuilder, NodeKind};
use router::Partition;

#[test]
fn the_demo_in_one_row() {
    let expected = "\
┌────────┐           ┌────────┐           ┌────────┐        ┌────────┐               ┌──────┐
│ source │ ─forward─▶│ filter │ ─forward─▶│ key_by │ ─hash─▶│ window │ ─round_robin─▶│ sink │
│   x2   │           │   x2   │           │   x2   │        │   x2   │               │  x1  │
└────────┘           └────────┘           └────────┘        └────────┘               └──────┘
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
";
    assert_eq!(job.build().topology(), expected);
}
