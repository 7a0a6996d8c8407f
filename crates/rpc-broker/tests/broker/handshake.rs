//! Who is there.

use std::time::Duration;

use queue_core::ErrorKind;
use ring::hmac;
use rpc_broker::{Rule, Secret, Settings};
use rpc_wire::{Capabilities, Challenge, Decoder, Goodbye, Limits, Message, Micros, Ping, Pong, Proof, Text, preamble};

use crate::world::{Client, EPOCH, World, hello, reason};

const KEY: &[u8] = b"a key of the tests";

fn guarded() -> World {
    let mut settings = Settings::default();
    settings.secrets = vec![Secret {
        identity: "worker".to_owned(),
        key: KEY.to_vec(),
        rules: vec![Rule::everything()],
    }];
    World::with(settings)
}

fn challenge(client: &Client<'_>) -> Challenge {
    client.begin(hello());
    match client.hear_one() {
        Message::Challenge(challenge) => challenge,
        other => panic!("{other:?}"),
    }
}

fn proof(label: &str, challenge: &Challenge, key: &[u8]) -> [u8; 32] {
    let mut message = label.as_bytes().to_vec();
    Message::from(hello()).encode(&mut message, 4096).unwrap();
    Message::from(challenge.clone()).encode(&mut message, 4096).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, &message).as_ref().try_into().unwrap()
}

fn prove(challenge: &Challenge, identity: &str, key: &[u8]) -> Proof {
    Proof {
        identity: Text::clipped(identity),
        proof: proof("sage rpc 1 client", challenge, key),
    }
}

#[test]
fn without_secrets_everybody_is_welcome_and_nobody_is_asked() {
    let world = World::new();
    let client = world.client();
    let welcome = client.welcome.as_ref().unwrap();
    assert!(!welcome.resumed.0);
    assert_eq!(welcome.epoch, EPOCH);
    assert_eq!(welcome.proof, [0; 32]);
    assert_ne!(welcome.session, [0; 16]);
    assert!(
        welcome
            .capabilities
            .has(Capabilities::LEASES.with(Capabilities::RESUME))
    );
    assert!(!welcome.capabilities.has(Capabilities::DURABLE));
    assert_eq!(client.ask(Ping { number: 4 }), Pong { number: 4 }.into());
}

#[test]
fn whoever_knows_the_secret_is_welcome_and_learns_that_the_server_knows_it_too() {
    let world = guarded();
    let client = world.join();
    let challenge = challenge(&client);
    let Message::Welcome(welcome) = client.ask(prove(&challenge, "worker", KEY)) else {
        panic!("no welcome");
    };
    assert_eq!(welcome.proof, proof("sage rpc 1 server", &challenge, KEY));
    let who = world.broker.borrow().describe(client.id);
    assert_eq!(who.as_deref(), Some("`worker` at here:1"));
}

#[test]
fn h09_a_wrong_key_a_wrong_name_and_a_proof_heard_elsewhere_are_refused_alike() {
    let world = guarded();
    let heard_elsewhere = {
        let client = world.join();
        prove(&challenge(&client), "worker", KEY)
    };
    let mut words = Vec::new();
    for case in 0..3 {
        let client = world.join();
        let challenge = challenge(&client);
        let proof = match case {
            0 => prove(&challenge, "worker", b"another key"),
            1 => prove(&challenge, "wörker", KEY),
            _ => heard_elsewhere.clone(),
        };
        let (kind, why) = client.refusal(proof);
        assert_eq!(kind, "Unauthenticated");
        assert!(client.is_over());
        words.push(why);
    }
    assert_eq!(words[0], words[1]);
    assert_eq!(words[1], words[2]);
    assert!(!format!("{:?}", guarded().broker.borrow()).contains("a key"));
}

#[test]
fn h08_ten_thousand_wrong_proofs_leave_nothing_and_open_nothing() {
    let world = guarded();
    for number in 0..10_000_u64 {
        let client = world.join();
        let challenge = challenge(&client);
        let mut guess = prove(&challenge, "worker", &number.to_le_bytes());
        if number % 2 == 0 {
            // All but the last bit is right.
            guess = prove(&challenge, "worker", KEY);
            guess.proof[31] ^= 1;
        }
        let (kind, why) = client.refusal(guess);
        assert_eq!(kind, "Unauthenticated");
        assert!(!why.contains("a key of the tests"), "{why}");
        let complaint = world.broker.borrow_mut().complaint(client.id);
        let (kind, complaint) = complaint.expect("something for the log");
        assert_eq!(kind, ErrorKind::Unauthenticated);
        assert!(!complaint.contains("a key of the tests"), "{complaint}");
        client.cut();
    }
    let status = world.status();
    assert_eq!((status.connections, status.sessions, status.queues), (0, 0, 0));
    let client = world.join();
    let challenge = challenge(&client);
    assert!(matches!(
        client.ask(prove(&challenge, "worker", KEY)),
        Message::Welcome(_)
    ));
}

