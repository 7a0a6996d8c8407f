//! Names of jobs, nodes and services.

use graph::{Code, Deployment, EdgeSpec, GraphBuilder, NodeId, NodeKind, Place, Preflight, ServiceSpec};
use router::Partition;

use crate::common::plan;
use crate::findings::{connect, found, node, only};

#[test]
fn names_outside_the_grammar() {
    let spaced = found(|job, [_, _, sink]| {
        let node = node(job, "hot items", NodeKind::Source);
        connect(job, node, sink);
    });
    only(
        &spaced,
        Code::BadName,
        Place::Node(NodeId::new(3)),
        "call it `hot_items`",
    );
    let service = found(|job, _| {
        job.service(ServiceSpec::new("a/b"));
    });
    only(
        &service,
        Code::BadName,
        Place::Service(graph::ServiceId::new(0)),
        "service `a/b`",
    );
    let mut job = GraphBuilder::new("\u{7}");
    let [source, sink] = [
        node(&mut job, "source", NodeKind::Source),
        node(&mut job, "sink", NodeKind::Sink),
    ];
    connect(&mut job, source, sink);
    let found = Preflight::of(&job.build(), Deployment::Threads).findings;
    assert_eq!(
        (found.len(), found[0].code, found[0].place),
        (1, Code::BadName, Place::Job)
    );
    assert!(found[0].message.contains("\\u{7}"), "{}", found[0]);
}

#[test]
fn services_of_one_id() {
    let found = found(|job, _| {
        job.service(ServiceSpec::new("geo"));
        job.service(ServiceSpec::new("geo"));
    });
    only(
        &found,
        Code::DuplicateName,
        Place::Service(graph::ServiceId::new(1)),
        "`geo`",
    );
}

#[test]
fn hostile_names_stay_on_one_line_of_findings_and_pictures() {
    let mut job = GraphBuilder::new("job\nx");
    let name = format!("a\n\u{1b}[2J{}", "b".repeat(1000));
    let [source, sink] = [NodeKind::Source, NodeKind::Sink].map(|kind| node(&mut job, &name, kind));
    job.edge(source, sink, EdgeSpec::new(Partition::custom("p\nq")));
    job.edge(source, sink, EdgeSpec::new(Partition::Hash));
    connect(&mut job, source, source);
    let graph = job.build();
    let error = plan(graph.clone(), Deployment::Threads).unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1 + error.findings().len(), "{text}");
    assert!(text.lines().all(|line| line.len() < 500), "{text}");
    assert!(!format!("{text}{}", graph.topology()).contains('\u{1b}'), "{text}");
}

#[test]
fn names_are_made_unique_in_order() {
    let mut job = GraphBuilder::new("job");
    let ids = ["map", "map", "map_1", "map", "map_1"].map(|name| node(&mut job, name, NodeKind::Map));
    let names = ids.map(|id| job.get(id).unwrap().name.clone());
    assert_eq!(names, ["map", "map_1", "map_1_1", "map_2", "map_1_2"]);
}
