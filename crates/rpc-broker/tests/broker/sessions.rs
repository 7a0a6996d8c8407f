//! What outlives a connection, and what does not.

use std::time::Duration;

use rpc_broker::Settings;
use rpc_wire::{Consumed, Goodbye, Hello, Message, Micros, Ping};

use crate::world::{Client, EPOCH, World, confirmed, hello, kinds, reason, texts};

fn again(client: &Client<'_>) -> Hello {
    let welcome = client.welcome.as_ref().unwrap();
    Hello {
        session: welcome.session,
        epoch: welcome.epoch,
        ..hello()
    }
}

fn resumed(client: &Client<'_>) -> bool {
    client.welcome.as_ref().unwrap().resumed.0
}

#[test]
fn h09_puts_that_are_sent_again_after_a_lost_connection_are_stored_once() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=3");
    client.put(queue, 1, &["a", "b", "c", "d", "e"]);
    let hello = again(&client);
    client.cut();
    let client = world.client_with(hello);
    assert!(resumed(&client));
    let opened = client.opened("rpc://jobs");
    assert_eq!((opened.next_put, opened.created.0), (4, false));
    client.put(opened.queue, 2, &["b", "c", "d", "e"]);
    let mut got = Vec::new();
    while got.len() < 5 {
        got.extend(client.take(opened.queue, 9));
    }
    assert_eq!(got, ["a", "b", "c", "d", "e"]);
    client.put(opened.queue, 6, &["f"]);
    assert_eq!(confirmed(&client.hear()), 6);
}

#[test]
fn h07_what_was_not_consumed_goes_back_to_the_head_when_nobody_comes_back() {
    let world = World::new();
    let (client, other) = (world.client(), world.client());
    let (queue, at_other) = (client.open("rpc://jobs"), other.open("rpc://jobs"));
    client.put(queue, 1, &["a", "b", "c", "d"]);
    client.get(queue, 3, Micros::ZERO);
    client.say(Consumed { queue, up_to: 1 });
    let hello = again(&client);
    client.cut();
    other.get(at_other, 9, Micros::FOREVER);
    assert_eq!(texts(&other.hear()), ["d"]);
    world.pass(Duration::from_millis(499));
    assert_eq!(texts(&other.hear()).len(), 0);
    world.pass(Duration::from_millis(1));
    assert_eq!(texts(&other.hear()), ["b", "c"]);
    // Who comes back now is told.
    let client = world.client_with(hello);
    let opened = client.opened("rpc://jobs");
    assert!(resumed(&client) && !opened.kept.0);
    assert_eq!((opened.next_put, opened.next_delivery), (5, 4));
}

#[test]
fn who_comes_back_soon_still_has_what_was_delivered() {
    let world = World::new();
    let (client, other) = (world.client(), world.client());
    let (queue, at_other) = (client.open("rpc://jobs"), other.open("rpc://jobs"));
    client.put(queue, 1, &["a", "b", "c", "d"]);
    client.get(queue, 2, Micros::ZERO);
    client.say(client.lease_message(queue, 1, Micros::ZERO));
    let hello = again(&client);
    client.cut();
    world.pass(Duration::from_millis(400));
    let client = world.client_with(hello);
    let opened = client.opened("rpc://jobs");
    assert!(opened.kept.0);
    world.pass(Duration::from_secs(1));
    client.hear();
    let queue = opened.queue;
    client.say(Consumed { queue, up_to: 1 });
    let ack = rpc_wire::Ack {
        queue,
        call: client.call(),
        deliveries: rpc_wire::Ranges::of([3]).unwrap(),
    };
    assert!(matches!(client.ask(ack), Message::Settled(settled) if settled.stale.is_empty()));
    // What it does not want to keep goes back when it says so, and does not count as delivered.
    client.say(rpc_wire::Release {
        queue,
        call: client.call(),
    });
    other.say(other.lease_message(at_other, 9, Micros::ZERO));
    let heard = other.hear();
    let Message::Lent(lent) = &heard[0] else {
        panic!("{heard:?}")
    };
    assert_eq!(lent.items.iter().collect::<Vec<_>>(), [(1, b"b".as_slice()), (1, b"d")]);
}

