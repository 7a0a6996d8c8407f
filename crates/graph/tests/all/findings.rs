//! Each rule of the preflight is broken once, alone.

use descriptor_core::TypeTag;
use graph::{
    Code, Deployment, EdgeSpec, GraphBuilder, NodeId, NodeKind, NodeSpec, Place, Preflight, ServiceSpec, Severity,
};
use router::Partition;

use crate::common::{plan, wide};

pub(crate) fn node(job: &mut GraphBuilder, name: &str, kind: NodeKind) -> NodeId {
    job.node(NodeSpec::new(name, kind))
}

pub(crate) fn connect(job: &mut GraphBuilder, from: NodeId, to: NodeId) {
    job.edge(from, to, EdgeSpec::new(Partition::RoundRobin));
}

/// Source, key_by and sink, which are right; `more` breaks something.
fn found_on(deployment: Deployment, more: impl FnOnce(&mut GraphBuilder, [NodeId; 3])) -> Vec<(Code, Place, String)> {
    let mut job = GraphBuilder::new("job");
    let nodes = [
        node(&mut job, "source", NodeKind::Source),
        node(&mut job, "key_by", NodeKind::KeyBy),
        node(&mut job, "sink", NodeKind::Sink),
    ];
    connect(&mut job, nodes[0], nodes[1]);
    connect(&mut job, nodes[1], nodes[2]);
    more(&mut job, nodes);
    let found = Preflight::of(&job.build(), deployment);
    found
        .findings
        .into_iter()
        .map(|found| (found.code, found.place, found.message))
        .collect()
}

pub(crate) fn found(more: impl FnOnce(&mut GraphBuilder, [NodeId; 3])) -> Vec<(Code, Place, String)> {
    found_on(Deployment::Threads, more)
}

#[track_caller]
pub(crate) fn only(found: &[(Code, Place, String)], code: Code, place: Place, text: &str) {
    match found {
        [(one, at, message)] => {
            assert_eq!((*one, *at), (code, place), "{message}");
            assert!(message.contains(text), "{message}");
            assert!(!message.contains('\n'), "{message}");
        }
        _ => panic!("expected {code} alone, found {found:?}"),
    }
}

#[test]
fn a_right_graph_has_no_findings() {
    assert_eq!(found(|_, _| {}), []);
}

#[test]
fn no_source_and_no_sink() {
    let mut job = GraphBuilder::new("job");
    let [map, sink] = [
        node(&mut job, "map", NodeKind::Map),
        node(&mut job, "sink", NodeKind::Sink),
    ];
    connect(&mut job, map, sink);
    let error = plan(job.build(), Deployment::Threads).unwrap_err();
    assert_eq!(
        error.findings().iter().map(|f| f.code).collect::<Vec<_>>(),
        [Code::NoSource]
    );

    let mut job = GraphBuilder::new("job");
    let [source, map] = [
        node(&mut job, "source", NodeKind::Source),
        node(&mut job, "map", NodeKind::Map),
    ];
    connect(&mut job, source, map);
    let error = plan(job.build(), Deployment::Threads).unwrap_err();
    assert_eq!(
        error.findings().iter().map(|f| f.code).collect::<Vec<_>>(),
        [Code::NoSink]
    );
}

#[test]
fn an_output_nobody_reads() {
    let found = found(|job, _| {
        node(job, "lonely", NodeKind::Source);
    });
    only(&found, Code::UnreadOutput, Place::Node(NodeId::new(3)), "`lonely`");
}

#[test]
fn a_node_no_source_leads_to() {
    let found = found(|job, [_, _, sink]| {
        let lost = node(job, "lost", NodeKind::Map);
        connect(job, lost, sink);
    });
    only(&found, Code::Unreachable, Place::Node(NodeId::new(3)), "`lost`");
}

#[test]
fn a_port_without_an_edge() {
    let found = found(|job, [_, key_by, sink]| {
        let join = node(job, "join", NodeKind::Join);
        job.edge(key_by, join, EdgeSpec::to_port(1, Partition::Hash));
        connect(job, join, sink);
    });
    only(&found, Code::MissingInput, Place::Node(NodeId::new(3)), "port 0");
}

#[test]
fn an_edge_into_a_port_that_is_not_there() {
    let into_sink = found(|job, [source, _, sink]| {
        job.edge(source, sink, EdgeSpec::to_port(1, Partition::Broadcast));
    });
    only(
        &into_sink,
        Code::UnknownPort,
        Place::Edge(graph::EdgeId::new(2)),
        "port 1",
    );
    let into_source = found(|job, [source, ..]| {
        let other = node(job, "other", NodeKind::Source);
        connect(job, other, source);
    });
    only(
        &into_source,
        Code::UnknownPort,
        Place::Edge(graph::EdgeId::new(2)),
        "0 input ports",
    );
}

#[test]
fn more_types_than_ports() {
    let found = found(|job, [.., sink]| {
        job.change(sink, |sink| sink.inputs = vec![TypeTag::of::<u64>(); 2]);
    });
    only(&found, Code::PortCount, Place::Node(NodeId::new(2)), "found 2");
}

