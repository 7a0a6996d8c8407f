//! Gets and loans.

use std::time::Duration;

use descriptor_core::ErrorKind;
use rpc_wire::{Call, Done, Failed, Failure, Flag, Handle, Lent, Loans, Message};

use super::{Scene, handle};
use crate::session::{Key, Step};

/// The calls for items among these: how many, and the number of the call.
fn asked(said: &[Message]) -> Vec<(u32, Call)> {
    let calls = said.iter().filter_map(|message| match message {
        Message::Get(get) => Some((get.items, get.call)),
        Message::Lease(lease) => Some((lease.items, lease.call)),
        _ => None,
    });
    calls.collect()
}

fn names(said: &[Message]) -> Vec<&'static str> {
    said.iter().map(Message::name).collect()
}

fn item(scene: &mut Scene, key: Key, waited: bool) -> Vec<u8> {
    match scene.session.pop(key, waited) {
        Step::Item(0, item, _) => item.to_vec(),
        other => panic!("{other:?}"),
    }
}

const QUEUE: u32 = 10;

fn queue() -> Handle {
    handle(QUEUE)
}

/// Who takes one after the other gets them one by one, faster and faster; who pauses begins again.
#[test]
fn credit_follows_the_consumer() {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    let mut number = 1;
    let mut windows = Vec::new();
    for pause in [0, 1, 1, 1, 300, 1] {
        scene.pass(Duration::from_millis(pause));
        scene.session.want(key, scene.now);
        let said = scene.said();
        let [(items, call)] = asked(&said)[..] else {
            panic!("{said:?}");
        };
        windows.push(items);
        for left in (0..items).rev() {
            scene.deliver(queue(), call, number, &[b"x"], left == 0);
            number += 1;
        }
        item(&mut scene, key, true);
        for _ in 1..items {
            item(&mut scene, key, false);
        }
    }
    assert_eq!(windows, [1, 4, 16, 64, 1, 4]);
}

/// What was handed over is told before anything that could show the difference.
#[test]
fn marks_go_first() {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    scene.session.want(key, scene.now);
    let call = asked(&scene.said())[0].1;
    scene.deliver(queue(), call, 1, &[b"a"], true);
    assert_eq!(item(&mut scene, key, true), b"a");
    scene.put(key, b"b");
    assert_eq!(names(&scene.said()), ["Consumed", "Put"]);
    scene.session.want(key, scene.now);
    assert_eq!(names(&scene.said()), ["Get"]);
}

#[test]
fn nobody_left_is_nothing_asked() {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    scene.session.want(key, scene.now);
    let call = asked(&scene.said())[0].1;
    scene.session.unwant(key);
    let said = scene.said();
    assert!(
        matches!(said.as_slice(), [Message::Cancel(cancel)] if cancel.call == call),
        "{said:?}"
    );
    scene
        .hears(Failed {
            queue: Some(queue()),
            call: Some(call),
            failure: Failure::plain(ErrorKind::Cancelled),
        })
        .expect("an answer");
    assert_eq!(names(&scene.said()), Vec::<&str>::new());
}

/// Nothing is fetched ahead, and nothing has to be marked: what is sent is gone.
#[test]
fn without_prefetch_each_get_asks_outright() {
    let mut scene = Scene::up();
    let key = scene.open(false, 0);
    scene.session.want(key, scene.now);
    let said = scene.said();
    let [Message::Get(get)] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!((get.items, get.outright), (1, Flag(true)));
    scene.deliver(queue(), get.call, 1, &[b"a"], true);
    assert_eq!(item(&mut scene, key, true), b"a");
    assert_eq!(names(&scene.said()), Vec::<&str>::new());
}

/// A consumer with four items of which it was handed two, and whose connection is lost.
fn cut_in_the_middle() -> (Scene, Key) {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    scene.session.want(key, scene.now);
    let call = asked(&scene.said())[0].1;
    scene.deliver(queue(), call, 1, &[b"a", b"b", b"c", b"d"], true);
    item(&mut scene, key, true);
    item(&mut scene, key, false);
    scene.lose();
    scene.connect(true, 7);
    (scene, key)
}

