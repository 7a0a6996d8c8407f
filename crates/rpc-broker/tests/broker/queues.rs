//! Queues are made, opened, closed and deleted.

use rpc_broker::Settings;
use rpc_wire::{Close, Closed, Creation, Delete, Done, Message, Micros, Release};

use crate::world::{World, confirmed, kinds, put, reason, texts};

#[test]
fn a_queue_is_made_once_with_what_its_descriptor_says() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let made = one.opened("rpc://jobs?maxsize=7&lease_time=1.5");
    assert_eq!(
        (made.created.0, made.capacity, made.lease),
        (true, 7, Micros(1_500_000))
    );
    assert_eq!((made.next_put, made.next_delivery, made.kept.0), (1, 1, false));
    let found = other.opened("rpc://jobs");
    assert_eq!((found.created.0, found.capacity, found.epoch), (false, 7, made.epoch));
    let usual = one.opened("rpc://others");
    assert_eq!((usual.capacity, usual.lease), (1000, Micros(30_000_000)));
    assert!(usual.epoch > made.epoch);
    assert_eq!(one.opened("rpc://any?maxsize=0&lease_time=0").capacity, 0);
    assert_eq!(world.status().queues, 3);
}

#[test]
fn creation_says_what_may_be_made() {
    let world = World::new();
    let client = world.client();
    let open = |creation| client.open_message("rpc://jobs", creation, "");
    let (kind, why) = client.refusal(open(Creation::Never));
    assert_eq!(kind, "NotFound");
    assert!(why.contains("`jobs`"), "{why}");
    assert!(matches!(client.ask(open(Creation::Always)), Message::Opened(_)));
    let (kind, why) = client.refusal(open(Creation::Always));
    assert_eq!(kind, "Incompatible");
    assert!(why.contains("one that is there"), "{why}");
    let other = world.client();
    let open = other.open_message("rpc://jobs", Creation::Never, "");
    assert!(matches!(other.ask(open), Message::Opened(_)));
}

#[test]
fn another_item_type_is_refused_naming_both() {
    let world = World::new();
    let client = world.client();
    // The first one who knows says it.
    client.open("rpc://jobs");
    let open = |tag| {
        let client = world.client();
        reason(
            &match client.ask(client.open_message("rpc://jobs", Creation::IfAbsent, tag)) {
                Message::Opened(_) => return ("Opened".to_owned(), String::new()),
                other => other,
            },
        )
    };
    assert_eq!(open("Bid").0, "Opened");
    assert_eq!(open("").0, "Opened");
    assert_eq!(open("Bid").0, "Opened");
    let (kind, why) = open("Auction");
    assert_eq!(kind, "TypeMismatch");
    assert!(
        why.contains("`Auction#0000000000000007`") && why.contains("`Bid#0000000000000003`"),
        "{why}"
    );
}

#[test]
fn other_parameters_are_refused_naming_both_and_absent_ones_are_not() {
    let world = World::new();
    let client = world.client();
    client.open("rpc://jobs?maxsize=7&max_bytes=100&lease_time=2&max_deliveries=3&dead_letter=graves");
    let other = world.client();
    for (parameters, expected, found) in [
        ("maxsize=8", "`maxsize` of 8", "found 7"),
        ("maxsize=7&max_bytes=99", "`max_bytes` of 99", "found 100"),
        ("lease_time=3", "`lease_time` of 3", "found 2"),
        ("max_deliveries=0", "`max_deliveries` of 0", "found 3"),
        ("dead_letter=tombs", "`dead_letter` of tombs", "found graves"),
    ] {
        let open = other.open_message(&format!("rpc://jobs?{parameters}"), Creation::IfAbsent, "");
        let (kind, why) = other.refusal(open);
        assert_eq!(kind, "Incompatible");
        assert!(why.contains(expected) && why.contains(found), "{why}");
    }
    other.open("rpc://jobs?maxsize=7&lease_time=2.0&host=elsewhere&prefetch=9");
}