#[test]
fn an_edge_that_leaves_a_sink() {
    let found = found(|job, [.., sink]| {
        let after = node(job, "after", NodeKind::Sink);
        connect(job, sink, after);
    });
    only(
        &found,
        Code::SinkOutput,
        Place::Edge(graph::EdgeId::new(2)),
        "sink -> after",
    );
}

#[test]
fn cycles_are_named_node_by_node() {
    let long = found(|job, [source, _, sink]| {
        let [a, b, c] = ["a", "b", "c"].map(|name| node(job, name, NodeKind::Map));
        for (from, to) in [(source, a), (a, b), (b, c), (c, a), (b, sink)] {
            connect(job, from, to);
        }
    });
    only(&long, Code::Cycle, Place::Node(NodeId::new(3)), "a -> b -> c -> a");
    let own = found(|job, [_, key_by, _]| connect(job, key_by, key_by));
    only(&own, Code::Cycle, Place::Node(NodeId::new(1)), "key_by -> key_by:");
    let fed_by_nobody = found(|job, [_, _, sink]| {
        let [a, b] = ["a", "b"].map(|name| node(job, name, NodeKind::Map));
        for (from, to) in [(a, b), (b, a), (b, sink)] {
            connect(job, from, to);
        }
    });
    only(&fed_by_nobody, Code::Cycle, Place::Node(NodeId::new(3)), "a -> b -> a");
}

#[test]
fn numbers_out_of_range() {
    for parallelism in [0, 1025, u32::MAX] {
        let found = found(|job, [source, ..]| {
            job.change(source, |node| node.parallelism = parallelism);
        });
        let found: Vec<_> = found.into_iter().filter(|(code, ..)| *code != Code::TooLarge).collect();
        only(
            &found,
            Code::Parallelism,
            Place::Node(NodeId::new(0)),
            &format!("found {parallelism}"),
        );
    }
    let below = found(|job, [source, ..]| {
        job.change(source, |node| (node.parallelism, node.max_parallelism) = (4, Some(2)));
    });
    only(
        &below,
        Code::Parallelism,
        Place::Node(NodeId::new(0)),
        "at least its parallelism 4",
    );
    for size in [0, (1 << 24) + 1, usize::MAX] {
        let found = found(|job, [_, _, sink]| {
            job.change(sink, |node| node.buffer_size = size);
        });
        only(
            &found,
            Code::BufferSize,
            Place::Node(NodeId::new(2)),
            &format!("found {size}"),
        );
    }
}

#[test]
fn jobs_that_are_too_large() {
    let instances = found(|job, [source, _, sink]| {
        for _ in 0..64 {
            let node = job.node(wide("map", NodeKind::Map, 1024));
            connect(job, source, node);
            connect(job, node, sink);
        }
    });
    only(
        &instances,
        Code::TooLarge,
        Place::Job,
        "at most 65536 instances, found 65539",
    );
    let connections = found(|job, [source, _, sink]| {
        job.change(source, |node| node.parallelism = 1000);
        job.change(sink, |node| node.parallelism = 1000);
        connect(job, source, sink);
    });
    only(
        &connections,
        Code::TooLarge,
        Place::Job,
        "at most 1000000 connections, found 1002000",
    );
    let workers = found_on(Deployment::Processes(1025), |job, _| {
        job.service(ServiceSpec {
            parallelism: 1024,
            ..ServiceSpec::new("s")
        });
    });
    only(&workers, Code::TooLarge, Place::Job, "at most 1024 workers, found 1025");
}

#[test]
fn workers_that_do_not_exist() {
    let bind = |job: &mut GraphBuilder, [source, ..]: [NodeId; 3]| {
        job.change(source, |node| node.workers = vec![0, 2]);
    };
    let found = found_on(Deployment::Processes(2), bind);
    only(&found, Code::NoWorker, Place::Node(NodeId::new(0)), "worker 2");
    assert_eq!(found_on(Deployment::Threads, bind), [], "threads ignore the binding");
    let none = found_on(Deployment::Processes(0), |_, _| {});
    only(&none, Code::NoWorker, Place::Job, "processes(0)");
}

#[test]
fn idle_workers_are_a_warning_and_kept_in_the_plan() {
    let mut job = GraphBuilder::new("job");
    let [source, sink] = [
        node(&mut job, "source", NodeKind::Source),
        node(&mut job, "sink", NodeKind::Sink),
    ];
    connect(&mut job, source, sink);
    let plan = plan(job.build(), Deployment::Processes(3)).unwrap();
    let [warning] = plan.warnings() else {
        panic!("{:?}", plan.warnings())
    };
    assert_eq!((warning.code, warning.severity), (Code::IdleWorkers, Severity::Warning));
}

#[test]
fn types_of_the_two_ends_differ() {
    let found = found(|job, [source, key_by, _]| {
        job.change(source, |node| node.output = Some(TypeTag::of::<u64>()));
        job.change(key_by, |node| node.inputs = vec![TypeTag::of::<String>()]);
    });
    only(&found, Code::TypeMismatch, Place::Edge(graph::EdgeId::new(0)), "u64#");
    assert!(found[0].2.contains("String#"), "{found:?}");
}