#[test]
fn what_was_kept_is_handed_over_after_a_cut() {
    let (mut scene, key) = cut_in_the_middle();
    scene.answer_open(1, 5, true);
    let said = scene.said();
    assert!(
        matches!(said.as_slice(), [Message::Consumed(consumed)] if consumed.up_to == 2),
        "{said:?}"
    );
    assert_eq!(item(&mut scene, key, false), b"c");
}

#[test]
fn what_went_back_is_not_handed_over() {
    let (mut scene, key) = cut_in_the_middle();
    scene.answer_open(1, 5, false);
    assert!(matches!(scene.session.pop(key, false), Step::Empty));
    assert_eq!(names(&scene.said()), Vec::<&str>::new());
}

/// Items that were sent and never came are the server's to send again: all that was not handed over goes back first.
#[test]
fn what_got_lost_on_the_way_comes_again() {
    let (mut scene, key) = cut_in_the_middle();
    scene.answer_open(1, 9, true);
    let mut pieces = std::collections::VecDeque::new();
    scene.session.take_output(scene.now, &mut pieces);
    pieces.iter().for_each(|piece| scene.decoder.feed(piece));
    let mut said = Vec::new();
    while let Ok(Some(message)) = scene.decoder.next_message() {
        said.push(message);
    }
    assert_eq!(names(&said), ["Consumed", "Release", "Open"]);
    assert!(matches!(scene.session.pop(key, false), Step::Empty));
}

#[test]
fn numbers_with_a_gap_end_the_connection() {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    scene.session.want(key, scene.now);
    let call = asked(&scene.said())[0].1;
    let gap = rpc_wire::Delivered {
        queue: queue(),
        codec: rpc_wire::ItemCodec(0),
        last: Flag(true),
        call,
        first: 2,
        items: rpc_wire::Items::new([b"x".as_slice()]).expect("a small item"),
    };
    assert_eq!(scene.hears(gap).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_loan_nobody_waits_for_goes_back() {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    scene.session.want_loan(key, 1);
    let call = asked(&scene.said())[0].1;
    scene.session.unwant_loan(key);
    scene.said();
    scene
        .hears(Lent {
            queue: queue(),
            codec: rpc_wire::ItemCodec(0),
            last: Flag(true),
            call,
            first: 1,
            items: Loans::new([(1, b"x".as_slice())]).expect("a small item"),
        })
        .expect("a loan that was asked for");
    let said = scene.said();
    assert!(
        matches!(said.as_slice(), [Message::Nack(nack)] if nack.deliveries.contains(1)),
        "{said:?}"
    );
}

/// Loans keep the order: what was fetched ahead goes back before the first one.
#[test]
fn the_first_lease_gives_back_what_was_fetched_ahead() {
    let mut scene = Scene::up();
    let key = scene.open(false, 64);
    scene.session.want(key, scene.now);
    let call = asked(&scene.said())[0].1;
    scene.deliver(queue(), call, 1, &[b"a", b"b"], true);
    item(&mut scene, key, true);
    assert!(!scene.session.prepare_leases(key));
    let said = scene.said();
    assert_eq!(names(&said), ["Consumed", "Release", "Open"]);
    let (release, open) = match &said[..] {
        [_, Message::Release(release), Message::Open(open)] => (release.call, open.call),
        other => panic!("{other:?}"),
    };
    scene.hears(Done { call: release }).expect("an answer");
    scene
        .hears(rpc_wire::Opened {
            queue: handle(11),
            created: Flag(false),
            kept: Flag(true),
            call: open,
            epoch: 1,
            capacity: 8,
            next_put: 1,
            next_delivery: 3,
            lease: rpc_wire::Micros::FOREVER,
        })
        .expect("an answer");
    assert!(scene.session.prepare_leases(key));
}
