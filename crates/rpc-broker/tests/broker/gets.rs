//! Gets: in turn, as many as were asked for, and never past one's limits.

use std::time::Duration;

use rpc_broker::Settings;
use rpc_wire::{Cancel, Consumed, Flag, Get, Hello, Limits, Message, Micros};

use crate::world::{Client, World, hello, kinds, reason, texts};

/// Calls and numbers of the deliveries, and whether each was the last.
fn frames(messages: &[Message]) -> Vec<(u32, u64, bool)> {
    let of = |message: &Message| match message {
        Message::Delivered(delivered) => Some((delivered.call.get(), delivered.first, delivered.last.0)),
        _ => None,
    };
    messages.iter().filter_map(of).collect()
}

fn fill(client: &Client<'_>, queue: rpc_wire::Handle, from: u64, count: u64) {
    let names: Vec<String> = (from..from + count).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    client.put(queue, from, &names);
    client.hear();
}

#[test]
fn credit_lasts_until_it_is_used_up() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let call = client.get(queue, 3, Micros::FOREVER).get();
    fill_and(&client, queue, 1, 2, &[(call, 1, false)]);
    fill_and(&client, queue, 3, 2, &[(call, 3, true)]);
    assert_eq!(client.depth(queue), (1, 3));
}

fn fill_and(client: &Client<'_>, queue: rpc_wire::Handle, from: u64, count: u64, expected: &[(u32, u64, bool)]) {
    let names: Vec<String> = (from..from + count).map(|number| number.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    client.put(queue, from, &names);
    assert_eq!(frames(&client.hear()), expected);
}

#[test]
fn once_ends_with_the_first_items() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let get = Get {
        once: Flag(true),
        ..client.get_message(queue, 10, Micros::FOREVER)
    };
    let call = get.call.get();
    client.say(get);
    fill_and(&client, queue, 1, 2, &[(call, 1, true)]);
    fill_and(&client, queue, 3, 1, &[]);
}

#[test]
fn bytes_end_a_call_as_items_do_and_the_first_item_may_have_more() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["12345", "123", "12", "1", "1"]);
    client.hear();
    let ask = |bytes| {
        let get = Get {
            once: Flag(true),
            bytes,
            ..client.get_message(queue, 10, Micros::ZERO)
        };
        client.say(get);
        texts(&client.hear())
    };
    assert_eq!(ask(3), ["12345"]);
    assert_eq!(ask(5), ["123", "12"]);
    assert_eq!(ask(0), ["1"]);
}

#[test]
fn calls_of_one_queue_are_served_in_their_order_and_those_that_may_not_wait_fail_behind_them() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let (at_one, at_other) = (one.open("rpc://jobs"), other.open("rpc://jobs"));
    one.get(at_one, 2, Micros::FOREVER);
    other.get(at_other, 1, Micros::FOREVER);
    one.get(at_one, 1, Micros::ZERO);
    assert_eq!(kinds(&one.hear()), ["Empty"]);
    fill(&other, at_other, 1, 1);
    assert_eq!(texts(&one.hear()), ["1"]);
    one.put(at_one, 1, &["2", "3", "4"]);
    assert_eq!(texts(&one.hear()), ["2"]);
    assert_eq!(texts(&other.hear()), ["3"]);
    assert_eq!(one.depth(at_one), (1, 3));
}

#[test]
fn clients_that_ask_again_and_again_get_equal_shares() {
    let world = World::new();
    let clients: Vec<_> = (0..4).map(|_| world.client()).collect();
    let queues: Vec<_> = clients.iter().map(|client| client.open("rpc://jobs")).collect();
    for (client, queue) in clients.iter().zip(&queues) {
        client.get(*queue, 5, Micros::FOREVER);
    }
    let producer = world.client();
    let to = producer.open("rpc://jobs");
    let mut shares = [0; 4];
    for round in 0..100 {
        fill(&producer, to, round * 4 + 1, 4);
        for (at, client) in clients.iter().enumerate() {
            let heard = client.hear();
            shares[at] += texts(&heard).len();
            if frames(&heard).iter().any(|(.., last)| *last) {
                client.get(queues[at], 5, Micros::FOREVER);
            }
        }
    }
    assert_eq!(shares, [100; 4]);
}

#[test]
fn a_wait_ends_at_its_moment_and_not_before() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let call = client.get(queue, 1, Micros(500_000));
    world.pass(Duration::from_micros(499_999));
    assert_eq!(client.hear(), []);
    world.pass(Duration::from_micros(1));
    let heard = client.hear_one();
    assert_eq!(reason(&heard).0, "Empty");
    assert!(matches!(heard, Message::Failed(failed) if failed.call == Some(call) && failed.queue == Some(queue)));
    fill_and(&client, queue, 1, 1, &[]);
}

#[test]
fn a_cancelled_call_fails_and_one_that_was_answered_cannot_be_cancelled() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let call = client.get(queue, 2, Micros::FOREVER);
    let (kind, _) = client.refusal(Cancel { call });
    assert_eq!(kind, "Cancelled");
    client.say(Cancel { call });
    assert_eq!(client.hear(), []);
    fill_and(&client, queue, 1, 1, &[]);
}

