//! Items on loan.

use std::time::Duration;

use rpc_broker::Settings;
use rpc_wire::{Ack, Extend, Handle, Lease, Message, Micros, Nack, Ranges, Settled, stat};

use crate::world::{Client, World, kinds, number, put, texts};

fn lease(client: &Client<'_>, queue: Handle, items: u32) -> Vec<(u32, String)> {
    client.say(client.lease_message(queue, items, Micros::ZERO));
    loans(&client.hear())
}

/// Items with the number of their deliveries.
fn loans(heard: &[Message]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for message in heard {
        if let Message::Lent(lent) = message {
            let text = |(count, item): (u32, &[u8])| (count, String::from_utf8(item.to_vec()).unwrap());
            found.extend(lent.items.iter().map(text));
        }
    }
    found
}

fn expected(items: &[(u32, &str)]) -> Vec<(u32, String)> {
    items.iter().map(|(count, item)| (*count, (*item).to_owned())).collect()
}

fn ranges(numbers: &[u64]) -> Ranges {
    Ranges::of(numbers.iter().copied()).unwrap()
}

fn ack(client: &Client<'_>, queue: Handle, numbers: &[u64]) -> Ranges {
    let call = client.call();
    settled(client.ask(Ack {
        queue,
        call,
        deliveries: ranges(numbers),
    }))
}

fn nack(client: &Client<'_>, queue: Handle, numbers: &[u64], after: Micros) -> Ranges {
    let call = client.call();
    settled(client.ask(Nack {
        queue,
        call,
        after,
        deliveries: ranges(numbers),
    }))
}

fn settled(message: Message) -> Ranges {
    match message {
        Message::Settled(Settled { stale, .. }) => stale,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_acknowledged_is_done_and_what_is_not_comes_back_in_its_old_place() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=5");
    client.put(queue, 1, &["a", "b", "c", "d", "e"]);
    client.hear();
    assert_eq!(lease(&client, queue, 4).len(), 4);
    assert_eq!(client.depth(queue), (1, 4));
    assert!(ack(&client, queue, &[2]).is_empty());
    client.put_now(queue, 6, &["f", "g"]);
    assert_eq!(kinds(&client.hear()), ["Full"]);
    assert!(nack(&client, queue, &[1, 3, 4], Micros::ZERO).is_empty());
    let again = lease(&client, queue, 9);
    assert_eq!(again, expected(&[(2, "a"), (2, "c"), (2, "d"), (1, "e"), (1, "f")]));
}

#[test]
fn what_is_no_loan_is_named_and_nothing_is_done_with_it() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let (at_one, at_other) = (one.open("rpc://jobs"), other.open("rpc://jobs"));
    one.put(at_one, 1, &["a", "b", "c"]);
    one.hear();
    lease(&one, at_one, 2);
    assert_eq!(lease(&other, at_other, 1), expected(&[(1, "c")]));
    assert_eq!(ack(&one, at_one, &[2, 3, u64::MAX]), ranges(&[3, u64::MAX]));
    assert_eq!(ack(&one, at_one, &[1, 2]), ranges(&[2]));
    // Every number there is.
    let all = Ranges::of([0]).unwrap();
    assert_eq!(
        settled(one.ask(Nack {
            queue: at_one,
            call: one.call(),
            after: Micros::ZERO,
            deliveries: all.clone()
        })),
        all
    );
    assert_eq!(one.depth(at_one), (0, 1));
}

#[test]
fn a_loan_runs_out_at_its_moment_and_counts_as_delivered() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?lease_time=2");
    client.put(queue, 1, &["a", "b"]);
    client.hear();
    assert_eq!(lease(&client, queue, 1), expected(&[(1, "a")]));
    world.pass(Duration::from_millis(1999));
    client.hear();
    assert_eq!(client.depth(queue), (1, 1));
    client.say(client.lease_message(queue, 2, Micros::FOREVER));
    assert_eq!(texts(&client.hear()), ["b"]);
    world.pass(Duration::from_millis(1));
    let heard = client.hear();
    assert_eq!(loans(&heard), expected(&[(2, "a")]), "{heard:?}");
    assert_eq!(ack(&client, queue, &[1]), ranges(&[1]));
    assert!(ack(&client, queue, &[2, 3]).is_empty());
    assert_eq!(client.depth(queue), (0, 0));
}

