//! Memory is the whole process's: so this test has one of its own.
#![cfg(target_os = "linux")]

mod common;

use std::io::Write;
use std::net::TcpStream;

use common::{Client, Folder, encoded, head, hello, port, rest, settings, start, tcp, unix, until};
use queue_core::ErrorKind;
use rpc_server::Settings;
use rpc_wire::{Message, preamble};

const PEERS: usize = 64;

/// Memory that is there for writing, used or not, in bytes.
fn reserved() -> u64 {
    size("VmData:")
}

/// Memory that is used, in bytes.
fn resident() -> u64 {
    size("VmRSS:")
}

fn size(of: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix(of));
    let kilobytes = line.expect("a size").trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().expect("a number") << 10
}

/// After the handshake, without anything that would read what comes.
fn raw(stream: TcpStream) -> TcpStream {
    let mut client = Client::new(stream.try_clone().expect("clone"));
    client.say(hello());
    assert!(matches!(client.hear(), Some(Message::Welcome(_))));
    stream
}

#[test]
fn h03_a_length_takes_no_memory_and_one_too_large_ends_the_connection() {
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
    drop((peers, other, decoded, early, noise));
    ten_thousand_lengths();
}

/// In the same test, so that nothing else takes memory meanwhile.
fn ten_thousand_lengths() {
    // Nothing at all, less than a head has, beyond every limit, and negative for those who take it for signed.
    const LENGTHS: [u32; 6] = [0, 15, 17 << 20, i32::MAX as u32, 1 << 31, u32::MAX];
    const TRIES: usize = 10_000;
    let folder = Folder::new("lengths");
    // Over a socket file, so that no ports are used up.
    let path = folder.path("socket");
    let server = start(Settings {
        unix: Some(path.clone()),
        ..settings()
    });
    let greeting = [preamble().as_slice(), &encoded(hello())].concat();
    let mut before = 0;
    for number in 0..TRIES {
        if number == TRIES / 10 {
            // What everything needs once is there by now.
            before = resident();
        }
        let mut peer = unix(&path);
        // Every other one before it is known.
        let words = if number % 2 == 0 {
            greeting.as_slice()
        } else {
            &preamble()
        };
        let words = [words, &head(LENGTHS[number % LENGTHS.len()])].concat();
        peer.write_all(&words).expect("somebody who listens");
        assert!(rest(&mut peer).len() > preamble().len(), "{number}");
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes for {TRIES} lengths");
    until("all have left", || server.status().connections == 0);
}
