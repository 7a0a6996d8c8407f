//! The choice of a queue type, and the reasons on record.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;

use descriptor_core::{
    Caps, Choice, DefaultStrategy, DescriptorRecord, EdgeRequest, Error, ErrorKind, KindInfo, QueueId, Reach, Result,
    ServerAddress, Strategy, Value,
};

fn kinds() -> Vec<KindInfo> {
    let mut shared = Caps::IN_PROCESS;
    shared.cross_process = true;
    let mut remote = shared;
    (remote.cross_host, remote.lease) = (true, true);
    let mut stored = remote;
    (stored.durable, stored.dedup) = (true, true);
    vec![
        KindInfo::new("nats", Reach::Network, stored).with_max_item(1 << 20),
        KindInfo::new("rpc", Reach::Network, remote).with_unbounded(),
        KindInfo::new("shm", Reach::Host, shared),
        KindInfo::new("local", Reach::Process, Caps::IN_PROCESS).with_unbounded(),
        KindInfo::new("sage_queue", Reach::Process, Caps::IN_PROCESS),
    ]
}

fn leased() -> Caps {
    let mut caps = Caps::default();
    caps.lease = true;
    caps
}

fn stored_once() -> Caps {
    let mut caps = Caps::default();
    (caps.durable, caps.dedup) = (true, true);
    caps
}

fn edge(reach: Reach) -> EdgeRequest {
    EdgeRequest::new(QueueId::new("job/input_sink_0").unwrap(), reach)
}

fn opens(_: &DescriptorRecord) -> Result<()> {
    Ok(())
}

fn choose(request: &EdgeRequest) -> Result<Choice> {
    DefaultStrategy.choose(request, &kinds(), &opens)
}

fn chosen(request: &EdgeRequest) -> String {
    choose(request).unwrap().record.queue_type
}

#[test]
fn the_nearest_kind_that_fits_comes_first() {
    assert_eq!(chosen(&edge(Reach::Process).with_capacity(8)), "sage_queue");
    assert_eq!(chosen(&edge(Reach::Process)), "local");
    assert_eq!(chosen(&edge(Reach::Process).with_capacity(0)), "local");
    assert_eq!(chosen(&edge(Reach::Host).with_capacity(8)), "shm");
    assert_eq!(chosen(&edge(Reach::Network).with_capacity(8)), "rpc");
}

#[test]
fn the_record_has_the_id_and_capacity_of_the_edge() {
    let choice = choose(&edge(Reach::Host).with_capacity(8)).unwrap();
    assert_eq!(choice.record.queue_id.as_str(), "job/input_sink_0");
    assert_eq!(choice.record.metadata["maxsize"], Value::Int(8));
    assert!(choice.refused.is_empty());
    let unbounded = choose(&edge(Reach::Process)).unwrap();
    assert_eq!(unbounded.record.metadata["maxsize"], Value::Int(0));
}

#[test]
fn every_refusal_is_on_record_with_its_reason() {
    let cases = [
        (edge(Reach::Host), "shm", "needs a capacity", "rpc"),
        (
            edge(Reach::Process).with_capacity(1).without("sage_queue"),
            "sage_queue",
            "excluded",
            "local",
        ),
        (
            edge(Reach::Host).with_capacity(1).with_needs(leased()),
            "shm",
            "lacks lease",
            "rpc",
        ),
        (
            edge(Reach::Network).with_capacity(1).with_needs(stored_once()),
            "rpc",
            "lacks durable, dedup",
            "nats",
        ),
    ];
    for (request, refused, reason, kind) in cases {
        let choice = choose(&request).unwrap();
        assert_eq!(choice.record.queue_type, kind);
        assert_eq!(choice.refused.len(), 1);
        assert_eq!(
            (choice.refused[0].kind.as_str(), choice.refused[0].reason.as_str()),
            (refused, reason)
        );
        let line = choice.to_string();
        assert!(
            line.contains(&format!("not {refused}: {reason}")) && line.contains("second choice"),
            "{line}"
        );
    }
}

#[test]
fn a_queue_that_cannot_be_opened_falls_back() {
    let tried = RefCell::new(Vec::new());
    let no_memory = |record: &DescriptorRecord| {
        tried.borrow_mut().push(record.queue_type.clone());
        if record.queue_type == "shm" {
            return Err(Error::new(ErrorKind::OutOfSpace, "open").found("no room in /dev/shm"));
        }
        Ok(())
    };
    let choice = DefaultStrategy
        .choose(&edge(Reach::Host).with_capacity(8), &kinds(), &no_memory)
        .unwrap();
    assert_eq!(choice.record.queue_type, "rpc");
    assert!(choice.refused[0].reason.contains("no room in /dev/shm"), "{choice}");
    assert_eq!(*tried.borrow(), ["shm", "rpc"]);
}

#[test]
fn large_items_get_queues_that_take_them() {
    let max_item = |bytes, kind: &str| {
        let request = edge(Reach::Host).with_capacity(8).with_item_size(bytes).forced(kind);
        let record = choose(&request).unwrap().record;
        record.metadata.get("max_item").cloned()
    };
    assert_eq!(max_item(1_000, "shm"), None, "what everybody takes needs no word");
    assert_eq!(max_item(100_000, "shm"), Some(Value::Int(104_096)));
    assert_eq!(max_item(100_000, "rpc"), None, "has no such parameter");
}

