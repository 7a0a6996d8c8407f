//! `sage plan`, `sage explain` and `sage route`.

use serde_json::Value;

use crate::common::run;

fn answer(args: &[&str]) -> String {
    let ran = run(args);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{args:?}: {ran:?}");
    ran.text().to_owned()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&answer(args)).expect("one JSON object")
}

fn list<'a>(value: &'a Value, field: &str) -> &'a Vec<Value> {
    value[field]
        .as_array()
        .unwrap_or_else(|| panic!("no {field} in {value}"))
}

#[test]
fn a_plan_has_instances_queues_edges_and_stops() {
    let plan = json(&["plan", "demo", "--parallelism", "3", "--processes", "2", "--json"]);
    assert_eq!((&plan["job"], &plan["workers"]), (&"hot-items".into(), &2.into()));
    let instances = list(&plan, "instances");
    assert_eq!(instances.len(), 2 + 2 + 2 + 3 + 1);
    for it in instances {
        match it["node"].as_str() {
            Some("auction_stream") => assert_eq!((&it["input"], &it["expected_stops"]), (&Value::Null, &0.into())),
            Some("results") => {
                assert_eq!((&it["worker"], &it["expected_stops"]), (&Value::Null, &3.into()));
                assert_eq!(it["input"]["queue_id"], "hot-items/input_results_0");
            }
            _ => assert_eq!(
                (&it["input"]["queue_type"], &it["expected_stops"]),
                (&"shm".into(), &2.into())
            ),
        }
    }
    assert_eq!(list(&plan, "edges").len(), 4);
    // The fingerprint is the graph's, wherever it runs.
    let fingerprint = plan["fingerprint"].as_str().expect("a fingerprint");
    let text = answer(&["plan", "demo", "-p", "3"]);
    assert!(
        text.starts_with("job hot-items on threads") && text.contains(fingerprint),
        "{text}"
    );
    assert!(
        text.contains("sage_queue://hot-items/input_hot_items_2?maxsize=16"),
        "{text}"
    );
    assert!(text.contains("called by its sender"), "{text}");
    let other = json(&["plan", "demo", "-p", "4", "--json"]);
    assert_ne!(other["fingerprint"], fingerprint);
}

#[test]
fn a_plan_can_be_drawn() {
    assert!(answer(&["plan", "word-count", "--dot"]).starts_with("digraph \"word-count\" {"));
    assert!(answer(&["plan", "word-count", "--mermaid"]).starts_with("flowchart LR\n"));
}

#[test]
fn every_edge_says_why_its_type_and_why_no_other() {
    let why = json(&["explain", "demo", "--processes", "3", "--json"]);
    for edge in list(&why, "edges") {
        let [queue] = &list(edge, "queues")[..] else {
            panic!("{edge}");
        };
        assert_eq!((&queue["queue_type"], &edge["called"]), (&"shm".into(), &false.into()));
        let others = list(queue, "others");
        let ring = others.iter().find(|no| no["queue_type"] == "sage_queue").expect("ours");
        assert_eq!(ring["reason"], "reaches process only, the edge needs host");
        let server = others.iter().find(|no| no["queue_type"] == "rpc").expect("a server");
        assert_eq!(server["reason"], "not asked: the choice was made before");
    }
    assert!(
        list(&why, "nodes").iter().all(|node| node["restart"] == "never"),
        "{why}"
    );

    let near = answer(&["explain", "demo", "--transport", "local"]);
    assert!(
        near.contains("local, as demanded for reach process: hot-items/input_hot_items_0"),
        "{near}"
    );
    assert!(
        near.contains("no queue: the sender calls it on its own thread"),
        "{near}"
    );
    let rpc = answer(&["explain", "demo", "--transport", "rpc"]);
    assert!(rpc.contains("rpc, as demanded for reach host"), "{rpc}");
}

#[test]
fn a_route_diff_says_what_moves_and_where_a_key_goes() {
    let route = [
        "route",
        "diff",
        "demo",
        "--node",
        "hot_items",
        "--to",
        "3",
        "--key",
        "8",
    ];
    let diff = json(&[&route[..], &["--json"]].concat());
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("no number in {diff}"));
    let (groups, moved) = (number(&diff["key_groups"]), number(&diff["moved"]));
    assert_eq!((groups, number(&diff["before"]), number(&diff["after"])), (128, 2, 3));
    assert_eq!(moved + number(&diff["stay"]), groups);
    let moves = list(&diff, "moves");
    assert_eq!(moves.iter().map(|it| number(&it["groups"])).sum::<u64>(), moved);
    // As docs/key-hash.md has it.
    let key = &diff["key"];
    let group = number(&key["group"]);
    assert_eq!(
        (number(&key["from"]), number(&key["to"])),
        (group * 2 / groups, group * 3 / groups)
    );
    let goes = moves.iter().any(|it| {
        let first = number(&it["first_group"]);
        (first..first + number(&it["groups"])).contains(&group)
    });
    assert_eq!(goes, key["from"] != key["to"]);

    let text = answer(&route);
    assert!(
        text.starts_with("hot_items from 2 to 3 instances: 63 of 128 key groups move (49.2 %), 65 stay\n"),
        "{text}"
    );
    assert!(text.contains("\nkey 8 in group "), "{text}");
    // A text is a key of its own.
    let quoted = json(&[
        "route",
        "diff",
        "word-count",
        "--node",
        "count",
        "--to",
        "1",
        "--key",
        "\"8\"",
        "--json",
    ]);
    assert_eq!(
        (&quoted["key"]["key"], &quoted["key"]["to"]),
        (&"\"8\"".into(), &0.into())
    );
    assert_ne!(quoted["key"]["group"], key["group"]);
}
