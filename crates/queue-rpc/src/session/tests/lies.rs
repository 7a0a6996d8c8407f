//! A server that says what cannot be.

use descriptor_core::ErrorKind;
use rpc_wire::{Failure, Flag, Message, Micros, Opened, Ping, Pong, Refused, Text};

use super::{Scene, handle, puts};
use crate::session::HEARTBEAT;

#[test]
fn h14_numbers_that_no_queue_reaches_end_the_connection_and_not_the_client() {
    for (next_put, next_delivery) in [(u64::MAX, 1), (1, u64::MAX)] {
        let mut scene = Scene::up();
        let key = scene.attach(false, 10);
        scene.put(key, b"item");
        let said = scene.said();
        let call = said.iter().find_map(|message| match message {
            Message::Open(open) => Some(open.call),
            _ => None,
        });
        let opened = Opened {
            queue: handle(10),
            created: Flag(false),
            kept: Flag(false),
            call: call.expect("a request to open the queue"),
            epoch: 1,
            capacity: 8,
            next_put,
            next_delivery,
            lease: Micros::FOREVER,
        };
        let refused = scene.hears(opened).expect_err("a number beyond all");
        assert_eq!(refused.kind(), ErrorKind::Incompatible);
        scene.lose();
    }
}

#[test]
fn h14_a_refusal_of_what_was_never_sent_is_one_of_nothing() {
    let mut scene = Scene::up();
    let key = scene.open(false, 10);
    scene.put(key, b"item");
    scene.said();
    let failure = Failure {
        kind: ErrorKind::Cancelled.into(),
        retryable: false,
        retry_after: Micros::ZERO,
        message: Text::default(),
    };
    scene
        .hears(Refused {
            queue: handle(10),
            from: u64::MAX,
            failure,
        })
        .expect("a message that may come");
    scene.put(key, b"another");
    assert_eq!(puts(&scene.said()), [(2, vec![b"another".to_vec()])]);
}

#[test]
fn h14_a_flood_of_frames_that_say_nothing_ends_the_connection() {
    let mut scene = Scene::up();
    for number in 0..10_000 {
        scene.hears(Ping { number }).expect("not too many yet");
    }
    scene.pass(HEARTBEAT);
    for number in 0..10_000 {
        scene.hears(Pong { number }).expect("not too many in this beat");
    }
    let refused = scene.hears(Ping { number: 0 }).expect_err("too many");
    assert_eq!(refused.kind(), ErrorKind::Overloaded);
}