#[test]
fn items_in_shared_memory_are_written_with_the_least_work_unless_they_are_large() {
    let codec = |request: EdgeRequest| {
        let record = choose(&request.with_capacity(8)).unwrap().record;
        record.metadata.get("codec").cloned()
    };
    let fixed = Some(Value::Text("fixed".into()));
    assert_eq!(codec(edge(Reach::Host)), fixed);
    assert_eq!(codec(edge(Reach::Host).with_item_size(8 * 1024)), fixed);
    assert_eq!(codec(edge(Reach::Host).with_item_size(8 * 1024 + 1)), None);
    assert_eq!(codec(edge(Reach::Network)), None);
    assert_eq!(codec(edge(Reach::Process)), None);
}

#[test]
fn the_reach_is_never_narrowed() {
    // Only kinds of the process are there, so an edge between processes has none.
    let near: Vec<_> = kinds()
        .into_iter()
        .filter(|info| info.reach == Reach::Process)
        .collect();
    let error = DefaultStrategy
        .choose(&edge(Reach::Host).with_capacity(8), &near, &opens)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let message = error.to_string();
    assert!(
        message.contains("shm: not part of this program; rpc: not part of this program"),
        "{message}"
    );

    let forced = edge(Reach::Network).with_capacity(8).forced("shm");
    let message = choose(&forced).unwrap_err().to_string();
    assert!(
        message.contains("shm: reaches host only, the edge needs network"),
        "{message}"
    );
    assert!(message.contains("job/input_sink_0"), "{message}");

    let broken = |_: &DescriptorRecord| Err(Error::new(ErrorKind::PermissionDenied, "open"));
    let error = DefaultStrategy
        .choose(&edge(Reach::Host).with_capacity(8), &kinds(), &broken)
        .unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("shm: permission denied") && message.contains("rpc: permission denied"),
        "{message}"
    );
    assert!(!message.contains("local"), "{message}");
}

#[test]
fn a_forced_kind_is_the_only_candidate() {
    assert_eq!(chosen(&edge(Reach::Process).with_capacity(8).forced("rpc")), "rpc");
    let choice = choose(&edge(Reach::Network).with_capacity(8).forced("nats")).unwrap();
    assert_eq!(
        (choice.record.queue_type.as_str(), choice.reason.as_str()),
        ("nats", "as demanded for reach network")
    );
    assert!(
        choose(&edge(Reach::Process).forced("sage_queue")).is_err(),
        "the ring has no unbounded form"
    );
    assert!(choose(&edge(Reach::Process).forced("local").without("local")).is_err());
    assert!(choose(&edge(Reach::Process).with_capacity(8).forced("pigeon")).is_err());
}

#[test]
fn large_items_pass_over_kinds_that_cannot_take_them() {
    let request = edge(Reach::Network).with_capacity(8).without("rpc");
    assert_eq!(chosen(&request.clone().with_item_size(1 << 20)), "nats");
    let message = choose(&request.with_item_size((1 << 20) + 1)).unwrap_err().to_string();
    assert!(
        message.contains("nats: takes items of at most 1048576 bytes, these have 1048577"),
        "{message}"
    );
}

#[test]
fn a_closure_is_a_strategy_and_fits_behind_a_pointer() {
    let always_local =
        |request: &EdgeRequest, _: &[KindInfo], try_open: &dyn Fn(&DescriptorRecord) -> Result<()>| -> Result<Choice> {
            let record = DescriptorRecord::new(request.queue_id.clone(), "local");
            try_open(&record)?;
            Ok(Choice {
                record,
                reason: "house rule".into(),
                refused: Vec::new(),
            })
        };
    let strategies: [Box<dyn Strategy>; 2] = [Box::new(always_local), Box::new(DefaultStrategy)];
    let request = edge(Reach::Process).with_capacity(8);
    let types = strategies.map(|strategy| strategy.choose(&request, &kinds(), &opens).unwrap().record.queue_type);
    assert_eq!(types, ["local", "sage_queue"]);
}

#[test]
fn where_there_is_a_server_for_all_ends_the_queues_are_there() {
    let server: ServerAddress = "tcp://10.0.0.5:7420?token=env:T".parse().unwrap();
    let far = choose(&edge(Reach::Network).with_capacity(8).at(server.clone())).unwrap();
    let expected = server.record(far.record.queue_id.clone()).with("maxsize", 8_i64);
    assert_eq!(
        (&far.record.queue_type, &far.record.metadata),
        (&expected.queue_type, &expected.metadata)
    );
    assert_eq!(
        far.reason,
        "the first choice for reach network, at tcp://10.0.0.5:7420?token=env:T"
    );

    // Edges inside of a process have nothing to do with it, and another type is not looked for elsewhere.
    let near = choose(&edge(Reach::Process).with_capacity(8).at(server.clone())).unwrap();
    assert_eq!(
        (near.record.queue_type.as_str(), near.reason.as_str()),
        ("sage_queue", "the first choice for reach process")
    );
    let refused = choose(&edge(Reach::Network).with_capacity(8).at(server).without("rpc")).unwrap_err();
    assert!(refused.to_string().contains("rpc: excluded"), "{refused}");
}
