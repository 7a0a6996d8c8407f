//! Peers that do what they may not.

use rpc_broker::Settings;
use rpc_wire::{
    Call, Capabilities, Challenge, Confirmed, Depth, Done, Existence, Exists, Handle, Message, Micros, Ping, Pong,
    Ranges, Settled, Welcome,
};

use crate::world::{World, hello, kinds, put, reason};

#[test]
fn h07_messages_of_a_server_end_the_connection() {
    let world = World::new();
    let call = Call::new(1).unwrap();
    let queue = Handle::new(1).unwrap();
    let welcome: Welcome = world.client().welcome.unwrap();
    let messages: Vec<Message> = vec![
        Challenge { nonce: [0; 32] }.into(),
        welcome.into(),
        Done { call }.into(),
        Confirmed { queue, up_to: 1 }.into(),
        Existence { call, exists: true }.into(),
        Settled {
            call,
            stale: Ranges::default(),
        }
        .into(),
    ];
    for message in messages {
        let client = world.client();
        let name = message.name();
        let (kind, why) = client.refusal(message);
        assert_eq!(kind, "Corrupt");
        assert!(why.contains(name), "{why}");
        assert!(client.is_over());
    }
}

#[test]
fn a_number_of_a_queue_that_was_never_given_ends_the_connection() {
    let world = World::new();
    let queue = Handle::new(2).unwrap();
    for case in 0..5 {
        let client = world.client();
        client.open("rpc://jobs");
        let call = client.call();
        let message: Message = match case {
            0 => put(queue, 1, &["a"], Micros::ZERO).into(),
            1 => Depth { queue, call }.into(),
            2 => client.get_message(queue, 1, Micros::ZERO).into(),
            3 => rpc_wire::Consumed { queue, up_to: 0 }.into(),
            _ => rpc_wire::Withdraw { queue, from: 0 }.into(),
        };
        let (kind, why) = client.refusal(message);
        assert_eq!(kind, "Corrupt");
        assert!(why.contains("a number of a queue that was given, found 2"), "{why}");
    }
}

#[test]
fn h05_damage_ends_the_connection_and_nothing_behind_it_is_heard() {
    let world = World::new();
    let client = world.client();
    let mut bytes = Vec::new();
    Message::from(Ping { number: 1 }).encode(&mut bytes, 4096).unwrap();
    let end = bytes.len();
    Message::from(Ping { number: 2 }).encode(&mut bytes, 4096).unwrap();
    bytes[end - 1] ^= 1;
    client.feed(&bytes);
    assert_eq!(reason(&client.hear_one()).0, "Corrupt");
    client.say(Ping { number: 3 });
    assert_eq!(client.hear(), []);
    assert_eq!(world.status().items, 0);
}

#[test]
fn h03_a_length_that_nobody_takes_is_refused_at_the_head() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let mut bytes = Vec::new();
    let item = "x".repeat(17 << 20);
    Message::from(put(queue, 1, &[&item], Micros::ZERO))
        .encode(&mut bytes, 1 << 30)
        .unwrap();
    client.feed(&bytes[..16]);
    assert_eq!(reason(&client.hear_one()).0, "TooLarge");
}

#[test]
fn h11_answers_that_nobody_reads_keep_the_questions_waiting() {
    let mut settings = Settings::default();
    settings.max_output = 4096;
    let world = World::with(settings);
    let client = world.client();
    let id = descriptor_record::QueueId::new("jobs").unwrap();
    let questions = (0..2000).map(|number| {
        let call = Call::new(number + 1).unwrap();
        Exists { call, id: id.clone() }.into()
    });
    client.say_all(questions);
    {
        let mut broker = world.broker.borrow_mut();
        assert!(broker.output(client.id).unwrap().len() < 9000);
        assert!(!broker.reads(client.id));
    }
    // All are answered, in portions, as they are read.
    assert_eq!(client.hear().len(), 2000);
    assert!(world.broker.borrow().reads(client.id));
    assert!(!client.is_over());
}

#[test]
fn h04_frames_that_ask_for_nothing_are_limited() {
    let world = World::new();
    let client = world.client();
    let pings = || (0..5_000).map(|number| Ping { number }.into());
    client.say_all(pings());
    assert_eq!(client.hear().len(), 5_000);
    world.pass(std::time::Duration::from_secs(2));
    client.say_all(pings());
    client.say_all(pings());
    assert!(!client.is_over());
    client.hear();
    client.say(Pong { number: 0 });
    assert_eq!(kinds(&client.hear()), ["Overloaded"]);
    assert!(client.is_over());
}