#[test]
fn parameters_that_mean_nothing_are_refused() {
    let world = World::new();
    let client = world.client();
    for (parameters, kind) in [
        ("maxsize=-1", "InvalidDescriptor"),
        ("maxsize=many", "InvalidDescriptor"),
        ("lease_time=-0.5", "InvalidDescriptor"),
        ("max_deliveries=1.5", "InvalidDescriptor"),
        ("dead_letter=../graves", "InvalidDescriptor"),
        ("dead_letter=jobs", "InvalidDescriptor"),
        ("durability=disk", "Unsupported"),
        ("durability=7", "Unsupported"),
    ] {
        let open = client.open_message(&format!("rpc://jobs?{parameters}"), Creation::IfAbsent, "");
        assert_eq!(client.refusal(open).0, kind, "{parameters}");
    }
    assert_eq!(world.status().queues, 0);
    client.open("rpc://jobs?durability=process&maxsize=null");
}

#[test]
fn a_descriptor_of_another_life_is_stale() {
    let world = World::new();
    let client = world.client();
    let epoch = client.opened("rpc://jobs").epoch;
    let other = world.client();
    other.open(&format!("rpc://jobs?@epoch={epoch}"));
    for uri in [
        format!("rpc://jobs?@epoch={}", epoch + 1),
        "rpc://gone?@epoch=5".to_owned(),
    ] {
        let client = world.client();
        let (kind, why) = client.refusal(client.open_message(&uri, Creation::IfAbsent, ""));
        assert_eq!(kind, "StaleHandle", "{why}");
    }
}

#[test]
fn a_connection_opens_a_queue_once_and_not_more_than_it_may() {
    let mut settings = Settings::default();
    settings.max_open = 2;
    settings.max_queues = 3;
    let world = World::with(settings);
    let client = world.client();
    let jobs = client.open("rpc://jobs");
    let open = |uri| client.open_message(uri, Creation::IfAbsent, "");
    assert_eq!(client.refusal(open("rpc://jobs")).0, "Unsupported");
    client.open("rpc://b");
    assert_eq!(client.refusal(open("rpc://c")).0, "ResourceExhausted");
    assert_eq!(world.status().queues, 2);
    let call = client.call();
    assert_eq!(client.ask(Release { queue: jobs, call }), Done { call }.into());
    client.open("rpc://c");
    let other = world.client();
    let open = other.open_message("rpc://d", Creation::IfAbsent, "");
    assert_eq!(other.refusal(open).0, "ResourceExhausted");
}

#[test]
fn a_released_number_is_void_and_never_given_again() {
    let world = World::new();
    let client = world.client();
    let jobs = client.open("rpc://jobs");
    client.put(jobs, 1, &["a", "b"]);
    client.get(jobs, 1, Micros::ZERO);
    client.hear();
    client.get(jobs, 1, Micros::ZERO);
    client.hear();
    let waiting = client.get(jobs, 1, Micros::FOREVER);
    let call = client.call();
    client.say(Release { queue: jobs, call });
    let heard = client.hear();
    assert_eq!(kinds(&heard), ["Cancelled"]);
    assert!(matches!(&heard[0], Message::Failed(failed) if failed.call == Some(waiting)));
    // Both sides may have spoken at the same time.
    client.put(jobs, 3, &["dropped"]);
    client.say(rpc_wire::Depth {
        queue: jobs,
        call: client.call(),
    });
    assert_eq!(client.hear(), []);
    let again = client.opened("rpc://jobs");
    assert_ne!(again.queue, jobs);
    assert_eq!((again.next_put, again.next_delivery), (3, 3));
    assert_eq!(client.take(again.queue, 9), ["a", "b"]);
}