#[test]
fn an_edge_of_another_type_than_its_sender() {
    let found = found(|job, [source, _, sink]| {
        job.change(source, |node| node.output = Some(TypeTag::of::<u64>()));
        let tag = Some(TypeTag::of::<u32>());
        job.edge(
            source,
            sink,
            EdgeSpec {
                tag,
                ..EdgeSpec::default()
            },
        );
    });
    only(&found, Code::TypeMismatch, Place::Edge(graph::EdgeId::new(2)), "u32#");
}

#[test]
fn two_types_on_one_port() {
    let found = found(|job, [source, key_by, sink]| {
        job.change(source, |node| node.output = Some(TypeTag::of::<u64>()));
        job.change(key_by, |node| node.output = Some(TypeTag::of::<u32>()));
        connect(job, source, sink);
    });
    only(
        &found,
        Code::PortTypes,
        Place::Edge(graph::EdgeId::new(2)),
        "`sink`: expected u32",
    );
}

#[test]
fn keys_that_are_missing_or_in_the_way() {
    let hash = found(|job, [source, _, sink]| {
        job.edge(source, sink, EdgeSpec::new(Partition::Hash));
    });
    only(
        &hash,
        Code::NotKeyed,
        Place::Edge(graph::EdgeId::new(2)),
        "put a key_by before it",
    );
    let load_aware = found(|job, [_, key_by, sink]| {
        job.edge(key_by, sink, EdgeSpec::new(Partition::LoadAware));
    });
    only(
        &load_aware,
        Code::KeyedLoadAware,
        Place::Edge(graph::EdgeId::new(2)),
        "load_aware",
    );
    for kind in [NodeKind::Reduce, NodeKind::Window] {
        let needs = |parallelism| {
            found(|job, [_, key_by, sink]| {
                let node = job.node(wide("per_key", kind.clone(), parallelism));
                connect(job, key_by, node);
                connect(job, node, sink);
            })
        };
        only(
            &needs(2),
            Code::NeedsHash,
            Place::Edge(graph::EdgeId::new(2)),
            "found round_robin",
        );
        assert_eq!(needs(1), [], "one instance sees every key");
    }
}

#[test]
fn forward_between_unequal_widths() {
    let found = found(|job, [source, _, sink]| {
        job.change(sink, |node| node.parallelism = 3);
        job.edge(source, sink, EdgeSpec::new(Partition::Forward));
    });
    only(
        &found,
        Code::ForwardWidth,
        Place::Edge(graph::EdgeId::new(2)),
        "found 1 and 3",
    );
}

#[test]
fn a_long_circle_is_named_in_part() {
    let mut job = GraphBuilder::new("job");
    let nodes: Vec<NodeId> = (0..5000)
        .map(|i| node(&mut job, &format!("m{i}"), NodeKind::Map))
        .collect();
    for (from, to) in nodes.iter().zip(nodes.iter().cycle().skip(1)) {
        connect(&mut job, *from, *to);
    }
    let found = Preflight::of(&job.build(), Deployment::Threads).findings;
    assert_eq!(found[0].code, Code::Cycle);
    assert!(found[0].message.contains("m0 -> m1 ->"), "{}", found[0]);
    assert!(found[0].message.contains("m18 -> (4981 more) -> m0:"), "{}", found[0]);
}

#[test]
fn edges_to_nodes_of_another_graph() {
    let found = found(|job, [source, ..]| {
        connect(job, source, NodeId::new(9));
    });
    only(
        &found,
        Code::UnknownNode,
        Place::Edge(graph::EdgeId::new(2)),
        "found n9 of 3",
    );
}

#[test]
fn everything_at_once_one_line_each() {
    let mut job = GraphBuilder::new("job");
    let source = job.node(wide("source", NodeKind::Source, 0));
    let a = node(&mut job, "a", NodeKind::Map);
    let b = node(&mut job, "b", NodeKind::Map);
    let sink = job.node(NodeSpec {
        buffer_size: 0,
        ..NodeSpec::new("sink", NodeKind::Sink)
    });
    job.edge(source, sink, EdgeSpec::new(Partition::Hash));
    connect(&mut job, a, b);
    connect(&mut job, b, a);
    node(&mut job, "lonely", NodeKind::Source);
    let error = plan(job.build(), Deployment::Threads).unwrap_err();
    let codes: Vec<Code> = error.findings().iter().map(|finding| finding.code).collect();
    assert_eq!(
        codes,
        [
            Code::Cycle,
            Code::UnreadOutput,
            Code::Parallelism,
            Code::BufferSize,
            Code::NotKeyed
        ]
    );
    let text = error.to_string();
    assert!(text.starts_with("job `job` cannot start: 5 errors\n"), "{text}");
    assert_eq!(text.lines().count(), 6, "{text}");
    let words: std::collections::HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(words.len(), Code::ALL.len());
}