#[test]
fn what_is_held_of_a_queue_that_is_not_opened_again_goes_back_as_well() {
    let world = World::new();
    let (client, other) = (world.client(), world.client());
    let (queue, at_other) = (client.open("rpc://jobs"), other.open("rpc://jobs"));
    client.put(queue, 1, &["a", "b"]);
    client.get(queue, 1, Micros::ZERO);
    client.say(client.lease_message(queue, 1, Micros::ZERO));
    let hello = again(&client);
    client.cut();
    world.pass(Duration::from_millis(400));
    let client = world.client_with(hello);
    world.pass(Duration::from_millis(499));
    assert_eq!(other.depth(at_other), (0, 2));
    world.pass(Duration::from_millis(1));
    assert_eq!(other.take(at_other, 9), ["a", "b"]);
    assert!(!client.opened("rpc://jobs").kept.0);
}

#[test]
fn who_reads_slowly_is_not_taken_for_dead() {
    let mut settings = Settings::default();
    settings.max_output = 2000;
    let world = World::with(settings);
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let questions = (0..3000).map(|_| {
        rpc_wire::Depth {
            queue,
            call: client.call(),
        }
        .into()
    });
    client.say_all(questions);
    for _ in 0..10 {
        world.pass(Duration::from_secs(3));
        assert!(!client.is_over());
        let mut broker = world.broker.borrow_mut();
        assert!(!broker.reads(client.id));
        let said = std::mem::take(broker.output(client.id).unwrap());
        assert!(said.len() < 5000);
        broker.wrote(client.id, world.now.get());
    }
    world.pass(Duration::from_secs(9));
    assert!(client.is_over());
}

#[test]
fn resuming_ends_the_connection_before() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=1");
    client.put(queue, 1, &["a", "waits"]);
    client.get(queue, 1, Micros::ZERO);
    client.get(queue, 1, Micros::FOREVER);
    let newer = world.client_with(again(&client));
    assert!(resumed(&newer) && client.is_over());
    assert_eq!(kinds(&client.hear()), ["Disconnected"]);
    let opened = newer.opened("rpc://jobs");
    assert_eq!((opened.kept.0, opened.next_put, opened.next_delivery), (true, 2, 2));
    // Nothing waits for the one that is gone.
    client.cut();
    newer.say(Consumed {
        queue: opened.queue,
        up_to: 1,
    });
    newer.put(opened.queue, 2, &["b"]);
    assert_eq!(newer.depth_after(opened.queue), (1, 0));
}

impl Client<'_> {
    fn depth_after(&self, queue: rpc_wire::Handle) -> (u64, u64) {
        self.hear();
        self.depth(queue)
    }
}

#[test]
fn a_session_of_another_life_of_the_server_or_an_unknown_one_is_new() {
    let world = World::new();
    let client = world.client();
    let known = again(&client);
    for wrong in [
        Hello {
            epoch: EPOCH + 1,
            ..known.clone()
        },
        Hello {
            session: [7; 16],
            ..known.clone()
        },
        Hello {
            capabilities: rpc_wire::Capabilities::LEASES,
            ..known.clone()
        },
    ] {
        let other = world.client_with(wrong);
        assert!(!resumed(&other));
        assert_ne!(other.welcome.as_ref().unwrap().session, known.session);
    }
    assert!(!client.is_over());
}

#[test]
fn numbers_are_kept_for_a_while_and_no_longer() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    client.put(queue, 1, &["a"]);
    let hello = again(&client);
    client.cut();
    world.pass(Duration::from_secs(599));
    let client = world.client_with(hello.clone());
    assert!(resumed(&client));
    client.cut();
    world.pass(Duration::from_secs(600));
    assert_eq!(world.status().sessions, 0);
    let client = world.client_with(hello);
    assert!(!resumed(&client));
    assert_eq!(client.opened("rpc://jobs").next_put, 1);
}

