//! Who is there.

use descriptor_core::ErrorKind;
use ring::hmac;
use rpc_wire::{Challenge, HANDSHAKE_FRAME, Message, Welcome};

use super::{Scene, welcome};
use crate::secret::Token;
use crate::session::{HEARTBEAT, Line};

fn token() -> Token {
    Token {
        identity: "alice".into(),
        secret: b"secret".to_vec(),
    }
}

fn frame(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes, HANDSHAKE_FRAME).expect("a small frame");
    bytes
}

fn mac(label: &[u8], said: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
    let tag = hmac::sign(&key, &[label, said].concat());
    tag.as_ref().try_into().expect("32 bytes")
}

/// A client that was asked who it is, and the bytes that both sides have said.
fn challenged() -> (Scene, Vec<u8>) {
    let mut scene = Scene::new(Some(token()));
    scene.session.connected([1; 32], scene.now);
    let hello = scene.said().remove(0);
    let challenge = Message::from(Challenge { nonce: [2; 32] });
    let said = [frame(&hello), frame(&challenge)].concat();
    scene.hears(challenge).expect("a challenge to a client with a token");
    (scene, said)
}

#[test]
fn both_sides_prove_that_they_know_the_secret() {
    let (mut scene, said) = challenged();
    match scene.said().as_slice() {
        [Message::Proof(proof)] => {
            assert_eq!(proof.identity.as_str(), "alice");
            assert_eq!(proof.proof, mac(b"sage rpc 1 client", &said));
        }
        other => panic!("{other:?}"),
    }
    scene
        .hears(Welcome {
            proof: mac(b"sage rpc 1 server", &said),
            ..welcome(false, 1)
        })
        .expect("a server that knows the secret");
    assert!(scene.session.is_up());
}

#[test]
fn h14_a_server_that_proves_nothing_is_refused() {
    let (mut scene, said) = challenged();
    // What the client itself has said is no proof of the server's.
    let echo = Welcome {
        proof: mac(b"sage rpc 1 client", &said),
        ..welcome(false, 1)
    };
    assert_eq!(scene.hears(echo).unwrap_err().kind(), ErrorKind::Unauthenticated);
    let mut scene = Scene::new(Some(token()));
    scene.session.connected([1; 32], scene.now);
    let error = scene.hears(welcome(false, 1)).unwrap_err();
    assert!(error.error("open").to_string().contains("does not ask for it"));
}

#[test]
fn who_is_asked_and_has_no_token_says_what_to_do() {
    let mut scene = Scene::new(None);
    scene.session.connected([1; 32], scene.now);
    let error = scene.hears(Challenge { nonce: [2; 32] }).unwrap_err().error("open");
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.to_string().contains("token=file:PATH"), "{error}");
}

#[test]
fn h14_silence_is_asked_about_and_then_taken_for_death() {
    let mut scene = Scene::up();
    for number in 1..=3 {
        scene.pass(HEARTBEAT);
        assert_eq!(scene.session.next_due(), scene.now);
        scene.session.tick(scene.now).expect("still patient");
        let said = scene.said();
        assert!(
            matches!(said.as_slice(), [Message::Ping(ping)] if ping.number == number),
            "{said:?}"
        );
    }
    scene.pass(HEARTBEAT);
    assert_eq!(scene.session.tick(scene.now).unwrap_err().kind(), ErrorKind::PeerDied);
    scene.hears(rpc_wire::Pong { number: 3 }).expect("a sign of life");
    scene.session.tick(scene.now).expect("alive");
}

#[test]
fn h14_what_a_server_may_not_say_ends_the_connection() {
    let mut scene = Scene::up();
    let put = Message::from(rpc_wire::Withdraw {
        queue: super::handle(1),
        from: 1,
    });
    assert_eq!(scene.hears(put).unwrap_err().kind(), ErrorKind::Incompatible);
    assert!(scene.hears(welcome(false, 1)).is_err(), "welcome twice");
    assert_eq!(scene.session.line(), Line::Up);
}