#[test]
fn h07_a_proof_is_only_taken_behind_a_challenge_and_a_hello_only_once() {
    let world = guarded();
    let client = world.join();
    let challenge = challenge(&client);
    let (kind, why) = client.refusal(hello());
    assert_eq!(kind, "Corrupt");
    assert!(why.contains("one Hello"), "{why}");

    let open = World::new();
    let client = open.client();
    assert_eq!(client.refusal(prove(&challenge, "worker", KEY)).0, "Corrupt");
    let client = open.client();
    assert_eq!(client.refusal(hello()).0, "Corrupt");
}

#[test]
fn h07_before_the_handshake_is_over_nothing_else_is_heard() {
    let world = guarded();
    let client = world.join();
    challenge(&client);
    let (kind, why) = client.refusal(Ping { number: 1 });
    assert_eq!(kind, "Corrupt");
    assert!(why.contains("expected a handshake, found Ping"), "{why}");
}

#[test]
fn h05_other_protocols_end_at_the_eighth_byte_without_an_answer() {
    let world = World::new();
    let client = world.join();
    client.feed(b"GET / H");
    assert!(!client.is_over());
    client.feed(b"T");
    assert!(client.is_over());
    assert!(world.broker.borrow_mut().output(client.id).unwrap().is_empty());
    assert!(world.broker.borrow_mut().buffer(client.id).is_none());
}

#[test]
fn another_version_gets_the_preamble_of_this_one_and_nothing_else() {
    let world = World::new();
    let client = world.join();
    let mut theirs = preamble();
    theirs[6] = 2;
    client.feed(&theirs);
    assert!(client.is_over());
    assert_eq!(*world.broker.borrow_mut().output(client.id).unwrap(), preamble());
}

#[test]
fn h12_one_connection_too_many_hears_why() {
    let mut settings = Settings::default();
    settings.max_connections = 2;
    let world = World::with(settings);
    let first = world.client();
    let _second = world.join();
    let refused = world.broker.borrow_mut().join("here:2", world.now.get()).unwrap_err();
    let mut decoder = Decoder::new();
    decoder.feed(&refused);
    let goodbye = decoder.next_message().unwrap().unwrap();
    let (kind, why) = reason(&goodbye);
    assert_eq!(kind, "Overloaded");
    assert!(why.contains("at most 2 connections"), "{why}");
    first.cut();
    world.join();
}

#[test]
fn h01_a_handshake_has_a_deadline_however_often_something_comes() {
    let world = World::new();
    let client = world.join();
    let mut bytes = preamble().to_vec();
    Message::from(hello()).encode(&mut bytes, 4096).unwrap();
    for byte in bytes.iter().take(20) {
        client.feed(&[*byte]);
        world.pass(Duration::from_millis(249));
        assert!(!client.is_over());
    }
    world.pass(Duration::from_millis(30));
    assert!(client.is_over());
    let heard = client.hear();
    assert_eq!(reason(&heard[0]).0, "Timeout");
}

#[test]
fn a_conversation_byte_by_byte_is_the_same_as_at_once() {
    let whole = {
        let world = World::new();
        let client = world.client();
        let jobs = client.open("rpc://jobs?maxsize=3");
        client.put(jobs, 1, &["a", "b"]);
        client.get(jobs, 5, Micros::FOREVER);
        client.hear()
    };
    let world = World::new();
    let client = world.join();
    let mut bytes = preamble().to_vec();
    Message::from(hello()).encode(&mut bytes, 4096).unwrap();
    let open = client.open_message("rpc://jobs?maxsize=3", rpc_wire::Creation::IfAbsent, "");
    Message::from(open).encode(&mut bytes, 4096).unwrap();
    let queue = rpc_wire::Handle::new(1).unwrap();
    let put = crate::world::put(queue, 1, &["a", "b"], Micros::FOREVER);
    Message::from(put).encode(&mut bytes, 4096).unwrap();
    let get = client.get_message(queue, 5, Micros::FOREVER);
    Message::from(get).encode(&mut bytes, 4096).unwrap();
    for byte in bytes {
        client.feed(&[byte]);
    }
    let heard = client.hear();
    assert!(matches!(heard[0], Message::Welcome(_)) && matches!(heard[1], Message::Opened(_)));
    assert_eq!(heard[2..], whole[..]);
}

#[test]
fn h03_frames_are_small_until_it_is_known_who_it_is_and_then_as_large_as_the_limits_say() {
    let world = World::new();
    let client = world.join();
    let mut bytes = preamble().to_vec();
    let open = client.open_message(
        &format!("rpc://jobs?note={}", "x".repeat(5000)),
        rpc_wire::Creation::IfAbsent,
        "",
    );
    Message::from(open.clone()).encode(&mut bytes, 64 << 10).unwrap();
    client.feed(&bytes);
    assert_eq!(reason(&client.hear_one()).0, "TooLarge");

    let client = world.client();
    assert!(matches!(client.ask(open), Message::Opened(_)));
    assert_eq!(client.welcome.as_ref().unwrap().limits.frame, Limits::DEFAULT.frame);
}

#[test]
fn a_client_that_says_goodbye_is_answered_and_over() {
    let world = World::new();
    let client = world.client();
    let goodbye = Goodbye {
        grace: Micros::ZERO,
        failure: None,
    };
    assert_eq!(client.ask(goodbye.clone()), goodbye.into());
    assert!(client.is_over());
    assert_eq!(world.status().sessions, 0);
    client.cut();
    assert_eq!(world.status().connections, 0);
}