#[test]
fn closing_fails_puts_at_once_and_gets_when_nothing_is_left() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let (at_one, at_other) = (one.open("rpc://jobs?maxsize=2"), other.open("rpc://jobs"));
    one.put(at_one, 1, &["a", "b", "c"]);
    other.get(at_other, 1, Micros::ZERO);
    one.hear();
    other.hear();
    let call = other.call();
    other.say(Close { queue: at_other, call });
    assert_eq!(other.hear(), [Closed { queue: at_other }.into(), Done { call }.into()]);
    let heard = one.hear();
    assert_eq!(kinds(&heard), ["Closed"]);
    assert!(heard.contains(&Closed { queue: at_one }.into()));
    one.put(at_one, 3, &["c"]);
    assert_eq!(kinds(&one.hear()), ["Closed"]);
    // What is away may come back: a get waits for it.
    one.get(at_one, 9, Micros::FOREVER);
    assert_eq!(texts(&one.hear()), ["b"]);
    one.say(rpc_wire::Consumed {
        queue: at_one,
        up_to: 1,
    });
    assert_eq!(one.hear(), []);
    other.say(rpc_wire::Consumed {
        queue: at_other,
        up_to: 1,
    });
    assert_eq!(kinds(&one.hear()), ["Closed"]);
    one.get(at_one, 1, Micros::ZERO);
    assert_eq!(kinds(&one.hear()), ["Closed"]);
    // Closing again is nothing, and who opens it later is told.
    let call = one.call();
    assert_eq!(one.ask(Close { queue: at_one, call }), Done { call }.into());
    let late = world.client();
    let open = late.open_message("rpc://jobs", Creation::IfAbsent, "");
    late.say(open);
    let heard = late.hear();
    assert!(
        matches!(&heard[..], [Message::Opened(_), Message::Closed(_)]),
        "{heard:?}"
    );
}

#[test]
fn a_deleted_queue_is_gone_for_everyone_and_the_next_one_is_another() {
    let world = World::new();
    let (one, other) = (world.client(), world.client());
    let made = one.opened("rpc://jobs?maxsize=2");
    let at_one = made.queue;
    let at_other = other.open("rpc://jobs");
    one.put(at_one, 1, &["a", "b", "c"]);
    one.say(one.lease_message(at_one, 1, Micros::ZERO));
    other.get(at_other, 1, Micros::ZERO);
    other.say(rpc_wire::Get {
        ..other.get_message(at_other, 1, Micros::FOREVER)
    });
    one.hear();
    other.hear();
    let call = other.call();
    let id = descriptor_record::QueueId::new("jobs").unwrap();
    other.say(Delete { call, id: id.clone() });
    let heard = other.hear();
    assert_eq!(kinds(&heard), ["StaleHandle", "StaleHandle"]);
    assert_eq!(heard.last(), Some(&Done { call }.into()));
    let heard = one.hear();
    assert_eq!(kinds(&heard), ["StaleHandle", "StaleHandle"]);
    assert!(
        matches!(&heard[0], Message::Refused(refused) if refused.from == 3),
        "{heard:?}"
    );
    assert!(matches!(&heard[1], Message::Failed(failed) if failed.call.is_none() && failed.queue == Some(at_one)));
    let status = world.status();
    assert_eq!((status.queues, status.items, status.bytes), (0, 0, 0));
    one.say(put(at_one, 3, &["c"], Micros::ZERO));
    assert_eq!(one.hear(), []);
    let call = one.call();
    assert_eq!(one.refusal(Delete { call, id }).0, "NotFound");
    let again = one.opened("rpc://jobs");
    assert!(again.created.0 && again.epoch > made.epoch);
    assert_eq!(again.next_put, 1);
    one.put(again.queue, 1, &["new"]);
    assert_eq!(confirmed(&one.hear()), 1);
    // What the loan was about is gone too, and its moment means nothing.
    world.pass(std::time::Duration::from_secs(1));
    assert_eq!(one.depth(again.queue), (1, 0));
}