#[test]
fn consumed_items_leave_and_the_others_do_not() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    fill(&client, queue, 1, 10);
    client.get(queue, 10, Micros::ZERO);
    assert_eq!(texts(&client.hear()).len(), 10);
    client.say(Consumed { queue, up_to: 4 });
    assert_eq!(client.depth(queue), (0, 6));
    client.say(Consumed { queue, up_to: 2 });
    assert_eq!(client.depth(queue), (0, 6));
    client.say(rpc_wire::Release {
        queue,
        call: client.call(),
    });
    client.hear();
    let queue = client.open("rpc://jobs");
    assert_eq!(client.take(queue, 10), ["5", "6", "7", "8", "9", "10"]);
}

#[test]
fn nobody_consumes_what_was_not_delivered() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    fill(&client, queue, 1, 2);
    client.get(queue, 1, Micros::ZERO);
    client.hear();
    assert_eq!(client.refusal(Consumed { queue, up_to: 2 }).0, "Corrupt");
    assert!(client.is_over());
}

#[test]
fn who_does_not_read_keeps_nobody_back_and_holds_no_more_than_its_share() {
    let mut settings = Settings::default();
    settings.max_output = 100_000;
    let world = World::with(settings);
    let (slow, quick) = (world.client(), world.client());
    let (at_slow, at_quick) = (slow.open("rpc://jobs?maxsize=0"), quick.open("rpc://jobs"));
    slow.get(at_slow, 10_000, Micros::FOREVER);
    quick.get(at_quick, 10_000, Micros::FOREVER);
    let item = "z".repeat(1000);
    let mut got = 0;
    for round in 0..100 {
        quick.put(at_quick, 1 + round * 10, &[item.as_str(); 10]);
        got += texts(&quick.hear()).len();
    }
    let held = world.broker.borrow_mut().output(slow.id).unwrap().len();
    assert!((100_000..120_000).contains(&held), "{held}");
    assert!(got >= 880, "{got}");
    // As soon as it reads it gets its turn again.
    let read = texts(&slow.hear()).len();
    assert_eq!(read + got, 1000);
    quick.put(at_quick, 1001, &["last"]);
    assert_eq!(texts(&slow.hear()), ["last"]);
}

#[test]
fn a_backlog_reaches_a_reader_in_portions_as_it_reads() {
    let mut settings = Settings::default();
    settings.max_output = 1 << 16;
    let world = World::with(settings);
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=0");
    let item = "z".repeat(10_000);
    for round in 0..100 {
        client.put(queue, 1 + round, &[item.as_str()]);
    }
    client.hear();
    client.get(queue, 100, Micros::ZERO);
    assert!(world.broker.borrow_mut().output(client.id).unwrap().len() < (1 << 16) + (300 << 10));
    let heard = client.hear();
    assert_eq!((texts(&heard).len(), kinds(&heard).len()), (100, 0));
    // Nothing is left, and a call that does not wait hears so when it reads.
    client.get(queue, 100, Micros::ZERO);
    assert_eq!(kinds(&client.hear()), ["Empty"]);
}

#[test]
fn an_item_that_a_client_cannot_take_stays_for_others() {
    let world = World::new();
    let small = Hello {
        limits: Limits {
            frame: 128 << 10,
            ..Limits::default()
        },
        ..hello()
    };
    let (small, large) = (world.client_with(small), world.client());
    let (at_small, at_large) = (small.open("rpc://jobs"), large.open("rpc://jobs"));
    let item = "z".repeat(200 << 10);
    large.put(at_large, 1, &[&item, "small"]);
    small.get(at_small, 2, Micros::FOREVER);
    let (kind, why) = reason(&small.hear_one());
    assert_eq!(kind, "TooLarge");
    assert!(why.contains("131072 bytes") && why.contains("204800"), "{why}");
    large.get(at_large, 1, Micros::ZERO);
    assert_eq!(texts(&large.hear()), [item]);
    small.get(at_small, 1, Micros::ZERO);
    assert_eq!(texts(&small.hear()), ["small"]);
}

#[test]
fn calls_and_credit_are_limited_as_welcome_says() {
    let mut settings = Settings::default();
    settings.limits.calls = 2;
    settings.limits.credit_items = 10;
    let world = World::with(settings);
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.get(queue, 1, Micros::FOREVER);
    client.get(queue, 1, Micros::FOREVER);
    client.get(queue, 1, Micros::FOREVER);
    assert_eq!(kinds(&client.hear()), ["Overloaded"]);

    let client = world.client();
    let queue = client.open("rpc://jobs");
    for from in 1..50 {
        // What was delivered is asked for no more.
        client.get(queue, 10, Micros::FOREVER);
        fill_ten(&client, queue, from);
    }
    client.get(queue, 11, Micros::FOREVER);
    assert_eq!(kinds(&client.hear()), ["Overloaded"]);
}

fn fill_ten(client: &Client<'_>, queue: rpc_wire::Handle, round: u64) {
    client.put(queue, (round - 1) * 10 + 1, &["x"; 10]);
    assert_eq!(texts(&client.hear()).len(), 10);
}

#[test]
fn the_number_of_a_call_that_waits_is_not_free() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let call = client.get(queue, 1, Micros::FOREVER);
    let (kind, why) = client.refusal(rpc_wire::Depth { queue, call });
    assert_eq!(kind, "Corrupt");
    assert!(why.contains("number of a call that is free"), "{why}");
}
