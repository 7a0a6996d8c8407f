//! Memory is the whole process's: so this test has one of its own.
#![cfg(target_os = "linux")]

mod common;

use std::io::Write;
use std::net::TcpStream;

use common::{Client, hello, port, rest, settings, start, tcp};
use queue_core::ErrorKind;
use rpc_wire::{Message, preamble};

const PEERS: usize = 64;

/// Memory that is there for writing, used or not, in bytes.
fn reserved() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kilobytes = line.expect("a size").trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().expect("a number") << 10
}

/// The head of a put that has so many bytes, of which only those are sent.
fn head(length: u32) -> Vec<u8> {
    let mut head = [0; 16];
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8] = 0x20;
    head[9] = 1;
    head[12] = 1;
    head[11] = head.iter().enumerate().fold(0x5a, |sum, (at, byte)| match at {
        4..=10 | 12..=15 => sum ^ byte,
        _ => sum,
    });
    head.to_vec()
}

/// After the handshake, without anything that would read what comes.
fn raw(stream: TcpStream) -> TcpStream {
    let mut client = Client::new(stream.try_clone().expect("clone"));
    client.say(hello());
    assert!(matches!(client.hear(), Some(Message::Welcome(_))));
    stream
}

#[test]
fn a_length_takes_no_memory_and_one_too_large_ends_the_connection() {
    let server = start(settings());
    let address = port(&server);
    let peers: Vec<_> = (0..PEERS).map(|_| raw(tcp(address))).collect();
    let before = reserved();
    for mut peer in &peers {
        peer.write_all(&head(16 << 20)).unwrap();
        peer.write_all(&[0; 1000]).unwrap();
    }
    // It has read all of that when it has answered what came later.
    let mut other = Client::connect(tcp(address));
    other.open("rpc://letters");
    let grown = reserved().saturating_sub(before);
    assert!(grown < PEERS as u64 * (256 << 10), "{grown} bytes for {PEERS} heads");
    assert_eq!(server.status().connections, PEERS + 1);

    let mut decoded = Client::connect(tcp(address));
    decoded.write(&head(1 << 30));
    let failure = decoded.farewell().expect("a reason");
    assert_eq!(failure.kind.kind(), Some(ErrorKind::TooLarge), "{failure:?}");
    // Before the handshake much less is too much.
    let mut early = tcp(address);
    early.write_all(&preamble()).unwrap();
    early.write_all(&head(64 << 10)).unwrap();
    assert!(rest(&mut early).starts_with(&preamble()));
    // And noise is no better than that.
    let mut noise = raw(tcp(address));
    noise.write_all(&[0xff; 64]).unwrap();
    assert!(!rest(&mut noise).is_empty());
    let grown = reserved().saturating_sub(before);
    assert!(grown < PEERS as u64 * (256 << 10), "{grown} bytes at the end");
}
