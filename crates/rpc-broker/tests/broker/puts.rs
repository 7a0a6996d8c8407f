//! Puts: once, in order, confirmed or refused.

use std::time::Duration;

use rpc_broker::Settings;
use rpc_wire::{Confirmed, ItemCodec, Message, Micros, Withdraw};

use crate::world::{World, confirmed, kinds, put, reason, texts};

#[test]
fn what_was_put_is_confirmed_once_for_all_that_came_together() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let puts = (0..5).map(|at| put(queue, 1 + at * 2, &["a", "b"], Micros::FOREVER).into());
    client.say_all(puts);
    assert_eq!(client.hear_one(), Confirmed { queue, up_to: 10 }.into());
    assert_eq!(client.depth(queue), (10, 0));
}

#[test]
fn what_is_sent_again_is_confirmed_again_and_stored_once() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b", "c"]);
    client.hear();
    client.put(queue, 2, &["b", "c"]);
    assert_eq!(client.hear_one(), Confirmed { queue, up_to: 3 }.into());
    client.put(queue, 3, &["c", "d", "e"]);
    assert_eq!(client.hear_one(), Confirmed { queue, up_to: 5 }.into());
    assert_eq!(client.take(queue, 9), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_gap_ends_the_connection() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let (kind, why) = client.refusal(put(queue, 2, &["b"], Micros::FOREVER));
    assert_eq!(kind, "Corrupt");
    assert!(why.contains("a put from number 1 on, found 2"), "{why}");
    assert!(client.is_over());
}

#[test]
fn a_full_queue_takes_what_fits_and_refuses_the_rest_from_its_number_on() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=3");
    client.say_all([
        put(queue, 1, &["a", "b"], Micros::ZERO).into(),
        put(queue, 3, &["c", "d"], Micros::ZERO).into(),
        // Under way when that was refused.
        put(queue, 5, &["e"], Micros::ZERO).into(),
        put(queue, 6, &["f"], Micros::FOREVER).into(),
    ]);
    let heard = client.hear();
    assert_eq!(heard.len(), 2, "{heard:?}");
    assert_eq!(heard[0], Confirmed { queue, up_to: 3 }.into());
    assert_eq!(reason(&heard[1]).0, "Full");
    assert!(matches!(&heard[1], Message::Refused(refused) if refused.from == 4));
    // The numbers are free again, for whatever comes under them.
    assert_eq!(client.take(queue, 1), ["a"]);
    client.put(queue, 6, &["dropped too"]);
    assert_eq!(client.hear(), []);
    client.put(queue, 4, &["D"]);
    assert_eq!(client.hear_one(), Confirmed { queue, up_to: 4 }.into());
    assert_eq!(client.take(queue, 9), ["b", "c", "D"]);
}

#[test]
fn the_capacity_is_exact_and_counts_what_is_away() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=2");
    client.put_now(queue, 1, &["a", "b"]);
    client.get(queue, 1, Micros::ZERO);
    client.hear();
    assert_eq!(client.depth(queue), (1, 1));
    client.put_now(queue, 3, &["c"]);
    assert_eq!(kinds(&client.hear()), ["Full"]);
    client.say(rpc_wire::Consumed { queue, up_to: 1 });
    client.put_now(queue, 3, &["c", "d"]);
    let heard = client.hear();
    assert_eq!((confirmed(&heard), kinds(&heard)), (3, vec!["Full".to_owned()]));
    assert_eq!(client.depth(queue), (2, 0));
}

#[test]
fn the_bytes_of_a_queue_are_exact_too() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=0&max_bytes=10");
    client.put_now(queue, 1, &["", "1234", "", "56789", "", "0", "", "x"]);
    let heard = client.hear();
    assert_eq!((confirmed(&heard), kinds(&heard)), (7, vec!["Full".to_owned()]));
    // One that never fits is not waited for.
    client.put(queue, 8, &["y", "12345678901", "z"]);
    client.get(queue, 9, Micros::ZERO);
    assert_eq!(texts(&client.hear()).len(), 7);
    client.say(rpc_wire::Consumed { queue, up_to: 7 });
    let heard = client.hear();
    assert_eq!((confirmed(&heard), kinds(&heard)), (8, vec!["TooLarge".to_owned()]));
    assert_eq!(client.take(queue, 9), ["y"]);
}

#[test]
fn a_put_waits_for_room_as_long_as_it_says() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=1");
    client.put(queue, 1, &["a"]);
    client.hear();
    client.say(put(queue, 2, &["b", "c", "d"], Micros(1_000_000)));
    world.pass(Duration::from_millis(999));
    assert_eq!(client.hear(), []);
    assert_eq!(client.take(queue, 1), ["a"]);
    assert_eq!(client.depth(queue), (1, 0));
    world.pass(Duration::from_millis(1));
    let heard = client.hear();
    assert!(matches!(&heard[0], Message::Refused(refused) if refused.from == 3));
    assert_eq!(kinds(&heard), ["Full"]);
}

#[test]
fn a_put_that_waits_is_stored_before_those_that_come_later() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let (at_one, at_other) = (one.open("rpc://jobs?maxsize=1"), other.open("rpc://jobs"));
    one.put(at_one, 1, &["a", "b"]);
    other.put(at_other, 1, &["X"]);
    one.put(at_one, 3, &["c"]);
    // One that may not wait does not get past those that do.
    let third = world.client();
    let at_third = third.open("rpc://jobs");
    third.put_now(at_third, 1, &["!"]);
    assert_eq!(kinds(&third.hear()), ["Full"]);
    let mut got = Vec::new();
    while got.len() < 4 {
        got.extend(third.take(at_third, 10));
    }
    assert_eq!(got, ["a", "b", "X", "c"]);
    assert_eq!((confirmed(&one.hear()), confirmed(&other.hear())), (3, 1));
}

