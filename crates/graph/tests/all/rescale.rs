//! Another parallelism of one node.

use descriptor_core::ErrorKind;
use graph::Deployment;
use proptest::prelude::*;
use router::Key;

use crate::common::{demo, plan};

#[test]
fn only_nodes_fed_by_key_and_only_as_far_as_their_groups_reach() {
    let graph = demo().build();
    let refused = |node: &str, to| graph.rescaled(node, to).unwrap_err();
    assert_eq!(refused("windows", 3).kind(), ErrorKind::NotFound);
    for (node, found) in [("source", "a source"), ("filter", "forward"), ("sink", "round_robin")] {
        let error = refused(node, 3);
        assert_eq!(error.kind(), ErrorKind::InvalidGraph);
        assert!(error.to_string().contains(found), "{error}");
    }
    for to in [0, 86, u32::MAX] {
        assert_eq!(refused("window", to).kind(), ErrorKind::InvalidGraph, "{to}");
    }
    let mut wide = demo();
    let window = graph.node_named("window").unwrap();
    wide.change(window, |node| node.max_parallelism = Some(200));
    let wide = wide.build();
    // However few there are, the groups stay.
    for to in [1, 86, 300] {
        let groups = wide.rescaled("window", to).unwrap().key_groups(window).unwrap();
        assert_eq!(groups.count(), 512);
    }
    assert!(wide.rescaled("window", 342).is_err());
}

#[test]
fn a_job_goes_on_with_another_parallelism_of_keyed_nodes_and_all_else_is_named() {
    let before = demo().build();
    let window = before.node_named("window").unwrap();
    assert_eq!(before.rescaled_from(&before).unwrap(), []);
    let after = before.rescaled("window", 5).unwrap();
    assert_eq!(after.rescaled_from(&before).unwrap(), [(window, 2)]);
    assert_eq!(before.rescaled_from(&after).unwrap(), [(window, 5)]);

    let mut other = demo();
    other.change(window, |node| node.parallelism = 100);
    other.change(before.node_named("sink").unwrap(), |node| node.parallelism = 2);
    other.change(before.node_named("filter").unwrap(), |node| node.buffer_size = 5);
    let error = other.build().rescaled_from(&before).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    let text = error.to_string();
    for part in [
        "node `window`: 256 key groups against 128",
        "node `sink`: parallelism 2 against 1",
        "node `filter`: buffer size 5 against 1000",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

proptest! {
    #[test]
    fn nothing_but_the_parallelism_changes_and_keys_go_where_the_plan_sends_them(to in 1_u32..=85, key: u64) {
        let before = demo().build();
        let after = before.rescaled("window", to).unwrap();
        let diff = before.route_diff("window", to).unwrap();
        prop_assert_eq!(diff.moved() + diff.stay(), 128);
        let (key, node) = (Key::from(key), before.node_named("window").unwrap());
        let of = |graph: &graph::ExecutionGraph| {
            let plan = plan(graph.clone(), Deployment::Threads).unwrap();
            let group = plan.groups().iter().find(|group| group.to == node).unwrap().clone();
            group.key_groups.unwrap().instance_of(&key, group.width())
        };
        prop_assert_eq!(diff.way_of(&key), (of(&before), of(&after)));
        let back = after.rescaled("window", 2).unwrap();
        let highest = |graph: &graph::ExecutionGraph| graph.node(node).unwrap().highest_parallelism();
        prop_assert_eq!(highest(&back), to.max(2));
        prop_assert_eq!(back.key_groups(node), before.key_groups(node));
        let mut others = back.nodes().iter().zip(before.nodes()).filter(|(a, b)| a != b);
        prop_assert!(others.all(|(a, _)| a.name == "window"));
    }
}
