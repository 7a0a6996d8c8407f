//! Servers that are none, or mean harm: what happens to clients is what happens to servers, the other way round.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use descriptor_core::{Error, ErrorKind};
use queue_rpc::{RpcQueue, RpcSpec};
use queue_testkit::{Dice, join, spawn, watchdog};
use rpc_wire::{Capabilities, Limits, Message, Ping, Text, Welcome, preamble};

use crate::{LIMIT, id};

/// Somebody on a port of this host who says something to all that come, until the client is done. What that one is told.
fn told(say: impl Fn(&mut TcpStream) + Send + 'static, patience: Duration) -> Error {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let liar = spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut first = [0; 8];
            // The last one that comes says nothing, and means the end.
            if stream.read_exact(&mut first).is_err() {
                return;
            }
            say(&mut stream);
        }
    });
    let spec = RpcSpec {
        retry_count: 1,
        connection_timeout: patience,
        enable_pooling: false,
        ..RpcSpec::at("127.0.0.1", address.port())
    };
    let error = RpcQueue::<u64>::open(&id(), &spec).expect_err("no server");
    drop(TcpStream::connect(address));
    join(liar);
    error
}

fn encoded(message: impl Into<Message>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.into().encode(&mut bytes, 1 << 20).expect("a short message");
    bytes
}

/// What a server says first that asks for nothing.
fn greeting() -> Vec<u8> {
    let welcome = Welcome {
        resumed: rpc_wire::Flag(false),
        capabilities: Capabilities::LEASES,
        limits: Limits::DEFAULT,
        session: [1; 16],
        epoch: 1,
        proof: [0; 32],
        agent: Text::clipped("a liar"),
    };
    [preamble().as_slice(), &encoded(welcome)].concat()
}

/// The head of a delivery that has so many bytes.
fn head(length: u32) -> Vec<u8> {
    let mut head = vec![0; 16];
    head[4..8].copy_from_slice(&length.to_le_bytes());
    head[8] = 0x31;
    head[12] = 1;
    head[11] = head[4..].iter().fold(0x5a, |sum, byte| sum ^ byte);
    head
}

/// Far more than it takes to answer on a loaded machine.
const LONG: Duration = Duration::from_secs(20);
/// What a test can wait for.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn h14_other_protocols_and_noise_are_an_error() {
    watchdog(LIMIT, "noise", || {
        for words in [
            b"SSH-2.0-OpenSSH_9.9\r\n".as_slice(),
            b"INFO {\"server_id\":\"x\"}\r\n",
            &[0x16, 3, 3, 0, 2, 2, 40],
            &[0; 64],
        ] {
            let words = words.to_vec();
            let error = told(move |stream| drop(stream.write_all(&words)), LONG);
            assert!(
                matches!(error.kind(), ErrorKind::Incompatible | ErrorKind::Disconnected),
                "{error}"
            );
        }
        // 64 MiB of it, before and after a greeting that is right.
        for before in [Vec::new(), preamble().to_vec(), greeting()] {
            told(
                move |stream| {
                    let mut dice = Dice::new(14);
                    let block: Vec<u8> = (0..8192).flat_map(|_| dice.roll().to_le_bytes()).collect();
                    let _ = stream.write_all(&before);
                    assert!(
                        (0..1000).any(|_| stream.write_all(&block).is_err()),
                        "all of it was taken"
                    );
                },
                SHORT,
            );
        }
    });
}

#[test]
fn h14_lengths_beyond_the_limits_end_the_connection() {
    watchdog(LIMIT, "lengths", || {
        for length in [0, 15, 1 << 30, 1 << 31, u32::MAX] {
            for before in [preamble().to_vec(), greeting()] {
                let words = [before, head(length)].concat();
                told(move |stream| drop(stream.write_all(&words)), SHORT);
            }
        }
    });
}

#[test]
fn h14_a_server_that_says_nothing_or_says_it_slowly_is_given_up() {
    watchdog(LIMIT, "silence", || {
        let until_it_leaves = |stream: &mut TcpStream| drop(stream.read_to_end(&mut Vec::new()));
        let error = told(until_it_leaves, SHORT);
        assert!(
            matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Disconnected),
            "{error}"
        );
        let slowly = |stream: &mut TcpStream| {
            stream.set_read_timeout(Some(SHORT / 10)).expect("a limit");
            for byte in greeting() {
                let gone = matches!(stream.read(&mut [0; 4096]), Ok(0));
                if gone || stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
        };
        let error = told(slowly, SHORT);
        assert!(
            matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Disconnected),
            "{error}"
        );
    });
}

#[test]
fn h14_pings_instead_of_an_answer_do_not_hold_a_call_for_ever() {
    watchdog(LIMIT, "pings", || {
        let flood = |stream: &mut TcpStream| {
            let _ = stream.write_all(&greeting());
            let mut answers = stream.try_clone().expect("the same socket");
            let reader = spawn(move || drop(std::io::copy(&mut answers, &mut std::io::sink())));
            let pings: Vec<u8> = (0..1000).flat_map(|number| encoded(Ping { number })).collect();
            while stream.write_all(&pings).is_ok() {}
            join(reader);
        };
        let error = told(flood, SHORT);
        assert!(
            error.is_retryable() || error.kind() == ErrorKind::Incompatible,
            "{error}"
        );
    });
}