#[test]
fn a_get_for_nothing_ends_the_connection() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    assert_eq!(client.refusal(client.get_message(queue, 0, Micros::ZERO)).0, "Corrupt");
}

#[test]
fn settling_more_holes_than_an_answer_has_room_for_does_nothing() {
    let mut settings = Settings::default();
    settings.limits.leases = 5000;
    let world = World::with(settings);
    let mut greeting = hello();
    greeting.limits.leases = 5000;
    let client = world.client_with(greeting);
    let queue = client.open("rpc://jobs?maxsize=0");
    client.put(queue, 1, &["x"; 4000]);
    client.hear();
    client.say(client.lease_message(queue, 4000, Micros::ZERO));
    client.hear();
    for first in [1, 2001] {
        let odd = (first..first + 2000).step_by(2);
        let deliveries = Ranges::of(odd).unwrap();
        let call = client.call();
        client.say(rpc_wire::Ack {
            queue,
            call,
            deliveries,
        });
        client.hear();
    }
    assert_eq!(client.depth(queue), (0, 2000));
    // One range with 2000 holes.
    let mut bytes = Vec::new();
    let call = client.call();
    let ack = rpc_wire::Ack {
        queue,
        call,
        deliveries: Ranges::of(1..=4000).unwrap(),
    };
    Message::from(ack).encode(&mut bytes, 4096).unwrap();
    client.feed(&bytes);
    assert_eq!(kinds(&client.hear()), ["TooLarge"]);
    assert_eq!(client.depth(queue), (0, 2000));
}

#[test]
fn h05_random_bytes_and_changed_bits_never_do_more_than_end_the_connection() {
    let world = World::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut dice = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..2000 {
        let client = world.client();
        let queue = client.open("rpc://jobs?maxsize=5");
        let mut bytes = Vec::new();
        let next = client.get_message(queue, 3, Micros::ZERO);
        Message::from(next).encode(&mut bytes, 4096).unwrap();
        Message::from(put(queue, 1, &["a", "b"], Micros::ZERO))
            .encode(&mut bytes, 4096)
            .unwrap();
        let at = dice() as usize % bytes.len();
        bytes[at] ^= 1 << (dice() % 8);
        client.feed(&bytes);
        assert!(client.is_over());
        client.cut();
    }
    assert!(world.status().items <= 5);
    assert_eq!(world.status().connections, 0);
}

#[test]
fn h10_nothing_is_unpacked_whatever_a_peer_says_it_can() {
    let world = World::new();
    let mut greeting = hello();
    greeting.capabilities = Capabilities(u64::MAX);
    let client = world.client_with(greeting);
    let granted = client.welcome.as_ref().unwrap().capabilities;
    let known = [
        Capabilities::LEASES,
        Capabilities::DEDUP,
        Capabilities::RESUME,
        Capabilities::INSPECT,
    ];
    let known = known.into_iter().fold(Capabilities::default(), Capabilities::with);
    assert_eq!(granted.and(known), granted, "there is no capability to compress");
    // The start of a gzip stream that would become far more than it is: bytes like others.
    let bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xec\xc1\x01\x01\x00\x00\x00".repeat(100);
    let queue = client.open("rpc://jobs");
    client.say(rpc_wire::Put {
        items: rpc_wire::Items::new([bomb.as_slice()]).unwrap(),
        ..put(queue, 1, &[], Micros::ZERO)
    });
    client.hear();
    assert_eq!(world.status().bytes, bomb.len() as u64);
    client.get(queue, 1, Micros::ZERO);
    let heard = client.hear();
    let Some(Message::Delivered(delivered)) = heard.first() else {
        panic!("{heard:?}");
    };
    assert_eq!(delivered.items.iter().collect::<Vec<_>>(), [bomb.as_slice()]);
}

#[test]
fn h11_a_million_loans_or_calls_are_not_taken() {
    let world = World::new();
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let lease = client.lease_message(queue, 1_000_000, Micros::FOREVER);
    assert_eq!(client.refusal(lease).0, "Overloaded");
    let client = world.client();
    let queue = client.open("rpc://jobs");
    let calls = client.welcome.as_ref().unwrap().limits.calls;
    let gets: Vec<Message> = (0..=calls)
        .map(|_| client.get_message(queue, 1, Micros::FOREVER).into())
        .collect();
    client.say_all(gets);
    assert_eq!(kinds(&client.hear()), ["Overloaded"]);
}
