//! Plans as documents, right and wrong ones.

use descriptor_core::{ErrorKind, TypeTag};
use graph::{Deployment, EdgeSpec, ErrorPolicy, ExecutionGraph, GraphBuilder, NodeId, NodeKind, Plan, ServiceSpec};
use router::Partition;

use crate::common::{demo, plan};

fn rich() -> Plan {
    let mut job = demo();
    job.service(ServiceSpec::new("geo"));
    job.change(NodeId::new(0), |source| {
        source.output = Some(TypeTag::of::<(u64, String)>())
    });
    plan(job.build(), Deployment::Processes(2)).expect("a right graph")
}

#[test]
fn round_trips() {
    let plan = rich();
    assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
    assert_eq!(Plan::from_bytes(&plan.to_bytes().unwrap()).unwrap(), plan);
}

#[test]
fn every_cut_and_every_flipped_byte_of_the_binary_form_is_noticed() {
    let bytes = rich().to_bytes().unwrap();
    for len in 0..bytes.len() {
        let error = Plan::from_bytes(&bytes[..len]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
    }
    for place in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x10;
        let error = Plan::from_bytes(&bytes).unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible),
            "{place}: {error}"
        );
    }
}

#[test]
fn json_that_is_no_plan_is_one_line() {
    let json = rich().to_json().unwrap();
    let bomb = "[".repeat(100_000);
    let unknown = json.replacen("\"plan\"", "\"extra\": 1, \"plan\"", 1);
    let changed = json.replacen("\"parallelism\": 2", "\"parallelism\": 3", 1);
    let nested = json.replacen("\"job_name\": \"demo\"", &format!("\"job_name\": {bomb}"), 1);
    for (wrong, kind) in [
        ("", ErrorKind::Corrupt),
        ("null", ErrorKind::Corrupt),
        ("{}", ErrorKind::Corrupt),
        (&json[..json.len() / 2], ErrorKind::Corrupt),
        (&format!("{json} x"), ErrorKind::Corrupt),
        (&bomb, ErrorKind::Corrupt),
        (&nested, ErrorKind::Corrupt),
        (&unknown, ErrorKind::Corrupt),
        (&changed, ErrorKind::Corrupt),
        (
            &json.replacen("\"version\": 1", "\"version\": 2", 1),
            ErrorKind::Incompatible,
        ),
        (
            &json.replacen("\"version\": 1", "\"version\": -1", 1),
            ErrorKind::Corrupt,
        ),
        (&" ".repeat(graph::limits::MAX_DOCUMENT + 1), ErrorKind::TooLarge),
    ] {
        let error = Plan::from_json(wrong).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.to_string().contains('\n'), "{error}");
    }
}

type Change = fn(&mut GraphBuilder, NodeId);

#[test]
fn the_fingerprint_tells_every_single_change() {
    let fingerprint = |change: Change| {
        let mut job = demo();
        change(&mut job, NodeId::new(2));
        job.build().fingerprint()
    };
    let set: [Change; 13] = [
        |_, _| {},
        |job, node| {
            job.change(node, |node| node.kind = NodeKind::Custom("key_by".into()));
        },
        |job, node| {
            job.change(node, |node| node.parallelism = 3);
        },
        |job, node| {
            job.change(node, |node| node.max_parallelism = Some(2));
        },
        |job, node| {
            job.change(node, |node| node.buffer_size = 1001);
        },
        |job, node| {
            job.change(node, |node| node.output = Some(TypeTag::of::<u64>()));
        },
        |job, node| {
            job.change(node, |node| node.inputs = vec![TypeTag::of::<u64>()]);
        },
        |job, node| {
            job.change(node, |node| node.queue_kind = Some("local".into()));
        },
        |job, node| {
            job.change(node, |node| node.on_error = ErrorPolicy::Skip);
        },
        |job, node| {
            job.change(node, |node| node.workers = vec![0]);
        },
        |job, node| {
            job.edge(NodeId::new(0), node, EdgeSpec::new(Partition::Hash));
        },
        |job, node| {
            job.edge(NodeId::new(0), node, EdgeSpec::new(Partition::Broadcast));
        },
        |job, _| {
            job.service(ServiceSpec::new("geo"));
        },
    ];
    let mut seen: Vec<String> = set.into_iter().map(fingerprint).collect();
    assert_eq!(seen.first(), Some(&demo().build().fingerprint()), "equal graphs");
    assert_eq!(seen.first().map(String::len), Some(16));
    seen.push(GraphBuilder::new("demo").build().fingerprint());
    seen.push(GraphBuilder::new("other").build().fingerprint());
    let different: std::collections::HashSet<&String> = seen.iter().collect();
    assert_eq!(different.len(), seen.len());
}

#[test]
fn the_fingerprint_is_the_same_in_every_process() {
    // xxh3-64 of the bytes 05 `fixed` 00 00 00: a name, and three empty lists.
    assert_eq!(GraphBuilder::new("fixed").build().fingerprint(), "bb8e75cca1c3b86d");
}

#[test]
fn graphs_are_data_too() {
    let graph = demo().build();
    let json = serde_json::to_string(&graph).unwrap();
    assert_eq!(serde_json::from_str::<ExecutionGraph>(&json).unwrap(), graph);
    assert!(serde_json::from_str::<ExecutionGraph>(&json.replacen('{', "{\"a\":1,", 1)).is_err());
}
