//! Connections that end in every state, with every type of frame on its way.

use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use rpc_server::{RunningServer, Settings};
use rpc_wire::{Call, Capabilities, Flag, Hello, Lease, Message, Micros, preamble};
use rustix::net::sockopt::set_socket_linger;

use crate::common::{Client, Folder, hello, port, rest, settings, start, tcp, until};

const SECRET: &str = "a5c0de90c4e5f2b38671";

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing was said.
    Silent,
    /// The preamble was.
    Begun,
    /// It is asked who it is.
    Asked,
    /// It is welcome.
    Known,
    /// It has queues open and an item on loan.
    Working,
}

const STATES: [State; 5] = [State::Silent, State::Begun, State::Asked, State::Known, State::Working];

/// A frame of every type, from the vectors of the protocol, whose own tests see that none is missing.
fn frames() -> Vec<Vec<u8>> {
    const VECTORS: &str = include_str!("../../../rpc-wire/tests/vectors.json");
    let lines = VECTORS
        .lines()
        .filter_map(|line| line.split("\"hex\":\"").nth(1)?.split('"').next());
    let bytes = |hex: &str| {
        let pairs = hex
            .as_bytes()
            .chunks(2)
            .map(|pair| std::str::from_utf8(pair).expect("digits"));
        pairs
            .map(|pair| u8::from_str_radix(pair, 16).expect("a byte"))
            .collect()
    };
    // Without the preamble.
    let frames: Vec<Vec<u8>> = lines.skip(1).map(bytes).collect();
    assert!(frames.len() > 40, "{}", frames.len());
    frames
}

/// A connection in that state, without anything that would close it in order.
fn reach(state: State, open: &RunningServer, guarded: &RunningServer) -> (Client, TcpStream) {
    let server = if state == State::Asked { guarded } else { open };
    let stream = tcp(port(server));
    let socket = stream.try_clone().expect("the same socket");
    let mut client = Client::silent(stream);
    if state == State::Silent {
        return (client, socket);
    }
    client.write(&preamble());
    if state == State::Begun {
        return (client, socket);
    }
    // Whoever may come back has some time to: what it holds goes back after that.
    client.say(Hello {
        capabilities: Capabilities::LEASES.with(Capabilities::RESUME),
        ..hello()
    });
    let heard = client.hear();
    if state == State::Asked {
        assert!(matches!(heard, Some(Message::Challenge(_))));
        return (client, socket);
    }
    assert!(matches!(heard, Some(Message::Welcome(_))));
    if state == State::Working {
        // The vectors are about the queue of number 7.
        let queue = client.open("rpc://lent");
        for number in 2..=7 {
            client.open(&format!("rpc://other/{number}"));
        }
        // It gets the one item there is as soon as nobody else has it.
        client.say(Lease {
            queue,
            once: Flag(true),
            call: Call::new(1000).expect("not 0"),
            items: 1,
            bytes: 1 << 20,
            wait: Micros::FOREVER,
            lease: Micros::FOREVER,
        });
        // Others close the queues that this one has just opened.
        let mut heard = client.hear();
        while matches!(heard, Some(Message::Closed(_))) {
            heard = client.hear();
        }
        assert!(matches!(heard, Some(Message::Lent(_))), "{heard:?}");
    }
    (client, socket)
}

#[test]
fn h07_a_reset_in_every_state_behind_every_frame_leaves_nothing() {
    let folder = Folder::new("resets");
    let mut usual = settings();
    usual.broker.item_grace = Duration::from_millis(20);
    let guarded = start(Settings {
        token_file: Some(folder.file("tokens", 0o600, &format!("worker {SECRET} all:*\n"))),
        ..usual.clone()
    });
    let server = start(usual);
    let mut inside = Client::connect(tcp(port(&server)));
    let lent = inside.open("rpc://lent");
    inside.put(lent, 1, &[b"a"]);
    inside.confirmed(1);
    for state in STATES {
        for frame in frames() {
            let (mut client, socket) = reach(state, &server, &guarded);
            set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
            client.write(&frame);
            drop((client, socket));
        }
    }
    until("all have left", || {
        (server.status().connections, guarded.status().connections) == (1, 0)
    });
    inside.get(lent, 1, 1);
    assert_eq!(inside.delivered(), [b"a"]);
}

#[test]
fn h07_a_side_that_is_closed_in_every_state_ends_the_other() {
    let folder = Folder::new("halves");
    let mut usual = settings();
    usual.broker.item_grace = Duration::from_millis(20);
    let guarded = start(Settings {
        token_file: Some(folder.file("tokens", 0o600, &format!("worker {SECRET} all:*\n"))),
        ..usual.clone()
    });
    let server = start(usual);
    let mut inside = Client::connect(tcp(port(&server)));
    let lent = inside.open("rpc://lent");
    inside.put(lent, 1, &[b"a"]);
    inside.confirmed(1);
    for state in STATES {
        let (_client, mut socket) = reach(state, &server, &guarded);
        socket.shutdown(Shutdown::Write).unwrap();
        rest(&mut socket);
    }
    until("all have left", || {
        (server.status().connections, guarded.status().connections) == (1, 0)
    });
    inside.get(lent, 1, 1);
    assert_eq!(inside.delivered(), [b"a"]);
}
