//! Peers that take their time.

use std::io::{ErrorKind as IoKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use queue_core::ErrorKind;
use rpc_server::RunningServer;
use rpc_wire::{Decoder, Limits, Message, preamble};

use crate::common::{Client, HANG, encoded, head, hello, port, rest, room_for_files, settings, start, tcp, until};

/// A limit that a test can wait for.
const SOON: Duration = Duration::from_millis(200);

fn impatient() -> RunningServer {
    let mut settings = settings();
    settings.broker.handshake_deadline = SOON;
    start(settings)
}

#[test]
fn h01_who_says_nothing_is_cut_off() {
    let server = impatient();
    let start = Instant::now();
    let mut stream = tcp(port(&server));
    assert_eq!(rest(&mut stream), b"");
    assert!(start.elapsed() >= SOON);
    until("it has left", || server.status().connections == 0);
}

#[test]
fn h01_who_says_little_gains_no_time() {
    let server = impatient();
    let mut stream = tcp(port(&server));
    stream.set_read_timeout(Some(SOON / 20)).unwrap();
    let said = [preamble().as_slice(), &encoded(hello())].concat();
    let start = Instant::now();
    let mut heard = Vec::new();
    for byte in said.iter().cycle() {
        assert!(start.elapsed() < HANG, "it is still there");
        // All but the last byte of Hello.
        let is_gone = heard.len() < said.len() - 1 && stream.write_all(&[*byte]).is_err();
        heard.push(*byte);
        match stream.read(&mut [0; 64]) {
            Ok(0) => break,
            Err(error) if error.kind() == IoKind::ConnectionReset => break,
            _ if is_gone => break,
            _ => {}
        }
    }
    assert!(start.elapsed() >= SOON);
}

/// One of a crowd: when it came, what it has said, whether it was cut off.
struct Slow {
    stream: TcpStream,
    since: Instant,
    said: usize,
    is_gone: bool,
}

#[test]
fn h01_five_hundred_who_say_little_are_cut_off_and_others_are_served() {
    const CROWD: usize = 500;
    const DEADLINE: Duration = Duration::from_secs(1);
    room_for_files(2 * CROWD as u64 + 200);
    let mut settings = settings();
    settings.broker.handshake_deadline = DEADLINE;
    settings.max_per_address = CROWD + 10;
    let server = start(settings);
    let mut other = Client::connect(tcp(port(&server)));
    let queue = other.open("rpc://letters");
    let words = [preamble().as_slice(), &encoded(hello())].concat();
    let come = |_| {
        let since = Instant::now();
        let stream = tcp(port(&server));
        stream.set_nonblocking(true).unwrap();
        Slow {
            stream,
            since,
            said: 0,
            is_gone: false,
        }
    };
    let mut crowd: Vec<_> = (0..CROWD).map(come).collect();
    let (begin, mut puts) = (Instant::now(), 0);
    while crowd.iter().any(|slow| !slow.is_gone) {
        assert!(begin.elapsed() < HANG, "they are still there");
        for slow in crowd.iter_mut().filter(|slow| !slow.is_gone) {
            // Ten bytes in the time that all of it may take.
            let due = (slow.since.elapsed().as_millis() * 10 / DEADLINE.as_millis()) as usize;
            if slow.said < due.min(words.len() - 1) {
                slow.is_gone = slow.stream.write_all(&words[slow.said..=slow.said]).is_err();
                slow.said += 1;
            }
            match slow.stream.read(&mut [0; 256]) {
                Err(error) if error.kind() == IoKind::WouldBlock => {}
                Ok(1..) => {}
                Ok(0) | Err(_) => slow.is_gone = true,
            }
            assert!(!slow.is_gone || slow.since.elapsed() >= DEADLINE, "cut off too early");
        }
        puts += 1;
        other.put(queue, puts, &[b"a"]);
        other.confirmed(puts);
        other.get(queue, u32::try_from(puts).unwrap(), 1);
        assert_eq!(other.delivered(), [b"a"]);
    }
    until("all have left", || server.status().connections == 1);
}

#[test]
fn h02_half_a_frame_is_given_up_although_more_of_it_comes() {
    let mut settings = settings();
    settings.broker.frame_deadline = SOON;
    settings.broker.heartbeat = SOON;
    let server = start(settings);
    let mut stream = tcp(port(&server));
    stream.set_read_timeout(Some(SOON / 20)).unwrap();
    let hello = [preamble().as_slice(), &encoded(hello())].concat();
    stream.write_all(&hello).unwrap();
    // The head of a put, and its bytes one by one for as long as anybody hears them.
    let begin = Instant::now();
    let mut heard = Vec::new();
    let mut bytes = [0; 256];
    for byte in head(1 << 20).into_iter().chain(std::iter::repeat(0)) {
        assert!(begin.elapsed() < HANG, "it is still there");
        let is_gone = stream.write_all(&[byte]).is_err();
        match stream.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => heard.extend_from_slice(&bytes[..count]),
            Err(error) if matches!(error.kind(), IoKind::WouldBlock | IoKind::TimedOut) && !is_gone => {}
            Err(_) => break,
        }
    }
    assert!(begin.elapsed() >= SOON);
    let mut decoder = Decoder::new();
    decoder.set_limit(Limits::DEFAULT.frame);
    decoder.feed(&heard);
    let mut said = std::iter::from_fn(|| decoder.next_message().expect("frames"));
    let Some(Message::Goodbye(goodbye)) = said.find(|message| matches!(message, Message::Goodbye(_))) else {
        panic!("no goodbye");
    };
    let failure = goodbye.failure.expect("a reason");
    assert_eq!(failure.kind.kind(), Some(ErrorKind::Timeout), "{failure:?}");
    assert!(failure.message.as_str().contains("frame"), "{failure:?}");
    Client::connect(tcp(port(&server)));
}