#[test]
fn a_loan_lasts_as_long_as_the_call_says_and_can_be_extended() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b"]);
    client.hear();
    client.say(Lease {
        lease: Micros(1_000_000),
        ..client.lease_message(queue, 1, Micros::ZERO)
    });
    client.say(Lease {
        lease: Micros::FOREVER,
        ..client.lease_message(queue, 1, Micros::ZERO)
    });
    client.hear();
    world.pass(Duration::from_millis(900));
    let extend = |by| Extend {
        queue,
        call: client.call(),
        by,
        deliveries: ranges(&[1, 2, 3]),
    };
    assert_eq!(settled(client.ask(extend(Micros(3_000_000)))), ranges(&[3]));
    // Never shorter.
    assert_eq!(settled(client.ask(extend(Micros(1)))), ranges(&[3]));
    for _ in 0..2 {
        world.pass(Duration::from_millis(1499));
        client.hear();
        assert_eq!(client.depth(queue), (0, 2));
    }
    world.pass(Duration::from_millis(2));
    client.hear();
    assert_eq!(client.depth(queue), (1, 1));
}

#[test]
fn a_nack_may_hide_an_item_for_a_while() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b", "c"]);
    client.hear();
    lease(&client, queue, 2);
    nack(&client, queue, &[1], Micros(2_000_000));
    nack(&client, queue, &[2], Micros(1_000_000));
    assert_eq!(client.depth(queue), (3, 0));
    assert_eq!(client.take(queue, 9), ["c"]);
    assert_eq!(client.take(queue, 9).len(), 0);
    client.get(queue, 2, Micros::FOREVER);
    world.pass(Duration::from_millis(1000));
    assert_eq!(texts(&client.hear()), ["b"]);
    world.pass(Duration::from_millis(1000));
    assert_eq!(texts(&client.hear()), ["a"]);
}

#[test]
fn what_was_delivered_often_enough_goes_to_the_dead_letters() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?max_deliveries=2&dead_letter=graves&maxsize=4");
    client.put(queue, 1, &["bad", "good"]);
    client.hear();
    for number in [1, 2] {
        assert_eq!(lease(&client, queue, 1)[0].1, "bad");
        nack(&client, queue, &[number], Micros::ZERO);
    }
    assert_eq!(lease(&client, queue, 1), expected(&[(1, "good")]));
    let graves = client.opened("rpc://graves");
    assert_eq!((graves.created.0, graves.capacity), (false, 4));
    assert_eq!(client.depth(graves.queue), (1, 0));
    assert_eq!(lease(&client, graves.queue, 1), expected(&[(1, "bad")]));
}

#[test]
fn when_the_dead_letters_are_full_the_item_is_delivered_once_more() {
    let world = World::new();
    let client = world.client();
    let graves = client.open("rpc://graves?maxsize=1");
    client.put(graves, 1, &["old"]);
    client.hear();
    let queue = client.open("rpc://jobs?max_deliveries=1&dead_letter=graves");
    client.put(queue, 1, &["bad"]);
    client.hear();
    for count in 1..4 {
        assert_eq!(lease(&client, queue, 1), expected(&[(count, "bad")]));
        nack(&client, queue, &[count.into()], Micros::ZERO);
    }
    assert_eq!(client.depth(queue), (1, 0));
    assert_eq!(client.take(graves, 1), ["old"]);
    lease(&client, queue, 1);
    nack(&client, queue, &[4], Micros::ZERO);
    assert_eq!((client.depth(queue), client.depth(graves)), ((0, 0), (1, 0)));
}

#[test]
fn without_dead_letters_what_was_delivered_often_enough_is_dropped_and_counted() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?max_deliveries=1&maxsize=1&lease_time=1");
    client.put(queue, 1, &["bad", "next"]);
    lease(&client, queue, 1);
    world.pass(Duration::from_secs(1));
    client.hear();
    assert_eq!(client.take(queue, 1), ["next"]);
    assert_eq!(world.status().items, 0);
}

#[test]
fn h11_loans_are_limited_and_a_settled_one_makes_room() {
    let mut settings = Settings::default();
    settings.limits.leases = 2;
    let world = World::with(settings);
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b", "c"]);
    client.hear();
    assert_eq!(lease(&client, queue, 2).len(), 2);
    client.say(client.lease_message(queue, 1, Micros::ZERO));
    assert_eq!(kinds(&client.hear()), ["ResourceExhausted"]);
    ack(&client, queue, &[1]);
    assert_eq!(lease(&client, queue, 1), expected(&[(1, "c")]));
}

