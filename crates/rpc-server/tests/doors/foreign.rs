//! Peers that speak something else.

use std::io::Write;
use std::net::{Shutdown, TcpStream};

use rpc_wire::{PREAMBLE, preamble};

use crate::common::{Client, port, rest, settings, start, tcp, until};

#[test]
fn h05_other_protocols_hear_nothing_and_other_versions_ours() {
    let server = start(settings());
    let mut stream = tcp(port(&server));
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    assert_eq!(rest(&mut stream), b"");

    let mut stream = tcp(port(&server));
    let mut other = preamble();
    other[PREAMBLE - 2] = 9;
    stream.write_all(&other).unwrap();
    assert_eq!(rest(&mut stream), preamble());

    let mut stream = tcp(port(&server));
    stream.write_all(&preamble()[..3]).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), b"");
    until("all have left", || server.status().connections == 0);
}

/// What a client of another protocol says first.
const OTHERS: &[(&str, &[u8])] = &[
    (
        "HTTP",
        b"POST /queues/letters HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n",
    ),
    (
        "HTTP/2",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    ),
    (
        "TLS",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07",
    ),
    ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n"),
    ("NATS", b"CONNECT {\"verbose\":false}\r\nPING\r\n"),
    ("Redis", b"*1\r\n$4\r\nPING\r\n"),
    ("zeros", &[0; 64]),
    ("ones", &[0xff; 64]),
];

#[test]
fn h05_whatever_else_is_spoken_is_closed_without_a_word() {
    let server = start(settings());
    let mut inside = Client::connect(tcp(port(&server)));
    for (name, words) in OTHERS {
        let mut stream = tcp(port(&server));
        // It may be closed before all of it is written.
        let _ = stream.write_all(words);
        assert_eq!(rest(&mut stream), b"", "{name}");
    }
    until("all have left", || server.status().connections == 1);
    inside.open("rpc://letters");
}

#[test]
fn h05_noise_without_end_is_not_read_to_its_end() {
    const BLOCK: usize = 64 << 10;
    const MOST: usize = (1 << 30) / BLOCK;
    let server = start(settings());
    let mut inside = Client::connect(tcp(port(&server)));
    let mut state = 5_u64;
    let mut noise = |stream: &mut TcpStream| {
        let words = (0..BLOCK / 8).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let block: Vec<u8> = words.collect();
        (0..MOST).find(|_| stream.write_all(&block).is_err())
    };
    assert!(noise(&mut tcp(port(&server))).is_some(), "all of it was taken");
    // After a preamble that is right it is no better.
    let mut stream = tcp(port(&server));
    stream.write_all(&preamble()).unwrap();
    assert!(noise(&mut stream).is_some(), "all of it was taken");
    until("they have left", || server.status().connections == 1);
    inside.open("rpc://letters");
}
