//! Queues that are closed, given back and gone.

use descriptor_core::ErrorKind;
use rpc_wire::{Confirmed, Done, Failed, Failure, Message};

use super::{Scene, handle, terms};
use crate::session::{Accepted, Step};

#[test]
fn a_queue_is_given_back_once_all_of_it_is_settled() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    scene.put(key, b"item");
    scene.session.detach(key);
    let said = scene.said();
    assert!(matches!(said.as_slice(), [Message::Put(_)]), "{said:?}");
    let queue = handle(10);
    scene.hears(Confirmed { queue, up_to: 1 }).expect("a confirmation");
    let said = scene.said();
    let [Message::Release(release)] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert!(!scene.session.is_idle());
    scene.hears(Done { call: release.call }).expect("an answer");
    assert!(scene.session.is_idle());
}

#[test]
fn handles_with_the_same_terms_share_a_queue() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    assert_eq!(scene.attach(false, 4), key);
    assert!(scene.said().is_empty(), "opened twice");
    assert!(scene.session.attach(&terms(true, 4)).is_none(), "with other terms");
    scene.session.detach(key);
    assert!(scene.said().is_empty(), "given back although it is in use");
    scene.session.detach(key);
    assert!(matches!(scene.said().as_slice(), [Message::Release(_)]));
}

#[test]
fn a_close_waits_for_what_was_accepted() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    scene.put(key, b"item");
    assert!(!scene.session.close(key), "not due yet");
    assert!(matches!(scene.session.put(key, b"late"), Accepted::Closed));
    assert!(matches!(scene.said().as_slice(), [Message::Put(_)]));
    let queue = handle(10);
    scene.hears(Confirmed { queue, up_to: 1 }).expect("a confirmation");
    assert!(matches!(scene.said().as_slice(), [Message::Close(_)]));
}

#[test]
fn a_queue_that_is_deleted_fails_by_name() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    scene.put(key, b"item");
    scene.said();
    scene
        .hears(Failed {
            queue: Some(handle(10)),
            call: None,
            failure: Failure::plain(ErrorKind::NotFound),
        })
        .expect("a queue is not the connection");
    assert!(matches!(scene.session.put(key, b"late"), Accepted::Failed(cause) if cause.kind() == ErrorKind::NotFound));
    assert!(matches!(scene.session.pop(key, false), Step::Failed(_)));
    let queue = scene.session.queue(key).expect("a queue with a handle");
    assert_eq!(queue.puts.losses.count, 1);
}

/// Who waits for room does not keep the queue from being closed.
#[test]
fn a_close_does_not_wait_for_those_who_wait() {
    let mut scene = Scene::up();
    let key = scene.open(true, 4);
    let _ticket = scene.submit(key, b"item", descriptor_core::Wait::Forever);
    assert!(scene.session.close(key), "due at once");
}