#[test]
fn sessions_without_a_connection_are_limited_and_the_oldest_goes_first() {
    let mut settings = Settings::default();
    settings.max_connections = 2;
    settings.max_sessions = 3;
    let world = World::with(settings);
    let mut hellos = Vec::new();
    for _ in 0..4 {
        let client = world.client();
        hellos.push(again(&client));
        client.cut();
        world.pass(Duration::from_millis(1));
    }
    assert_eq!(world.status().sessions, 3);
    let newest = world.client_with(hellos[3].clone());
    assert!(resumed(&newest));
    let oldest = world.client_with(hellos[0].clone());
    assert!(!resumed(&oldest));
}

#[test]
fn goodbye_ends_what_is_under_way_and_gives_back_at_once() {
    let world = World::new();
    let (client, other) = (world.client(), world.client());
    let (queue, at_other) = (client.open("rpc://jobs?maxsize=2"), other.open("rpc://jobs"));
    client.put(queue, 1, &["a", "b", "c"]);
    client.get(queue, 1, Micros::ZERO);
    client.hear();
    client.get(queue, 5, Micros::FOREVER);
    client.hear();
    client.say(client.lease_message(queue, 1, Micros::FOREVER));
    client.say(Goodbye {
        grace: Micros::ZERO,
        failure: None,
    });
    let heard = client.hear();
    assert_eq!(kinds(&heard), ["Cancelled", "Cancelled", "Cancelled"]);
    assert!(matches!(heard.last(), Some(Message::Goodbye(goodbye)) if goodbye.failure.is_none()));
    assert!(client.is_over());
    assert_eq!(other.take(at_other, 9), ["a", "b"]);
    // It may not say more.
    client.say(Ping { number: 1 });
    assert_eq!(client.hear(), []);
}

#[test]
fn h07_a_silent_peer_is_asked_and_then_gone() {
    let world = World::new();
    let client = world.client();
    world.pass(Duration::from_secs(2));
    assert!(matches!(client.hear_one(), Message::Ping(_)));
    world.pass(Duration::from_secs(2));
    client.say(rpc_wire::Pong { number: 0 });
    client.hear();
    world.pass(Duration::from_secs(7));
    assert!(!client.is_over());
    client.hear();
    world.pass(Duration::from_secs(3));
    assert!(client.is_over());
    assert_eq!(kinds(&client.hear()), ["Timeout"]);
}

#[test]
fn h02_half_a_frame_has_a_deadline() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let mut bytes = Vec::new();
    let put = crate::world::put(queue, 1, &["a long item to be sent in drops"], Micros::ZERO);
    Message::from(put).encode(&mut bytes, 4096).unwrap();
    for (second, byte) in bytes.iter().take(40).enumerate() {
        assert_eq!(client.is_over(), second > 33, "{second}");
        client.feed(&[*byte]);
        world.pass(Duration::from_secs(1));
        if client.is_over() {
            break;
        }
    }
    assert!(client.is_over());
    let heard = client.hear();
    assert_eq!(reason(heard.last().unwrap()).0, "Timeout");
}

#[test]
fn a_server_that_stops_says_so_and_lets_what_is_there_be_taken() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs?maxsize=2");
    client.put(queue, 1, &["a", "b", "c"]);
    client.hear();
    let (now, grace) = (world.now.get(), Duration::from_secs(5));
    world.broker.borrow_mut().stop(grace, now);
    let heard = client.hear();
    assert!(
        matches!(&heard[0], Message::Goodbye(goodbye) if goodbye.grace == Micros(5_000_000)),
        "{heard:?}"
    );
    assert_eq!(kinds(&heard), ["Disconnected", "Disconnected"]);
    assert!(world.broker.borrow_mut().join("here:9", now).is_err());
    client.put(queue, 3, &["c"]);
    assert_eq!(kinds(&client.hear()), ["Disconnected"]);
    assert_eq!(client.take(queue, 9), ["a", "b"]);
    world.pass(Duration::from_millis(1900));
    assert!(!client.is_over());
    client.say(Ping { number: 1 });
    world.pass(Duration::from_millis(3100));
    assert!(client.is_over());
}