#[test]
fn loans_and_other_deliveries_share_their_numbers_and_consumed_does_not_mean_loans() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b", "c"]);
    client.hear();
    lease(&client, queue, 1);
    client.get(queue, 1, Micros::ZERO);
    client.hear();
    lease(&client, queue, 1);
    client.say(rpc_wire::Consumed { queue, up_to: 3 });
    assert_eq!(client.depth(queue), (0, 2));
    assert_eq!(ack(&client, queue, &[1, 2, 3]), ranges(&[2]));
    assert_eq!(client.depth(queue), (0, 0));
}

#[test]
fn a_lease_waits_as_a_get_does() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.say(client.lease_message(queue, 2, Micros(1_000)));
    client.say(put(queue, 1, &["a"], Micros::ZERO));
    assert_eq!(loans(&client.hear()), expected(&[(1, "a")]));
    world.pass(Duration::from_millis(1));
    assert_eq!(kinds(&client.hear()), ["Empty"]);
}

#[test]
fn loans_are_told_from_items_fetched_ahead() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let (at_one, at_other) = (one.open("rpc://jobs"), other.open("rpc://jobs"));
    one.put(at_one, 1, &["a", "b", "c", "d"]);
    lease(&one, at_one, 1);
    lease(&other, at_other, 1);
    one.get(at_one, 1, Micros::ZERO);
    one.hear();
    let numbers = |name| number(&one.stats("jobs"), name);
    assert_eq!(
        (numbers(stat::LEASED), numbers(stat::AWAY), numbers(stat::DEPTH)),
        (2, 3, 1)
    );
    ack(&one, at_one, &[1]);
    assert_eq!(numbers(stat::LEASED), 1);
    drop(other);
    assert_eq!((numbers(stat::LEASED), numbers(stat::EXPIRED_TOTAL)), (1, 0));
}

#[test]
fn what_is_given_back_for_later_is_counted_until_it_is_seen() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a", "b", "c"]);
    lease(&client, queue, 3);
    nack(&client, queue, &[1], Micros::ZERO);
    nack(&client, queue, &[2], Micros(1_000_000));
    nack(&client, queue, &[3], Micros(2_000_000));
    let numbers = |name| number(&client.stats("jobs"), name);
    assert_eq!(
        (numbers(stat::RESTING), numbers(stat::DEPTH), numbers(stat::LEASED)),
        (2, 3, 0)
    );
    world.pass(Duration::from_secs(1));
    assert_eq!((numbers(stat::RESTING), numbers(stat::DEPTH)), (1, 3));
    world.pass(Duration::from_secs(1));
    assert_eq!((numbers(stat::RESTING), numbers(stat::DEPTH)), (0, 3));
}

#[test]
fn loans_that_ran_out_are_counted_and_those_given_back_are_not() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?lease_time=1&max_deliveries=2");
    client.put(queue, 1, &["a", "b"]);
    lease(&client, queue, 2);
    nack(&client, queue, &[1], Micros::ZERO);
    let expired = || number(&client.stats("jobs"), stat::EXPIRED_TOTAL);
    assert_eq!(expired(), 0);
    world.pass(Duration::from_secs(1));
    assert_eq!(expired(), 1);
    // Also when the item is dropped for it.
    lease(&client, queue, 2);
    world.pass(Duration::from_secs(1));
    assert_eq!((expired(), number(&client.stats("jobs"), stat::DROPPED_TOTAL)), (3, 2));
}

#[test]
fn what_the_dead_letters_refuse_is_counted_every_time() {
    let world = World::new();
    let client = world.client();
    let graves = client.open("rpc://graves?maxsize=1");
    let queue = client.open("rpc://jobs?max_deliveries=1&dead_letter=graves");
    client.put(queue, 1, &["a", "b"]);
    let numbers = |name| number(&client.stats("jobs"), name);
    let total = || (numbers(stat::DEAD_LETTERED_TOTAL), numbers(stat::REFUSED_TOTAL));
    lease(&client, queue, 1);
    nack(&client, queue, &[1], Micros::ZERO);
    assert_eq!(total(), (1, 0));
    for delivery in [2, 3] {
        lease(&client, queue, 1);
        nack(&client, queue, &[delivery], Micros::ZERO);
    }
    assert_eq!(total(), (1, 2));
    assert_eq!(client.take(graves, 1), ["a"]);
    lease(&client, queue, 1);
    nack(&client, queue, &[4], Micros::ZERO);
    assert_eq!((total(), numbers(stat::DEPTH)), ((2, 2), 0));
}
