//! Messages about items.

use descriptor_record::Codec;
use queue_core::ErrorKind;
use rpc_wire::{
    Ack, Confirmed, Consumed, Delivered, Extend, Failure, Flag, Get, ItemCodec, Items, Lease, Lent, Loans, Micros,
    Nack, Peek, Peeked, Put, Ranges, Refused, Settled, Withdraw,
};
use serde_json::json;

use super::{Example, call, example, queue};

fn items() -> Items {
    Items::new([b"sweep".as_slice(), b"", &[0xff]]).unwrap()
}

pub(super) fn all() -> Vec<Example> {
    let mut all = puts();
    all.extend(gets());
    all.extend(loans());
    all
}

fn puts() -> Vec<Example> {
    let full = Failure::plain(ErrorKind::Full);
    vec![
        example(
            "peek",
            Peek {
                queue: queue(),
                call: call(11),
                skip: 10,
                items: 3,
                bytes: 65_536,
            },
            json!({"queue": 7, "call": 11, "skip": 10, "items": 3, "bytes": 65_536}),
        ),
        example(
            "peeked",
            Peeked {
                codec: Codec::Json.into(),
                call: call(11),
                items: Items::new([b"{}".as_slice()]).unwrap(),
            },
            json!({"codec": 3, "call": 11, "items": ["7b7d"]}),
        ),
        example(
            "put",
            Put {
                queue: queue(),
                codec: Codec::Postcard.into(),
                first: 41,
                wait: Micros(250_000),
                items: items(),
            },
            json!({"queue": 7, "codec": 2, "first": 41, "wait": 250_000, "items": ["7377656570", "", "ff"]}),
        ),
        example(
            "confirmed",
            Confirmed {
                queue: queue(),
                up_to: 43,
            },
            json!({"queue": 7, "up_to": 43}),
        ),
        example(
            "refused",
            Refused {
                queue: queue(),
                from: 44,
                failure: full,
            },
            json!({
                "queue": 7, "from": 44, "failure": {"kind": "Full", "retryable": true, "retry_after": 0, "message": ""},
            }),
        ),
        example(
            "withdraw",
            Withdraw {
                queue: queue(),
                from: 44,
            },
            json!({"queue": 7, "from": 44}),
        ),
    ]
}

fn gets() -> Vec<Example> {
    vec![
        example(
            "get",
            Get {
                queue: queue(),
                once: Flag(false),
                outright: Flag(true),
                call: call(12),
                items: 256,
                bytes: 1 << 20,
                wait: Micros::FOREVER,
            },
            json!({
                "queue": 7, "once": false, "outright": true, "call": 12, "items": 256, "bytes": 1_048_576, "wait": u64::MAX,
            }),
        ),
        example(
            "delivered",
            Delivered {
                queue: queue(),
                codec: ItemCodec::default(),
                last: Flag(true),
                call: call(12),
                first: 1,
                items: items(),
            },
            json!({
                "queue": 7, "codec": 0, "last": true, "call": 12, "first": 1, "items": ["7377656570", "", "ff"],
            }),
        ),
        example(
            "consumed",
            Consumed {
                queue: queue(),
                up_to: 3,
            },
            json!({"queue": 7, "up_to": 3}),
        ),
    ]
}

fn loans() -> Vec<Example> {
    let ranges = Ranges::of([9, 4, 5, 6, u64::MAX]).unwrap();
    let ranges_mean = json!([[4, 6], [9, 9], [u64::MAX, u64::MAX]]);
    let lent = Lent {
        queue: queue(),
        codec: Codec::Bincode.into(),
        last: Flag(false),
        call: call(13),
        first: 4,
        items: Loans::new([(1, b"wash".as_slice()), (3, b"")]).unwrap(),
    };
    vec![
        example(
            "lease",
            Lease {
                queue: queue(),
                once: Flag(true),
                call: call(13),
                items: 8,
                bytes: 4096,
                wait: Micros::ZERO,
                lease: Micros(10_000_000),
            },
            json!({
                "queue": 7, "once": true, "call": 13, "items": 8, "bytes": 4096, "wait": 0, "lease": 10_000_000,
            }),
        ),
        example(
            "lent",
            lent,
            json!({
                "queue": 7, "codec": 1, "last": false, "call": 13, "first": 4, "items": [[1, "77617368"], [3, ""]],
            }),
        ),
        example(
            "ack",
            Ack {
                queue: queue(),
                call: call(14),
                deliveries: ranges.clone(),
            },
            json!({"queue": 7, "call": 14, "deliveries": ranges_mean}),
        ),
        example(
            "nack",
            Nack {
                queue: queue(),
                call: call(15),
                after: Micros(1000),
                deliveries: ranges.clone(),
            },
            json!({"queue": 7, "call": 15, "after": 1000, "deliveries": ranges_mean}),
        ),
        example(
            "extend",
            Extend {
                queue: queue(),
                call: call(16),
                by: Micros(60_000_000),
                deliveries: ranges,
            },
            json!({"queue": 7, "call": 16, "by": 60_000_000, "deliveries": ranges_mean}),
        ),
        example(
            "settled",
            Settled {
                call: call(16),
                stale: Ranges::default(),
            },
            json!({"call": 16, "stale": []}),
        ),
    ]
}
