//! Messages without items.

use descriptor_record::{DescriptorRecord, QueueId};
use queue_core::ErrorKind;
use rpc_wire::{
    Cancel, Capabilities, Challenge, Close, Closed, Creation, Delete, Depth, DepthIs, Done, Existence, Exists, Failed,
    Failure, Few, Flag, Goodbye, Hello, Limits, List, Listed, Listing, Micros, Open, Opened, Ping, Pong, Proof, Record,
    Release, Stats, StatsAre, Tag, Text, Welcome, stat,
};
use serde_json::json;

use super::{Example, call, example, hex, queue};

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn counting<const N: usize>(from: u8) -> [u8; N] {
    std::array::from_fn(|at| from.wrapping_add(at as u8))
}

pub(super) fn all() -> Vec<Example> {
    let mut all = handshake();
    all.extend(connection());
    all.extend(queues());
    all.extend(looking());
    all
}

fn handshake() -> Vec<Example> {
    let capabilities = Capabilities::LEASES.with(Capabilities::DEDUP);
    let limits = Limits {
        frame: 1 << 20,
        calls: 64,
        window_items: 1000,
        window_bytes: 1 << 33,
        credit_items: 2000,
        credit_bytes: 3 << 20,
        leases: 16,
    };
    let limits_mean = json!({
        "frame": 1_048_576, "calls": 64, "window_items": 1000, "window_bytes": 8_589_934_592_u64,
        "credit_items": 2000, "credit_bytes": 3_145_728, "leases": 16,
    });
    let (nonce, proof, session) = (counting::<32>(0x10), counting::<32>(0x80), counting::<16>(0xa0));
    let hello = Hello {
        capabilities,
        limits,
        session: [0; 16],
        epoch: 0,
        nonce,
        agent: text("demo 1"),
    };
    let welcome = Welcome {
        resumed: Flag(true),
        capabilities,
        limits,
        session,
        epoch: 5,
        proof,
        agent: text(""),
    };
    vec![
        example(
            "hello",
            hello,
            json!({
                "capabilities": 3, "limits": limits_mean, "session": hex(&[0; 16]), "epoch": 0, "nonce": hex(&nonce),
                "agent": "demo 1",
            }),
        ),
        example("challenge", Challenge { nonce }, json!({"nonce": hex(&nonce)})),
        example(
            "proof",
            Proof {
                identity: text("zähler"),
                proof,
            },
            json!({"identity": "zähler", "proof": hex(&proof)}),
        ),
        example(
            "welcome",
            welcome,
            json!({
                "resumed": true, "capabilities": 3, "limits": limits_mean, "session": hex(&session), "epoch": 5,
                "proof": hex(&proof), "agent": "",
            }),
        ),
    ]
}

fn connection() -> Vec<Example> {
    let overloaded = Failure {
        retry_after: Micros(1_500_000),
        message: text("1024 connections are open"),
        ..Failure::plain(ErrorKind::Overloaded)
    };
    let overloaded_means = json!({
        "kind": "Overloaded", "retryable": true, "retry_after": 1_500_000, "message": "1024 connections are open",
    });
    let plain =
        |kind: &str, retryable: bool| json!({"kind": kind, "retryable": retryable, "retry_after": 0, "message": ""});
    let failed = |queue, call, kind| Failed {
        queue,
        call,
        failure: Failure::plain(kind),
    };
    vec![
        example("ping", Ping { number: 9 }, json!({"number": 9})),
        example("pong", Pong { number: u64::MAX - 1 }, json!({"number": u64::MAX - 1})),
        example(
            "goodbye",
            Goodbye {
                grace: Micros(2_000_000),
                failure: Some(overloaded),
            },
            json!({"grace": 2_000_000, "failure": overloaded_means}),
        ),
        example(
            "goodbye in peace",
            Goodbye {
                grace: Micros::ZERO,
                failure: None,
            },
            json!({"grace": 0, "failure": null}),
        ),
        example(
            "failed call",
            failed(None, Some(call(3)), ErrorKind::Empty),
            json!({"queue": null, "call": 3, "failure": plain("Empty", true)}),
        ),
        example(
            "failed queue",
            failed(Some(queue()), None, ErrorKind::StaleHandle),
            json!({"queue": 7, "call": null, "failure": plain("StaleHandle", false)}),
        ),
        example("done", Done { call: call(4) }, json!({"call": 4})),
        example("cancel", Cancel { call: call(5) }, json!({"call": 5})),
    ]
}

