//! What holds for every graph.

use std::collections::BTreeSet;

use graph::{Deployment, EdgeSpec, GraphBuilder, NodeId, NodeKind, Plan};
use proptest::prelude::*;
use router::Partition;

use crate::common::{plan, wide};

/// A shape: the widths of the nodes, and for each node behind the first the nodes before it that feed it.
#[derive(Clone, Debug)]
struct Shape {
    widths: Vec<u32>,
    feeds: Vec<(usize, usize, u8)>,
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop::collection::vec(1..5_u32, 2..9).prop_flat_map(|widths| {
        let pair = (0..widths.len(), 0..widths.len(), any::<u8>());
        (Just(widths), prop::collection::vec(pair, 0..16)).prop_map(|(widths, feeds)| Shape { widths, feeds })
    })
}

/// A right graph of this shape: node 0 is a source, the last one a sink, and edges go forward only.
fn build(shape: &Shape) -> GraphBuilder {
    let last = shape.widths.len() - 1;
    let mut job = GraphBuilder::new("random");
    let nodes: Vec<NodeId> = (0..)
        .zip(&shape.widths)
        .map(|(i, width)| {
            let kind = match i {
                0 => NodeKind::Source,
                i if i == last => NodeKind::Sink,
                i if i % 2 == 0 => NodeKind::KeyBy,
                _ => NodeKind::Map,
            };
            job.node(wide("node", kind, *width))
        })
        .collect();
    // Broadcast is right between any two nodes. Every node is fed by node 0 and feeds the last.
    for node in 1..=last {
        job.edge(nodes[0], nodes[node], EdgeSpec::new(Partition::Broadcast));
        if node != last {
            job.edge(nodes[node], nodes[last], EdgeSpec::new(Partition::Rescale));
        }
    }
    for (a, b, partition) in &shape.feeds {
        let (from, to) = (*a.min(b), *a.max(b));
        if from != to {
            let partition = if partition % 2 == 0 {
                Partition::RoundRobin
            } else {
                Partition::custom("own")
            };
            job.edge(nodes[from], nodes[to], EdgeSpec::new(partition));
        }
    }
    job
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn expected_stops_are_the_connections(shape in shapes(), workers in 1..4_u32) {
        let plan = plan(build(&shape).build(), Deployment::Processes(workers)).unwrap();
        for instance in plan.instances() {
            // What every sender would connect, seen from the senders.
            let mut connected = BTreeSet::new();
            for sender in plan.instances() {
                for group in plan.groups_from(sender.node) {
                    if group.targets().any(|target| target == instance.id) {
                        let id = group.upstream(sender.index).unwrap();
                        prop_assert!(connected.insert((id, group.edge, sender.id)), "an id twice");
                    }
                }
            }
            let expected: BTreeSet<_> = plan.upstreams(instance.id).map(|up| (up.id, up.edge, up.from)).collect();
            prop_assert_eq!(&expected, &connected);
            let ids: Vec<u32> = plan.expected_stops(instance.id).map(|id| id.0).collect();
            prop_assert_eq!(ids, (0..connected.len() as u32).collect::<Vec<_>>());
            prop_assert_eq!(plan.input(instance.id).is_some(), !connected.is_empty());
            prop_assert!(instance.worker < workers);
        }
    }

    #[test]
    fn documents_and_rebuilding(shape in shapes(), workers in 1..4_u32) {
        let deployment = Deployment::Processes(workers);
        let first = plan(build(&shape).build(), deployment.clone()).unwrap();
        prop_assert_eq!(&Plan::from_json(&first.to_json().unwrap()).unwrap(), &first);
        prop_assert_eq!(&Plan::from_bytes(&first.to_bytes().unwrap()).unwrap(), &first);
        let again = plan(build(&shape).build(), deployment).unwrap();
        prop_assert_eq!(again.fingerprint(), first.fingerprint());
        prop_assert_eq!(again.instances(), first.instances());
        prop_assert_eq!(again.groups(), first.groups());
    }

    #[test]
    fn pictures_show_every_node_and_edge_once(shape in shapes()) {
        let graph = build(&shape).build();
        let picture = graph.topology();
        prop_assert!(picture.lines().all(|line| line.chars().count() <= 100));
        prop_assert_eq!(picture.matches('┌').count(), graph.nodes().len());
        prop_assert_eq!(picture.matches('▶').count(), graph.edges().len());
    }

    #[test]
    fn garbage_is_refused(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(Plan::from_json(&text).is_err());
        prop_assert!(Plan::from_bytes(&bytes).is_err());
    }
}
