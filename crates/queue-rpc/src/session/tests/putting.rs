//! Puts, confirmed, refused and sent again.

use std::time::Duration;

use descriptor_core::{ErrorKind, Wait};
use rpc_wire::{Confirmed, Failure, Message, Refused};

use super::{Scene, handle, puts};
use crate::session::{Accepted, Cause, Known, PutEnd, PutTicket, Why};

fn items(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

#[test]
fn puts_are_gathered_and_numbered_without_gaps() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    for item in ["one", "two", "three"] {
        scene.put(key, item.as_bytes());
    }
    assert_eq!(puts(&scene.said()), [(1, items(&["one", "two", "three"]))]);
    scene.put(key, b"four");
    assert_eq!(puts(&scene.said()), [(4, items(&["four"]))]);
    let queue = handle(10);
    scene.hears(Confirmed { queue, up_to: 2 }).expect("a confirmation");
    scene.hears(Confirmed { queue, up_to: 4 }).expect("a confirmation");
    let queue = scene.session.queue(key).expect("an open queue");
    assert_eq!((queue.puts.accepted, queue.puts.settled, queue.puts.items), (4, 4, 0));
}

/// Before there is a connection items are accepted all the same, and sent when there is one.
#[test]
fn what_is_put_early_is_sent_once_the_queue_is_open() {
    let mut scene = Scene::new(None);
    let key = scene.attach(false, 4);
    scene.put(key, b"early");
    scene.connect(false, 1);
    scene.answer_open(1, 1, false);
    assert_eq!(puts(&scene.said()), [(1, items(&["early"]))]);
}

#[test]
fn after_a_cut_exactly_what_is_not_stored_is_sent_again() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    for item in ["a", "b", "c"] {
        scene.put(key, item.as_bytes());
    }
    scene.said();
    scene.put(key, b"d");
    scene.lose();
    scene.put(key, b"e");
    scene.connect(true, 7);
    // Two of the three were stored before the cut.
    scene.answer_open(3, 1, true);
    let said = puts(&scene.said());
    let flat: Vec<Vec<u8>> = said.iter().flat_map(|(_, items)| items.clone()).collect();
    assert_eq!((said[0].0, flat), (3, items(&["c", "d", "e"])));
    scene
        .hears(Confirmed {
            queue: handle(20),
            up_to: 5,
        })
        .expect("a confirmation");
    let queue = scene.session.queue(key).expect("an open queue");
    assert_eq!((queue.puts.settled, queue.puts.losses.count), (5, 0));
}

#[test]
fn a_server_that_forgot_the_session_loses_what_was_sent_by_name() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    scene.put(key, b"sent");
    scene.said();
    scene.lose();
    scene.put(key, b"not sent");
    scene.connect(false, 8);
    scene.answer_open(1, 1, false);
    assert_eq!(puts(&scene.said()), [(1, items(&["not sent"]))]);
    let queue = scene.session.queue(key).expect("an open queue");
    assert_eq!((queue.puts.losses.count, queue.puts.settled), (1, 1));
    let why = queue.puts.losses.why.as_ref().map(Cause::kind);
    assert_eq!(why, Some(ErrorKind::StaleHandle));
}

#[test]
fn a_full_queue_refuses_one_put_and_gets_the_others_again() {
    let mut scene = Scene::up();
    let key = scene.open(true, 4);
    let first = scene.submit(key, b"first", Wait::Until(scene.now + Duration::from_secs(1)));
    let second = scene.submit(key, b"second", Wait::Forever);
    assert_eq!(puts(&scene.said()).len(), 2, "each caller has a frame of its own");
    scene
        .hears(Refused {
            queue: handle(10),
            from: 1,
            failure: Failure::plain(ErrorKind::Full),
        })
        .expect("a refusal");
    scene.wake();
    assert!(
        matches!(first.take(), Some(PutEnd { stored: 0, why: Some(Why::Refused(cause)) }) if cause.kind() == ErrorKind::Full)
    );
    assert_eq!(puts(&scene.said()), [(1, items(&["second"]))]);
    scene
        .hears(Confirmed {
            queue: handle(10),
            up_to: 1,
        })
        .expect("a confirmation");
    scene.wake();
    assert!(matches!(second.take(), Some(PutEnd { stored: 1, why: None })));
}

#[test]
fn one_item_that_is_too_large_takes_no_other_along() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    for item in ["a", "large", "c"] {
        scene.put(key, item.as_bytes());
    }
    scene.said();
    scene
        .hears(Refused {
            queue: handle(10),
            from: 2,
            failure: Failure::plain(ErrorKind::TooLarge),
        })
        .expect("a refusal");
    assert_eq!(puts(&scene.said()), [(2, items(&["c"]))]);
    let queue = scene.session.queue(key).expect("an open queue");
    assert_eq!((queue.puts.losses.count, queue.puts.settled), (1, 2));
}

#[test]
fn a_put_that_is_dropped_takes_no_other_along() {
    let mut scene = Scene::up();
    let key = scene.open(true, 4);
    let dropped = scene.submit(key, b"dropped", Wait::Forever);
    let kept = scene.submit(key, b"kept", Wait::Forever);
    scene.said();
    scene.session.withdraw(key, &dropped);
    let said = scene.said();
    assert!(
        matches!(said.as_slice(), [Message::Withdraw(withdraw)] if withdraw.from == 1),
        "{said:?}"
    );
    scene
        .hears(Refused {
            queue: handle(10),
            from: 1,
            failure: Failure::plain(ErrorKind::Cancelled),
        })
        .expect("a refusal");
    scene.wake();
    assert!(kept.take().is_none());
    assert_eq!(puts(&scene.said()), [(1, items(&["kept"]))]);
}

#[test]
fn an_unknown_put_is_found_out_about() {
    let mut scene = Scene::up();
    let key = scene.open(true, 4);
    let ticket = scene.submit(key, b"item", Wait::Never);
    scene.said();
    scene.lose();
    let end = scene
        .session
        .give_up(key, &ticket, &Cause::lost("a cut"))
        .expect("a put that is open");
    let Some(Why::Unknown(token)) = end.why else {
        panic!("{end:?}");
    };
    scene.connect(true, 7);
    scene.answer_open(2, 1, true);
    let again = PutTicket::new();
    assert!(matches!(scene.session.known(key, token, &again), Some(Known::Stored)));
    assert!(
        scene.session.known(key, token, &again).is_none(),
        "a token is good for one question"
    );
    assert!(puts(&scene.said()).is_empty(), "it is stored once");
}

#[test]
fn a_put_that_never_left_is_certainly_not_stored() {
    let mut scene = Scene::new(None);
    let key = scene.attach(true, 4);
    let ticket = scene.submit(key, b"item", Wait::Never);
    let end = scene.session.give_up(key, &ticket, &Cause::lost("nobody there"));
    assert!(
        matches!(
            end,
            Some(PutEnd {
                stored: 0,
                why: Some(Why::Refused(_))
            })
        ),
        "{end:?}"
    );
    scene.connect(false, 1);
    scene.answer_open(1, 1, false);
    assert!(puts(&scene.said()).is_empty());
}

/// A queue that nobody takes from leaves room for others.
#[test]
fn the_window_ends_somewhere_and_is_shared() {
    let mut scene = Scene::up();
    let key = scene.open(false, 4);
    let mut accepted = 0_u32;
    while matches!(scene.session.put(key, b"x"), Accepted::Yes) {
        accepted += 1;
        assert!(accepted <= super::LIMITS.window_items, "more than the server takes");
    }
    assert!((40..=60).contains(&accepted), "{accepted} of 100");
}