fn queues() -> Vec<Example> {
    let record: DescriptorRecord = "rpc://jobs/in?maxsize=8".parse().unwrap();
    let open = Open {
        call: call(1),
        creation: Creation::IfAbsent,
        tag: Tag {
            name: text("Bid"),
            shape: 0x0123_4567_89ab_cdef,
        },
        record: Record::new(&record).unwrap(),
    };
    let opened = Opened {
        queue: queue(),
        created: Flag(true),
        kept: Flag(false),
        call: call(1),
        epoch: 2,
        capacity: 8,
        next_put: 41,
        next_delivery: 1,
        lease: Micros(30_000_000),
    };
    vec![
        example(
            "open",
            open,
            json!({
                "call": 1, "creation": "if absent", "tag": {"name": "Bid", "shape": 0x0123_4567_89ab_cdef_u64},
                "record": hex(&record.to_bytes()),
            }),
        ),
        example(
            "opened",
            opened.clone(),
            json!({
                "queue": 7, "created": true, "kept": false, "call": 1, "epoch": 2, "capacity": 8, "next_put": 41,
                "next_delivery": 1, "lease": 30_000_000,
            }),
        ),
        example(
            "opened again",
            Opened {
                created: Flag(false),
                kept: Flag(true),
                lease: Micros::FOREVER,
                ..opened
            },
            json!({
                "queue": 7, "created": false, "kept": true, "call": 1, "epoch": 2, "capacity": 8, "next_put": 41,
                "next_delivery": 1, "lease": u64::MAX,
            }),
        ),
        example(
            "release",
            Release {
                queue: queue(),
                call: call(2),
            },
            json!({"queue": 7, "call": 2}),
        ),
        example(
            "close",
            Close {
                queue: queue(),
                call: call(u32::MAX),
            },
            json!({"queue": 7, "call": u32::MAX}),
        ),
        example("closed", Closed { queue: queue() }, json!({"queue": 7})),
    ]
}

fn looking() -> Vec<Example> {
    let id = |id: &str| QueueId::new(id).unwrap();
    let (jobs, long) = (id("jobs/in"), id(&"q".repeat(200)));
    let record: DescriptorRecord = "rpc://jobs/in".parse().unwrap();
    let listed = Listed {
        more: Flag(true),
        call: call(8),
        queues: Few::new([
            Listing {
                id: jobs.clone(),
                epoch: 2,
                depth: 3,
            },
            Listing {
                id: id("z"),
                epoch: 1,
                depth: 0,
            },
        ])
        .unwrap(),
    };
    let list = |after: Option<QueueId>| List {
        call: call(8),
        prefix: text("jobs/"),
        after,
        most: 100,
    };
    let stats_are = StatsAre {
        call: call(9),
        record: Record::new(&record).unwrap(),
        values: Few::new([(stat::DEPTH, 3), (stat::PUT_TOTAL, 1 << 40), (999, 1)]).unwrap(),
    };
    vec![
        example(
            "delete",
            Delete {
                call: call(6),
                id: jobs.clone(),
            },
            json!({"call": 6, "id": "jobs/in"}),
        ),
        example(
            "delete a long name",
            Delete {
                call: call(6),
                id: long.clone(),
            },
            json!({"call": 6, "id": long.as_str()}),
        ),
        example(
            "exists",
            Exists {
                call: call(7),
                id: jobs.clone(),
            },
            json!({"call": 7, "id": "jobs/in"}),
        ),
        example(
            "existence",
            Existence {
                call: call(7),
                exists: true,
            },
            json!({"call": 7, "exists": true}),
        ),
        example(
            "list",
            list(None),
            json!({"call": 8, "prefix": "jobs/", "after": null, "most": 100}),
        ),
        example(
            "list on",
            list(Some(jobs.clone())),
            json!({"call": 8, "prefix": "jobs/", "after": "jobs/in", "most": 100}),
        ),
        example(
            "listed",
            listed,
            json!({
                "more": true, "call": 8,
                "queues": [{"id": "jobs/in", "epoch": 2, "depth": 3}, {"id": "z", "epoch": 1, "depth": 0}],
            }),
        ),
        example(
            "stats",
            Stats {
                call: call(9),
                id: jobs,
            },
            json!({"call": 9, "id": "jobs/in"}),
        ),
        example(
            "stats are",
            stats_are,
            json!({
                "call": 9, "record": hex(&record.to_bytes()), "values": [[1, 3], [5, 1_u64 << 40], [999, 1]],
            }),
        ),
        example(
            "depth",
            Depth {
                queue: queue(),
                call: call(10),
            },
            json!({"queue": 7, "call": 10}),
        ),
        example(
            "depth is",
            DepthIs {
                call: call(10),
                waiting: 5,
                away: 2,
            },
            json!({"call": 10, "waiting": 5, "away": 2}),
        ),
    ]
}