#[test]
fn a_get_that_waits_makes_room_within_one_segment() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=2");
    let get = rpc_wire::Get {
        outright: rpc_wire::Flag(true),
        ..client.get_message(queue, 100, Micros::FOREVER)
    };
    client.say(get);
    client.put_now(queue, 1, &["a", "b", "c", "d", "e"]);
    let heard = client.hear();
    assert_eq!(texts(&heard), ["a", "b", "c", "d", "e"]);
    assert_eq!((confirmed(&heard), kinds(&heard).len()), (5, 0));
}

#[test]
fn withdrawn_puts_are_refused_from_their_number_on_once_those_before_are_decided() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=1");
    client.put(queue, 1, &["a"]);
    client.put(queue, 2, &["b", "c", "d"]);
    client.put(queue, 5, &["e"]);
    client.hear();
    client.say(Withdraw { queue, from: 4 });
    // Under way when that was said.
    client.put(queue, 6, &["f"]);
    assert_eq!(client.hear(), []);
    assert_eq!(client.take(queue, 9), ["a"]);
    assert_eq!(client.hear(), []);
    client.say(rpc_wire::Get {
        outright: rpc_wire::Flag(true),
        ..client.get_message(queue, 1, Micros::ZERO)
    });
    let heard = client.hear();
    assert_eq!(texts(&heard), ["b"]);
    let refused = heard
        .iter()
        .find(|message| matches!(message, Message::Refused(_)))
        .unwrap();
    assert!(
        matches!(refused, Message::Refused(refused) if refused.from == 4),
        "{refused:?}"
    );
    assert_eq!((confirmed(&heard), kinds(&heard)), (3, vec!["Cancelled".to_owned()]));
    client.put(queue, 4, &["D"]);
    assert_eq!(client.take(queue, 9), ["c"]);
    assert_eq!(client.take(queue, 9), ["D"]);
}

#[test]
fn withdrawing_what_is_stored_confirms_it() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b"]);
    client.hear();
    client.say(Withdraw { queue, from: 1 });
    assert_eq!(client.hear_one(), Confirmed { queue, up_to: 2 }.into());
    assert_eq!(client.take(queue, 9), ["a", "b"]);
}

#[test]
fn a_put_without_a_wait_behind_one_with_is_decided_with_it() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=1");
    client.put(queue, 1, &["a", "b"]);
    client.put_now(queue, 3, &["c"]);
    let heard = client.hear();
    assert_eq!((confirmed(&heard), kinds(&heard).len()), (1, 0));
    client.say(Withdraw { queue, from: 2 });
    let heard = client.hear();
    assert!(
        matches!(&heard[..], [Message::Refused(refused)] if refused.from == 2),
        "{heard:?}"
    );
}

#[test]
fn order_and_codecs_survive_gathering_and_large_puts() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=10000");
    let large = "x".repeat(20_000);
    let (mut next, mut expected) = (1, Vec::new());
    for round in 0..200_u64 {
        let name = format!("{round}:{}", "y".repeat((round * 37 % 900) as usize));
        let items: Vec<&str> = match round % 10 {
            9 => vec![&large, &name],
            _ => vec![&name],
        };
        let mut put = put(queue, next, &items, Micros::FOREVER);
        put.codec = ItemCodec((round / 25 % 2) as u8);
        client.say(put);
        next += items.len() as u64;
        expected.extend(items.iter().map(|item| (*item).to_owned()));
    }
    client.hear();
    client.get(queue, 10_000, Micros::ZERO);
    let heard = client.hear();
    assert_eq!(texts(&heard), expected);
    let codecs: Vec<u8> = heard
        .iter()
        .filter_map(|message| match message {
            Message::Delivered(delivered) => Some(delivered.codec.0),
            _ => None,
        })
        .collect();
    assert!(
        codecs.contains(&0) && codecs.contains(&1) && codecs.len() >= 8,
        "{codecs:?}"
    );
}

#[test]
fn what_waits_for_room_is_limited_as_welcome_says() {
    let mut settings = Settings::default();
    settings.limits.window_items = 3;
    let world = World::with(settings);
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=1");
    client.put(queue, 1, &["a", "b", "c", "d"]);
    assert_eq!(confirmed(&client.hear()), 1);
    assert_eq!(client.take(queue, 1), ["a"]);
    client.hear();
    client.put(queue, 5, &["e"]);
    assert!(!client.is_over());
    client.put(queue, 6, &["f"]);
    let heard = client.hear();
    assert_eq!(kinds(&heard), ["Overloaded"]);
    assert!(client.is_over());
}

#[test]
fn all_queues_together_have_a_limit() {
    let mut settings = Settings::default();
    settings.max_items = 3;
    let world = World::with(settings);
    let client = world.client();
    let (one, other) = (client.open("rpc://one"), client.open("rpc://other"));
    client.put(one, 1, &["a", "b"]);
    client.hear();
    client.put(other, 1, &["c", "d"]);
    let heard = client.hear();
    assert_eq!(
        (confirmed(&heard), kinds(&heard)),
        (1, vec!["ResourceExhausted".to_owned()])
    );
    assert_eq!(client.take(one, 1), ["a"]);
    client.put(other, 2, &["d"]);
    assert_eq!(confirmed(&client.hear()), 2);
    assert_eq!(world.status().items, 3);
}
