//! Who is not let in, and what they and the others see of it.
#![cfg(unix)]

mod common;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use common::{Client, Folder, HANG, hello, port, rest, settings, start, tcp, unix, until};
use queue_core::ErrorKind;
use rpc_server::{RunningServer, Server, Settings};
use rpc_wire::{Message, Micros, PREAMBLE, preamble};

/// A limit that a test can wait for.
const SOON: Duration = Duration::from_millis(200);

fn impatient() -> RunningServer {
    let mut settings = settings();
    settings.broker.handshake_deadline = SOON;
    start(settings)
}

#[test]
fn who_says_nothing_is_cut_off() {
    let server = impatient();
    let start = Instant::now();
    let mut stream = tcp(port(&server));
    assert_eq!(rest(&mut stream), b"");
    assert!(start.elapsed() >= SOON);
    until("it has left", || server.status().connections == 0);
}

#[test]
fn who_says_little_gains_no_time() {
    let server = impatient();
    let mut stream = tcp(port(&server));
    stream.set_read_timeout(Some(SOON / 20)).unwrap();
    let said = [preamble().as_slice(), &common::encoded(hello())].concat();
    let start = Instant::now();
    let mut heard = Vec::new();
    for byte in said.iter().cycle() {
        assert!(start.elapsed() < HANG, "it is still there");
        // All but the last byte of Hello.
        let is_gone = heard.len() < said.len() - 1 && stream.write_all(&[*byte]).is_err();
        heard.push(*byte);
        match stream.read(&mut [0; 64]) {
            Ok(0) => break,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            _ if is_gone => break,
            _ => {}
        }
    }
    assert!(start.elapsed() >= SOON);
}

#[test]
fn other_protocols_hear_nothing_and_other_versions_ours() {
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

#[test]
fn one_too_many_is_told_and_may_come_when_another_has_left() {
    let mut settings = settings();
    settings.broker.max_connections = 2;
    let server = start(settings);
    let mut first = Client::connect(tcp(port(&server)));
    let _second = Client::connect(tcp(port(&server)));
    let mut third = Client::new(tcp(port(&server)));
    third.say(hello());
    let failure = third.farewell().expect("a reason");
    assert_eq!(failure.kind.kind(), Some(ErrorKind::Overloaded), "{failure:?}");
    assert!(failure.retryable && failure.retry_after > Micros::ZERO);
    assert_eq!(third.hear(), None);
    assert_eq!(server.status().refused, 1);
    first.goodbye();
    assert_eq!(first.farewell(), None);
    drop(first);
    until("there is room", || server.status().connections == 1);
    Client::connect(tcp(port(&server)));
}

#[test]
fn one_address_has_a_limit_of_its_own() {
    let folder = Folder::new("address");
    let path = folder.path("socket");
    let server = start(Settings {
        max_per_address: 1,
        unix: Some(path.clone()),
        ..settings()
    });
    let _first = Client::connect(tcp(port(&server)));
    let failure = Client::new(tcp(port(&server))).farewell().expect("a reason");
    assert!(failure.message.as_str().contains("of one address"), "{failure:?}");
    let _second = Client::connect(unix(&path));
    let _third = Client::connect(unix(&path));
}

#[test]
fn a_crowd_at_the_door_is_cut_off_and_those_inside_notice_nothing() {
    let mut settings = settings();
    settings.broker.max_connections = 1;
    let server = start(settings);
    let mut inside = Client::connect(tcp(port(&server)));
    let crowd: Vec<_> = (0..200).map(|_| tcp(port(&server))).collect();
    until("all are turned away", || server.status().refused == 200);
    let queue = inside.open("rpc://letters");
    inside.put(queue, 1, &[b"a"]);
    inside.confirmed(1);
    for mut stream in crowd {
        stream.shutdown(Shutdown::Write).unwrap();
        // All of the goodbye, or nothing.
        let said = rest(&mut stream);
        assert!(said.is_empty() || said.starts_with(&preamble()), "{said:?}");
    }
}

#[test]
fn only_the_right_secret_opens_and_only_its_rights_hold() {
    const SECRET: &str = "c2d94e1f0b7a56381d4c";
    let folder = Folder::new("token");
    let file = format!("# who may come\n\nmüller {SECRET} put,get:jobs/* inspect:*\nguest {SECRET}{SECRET}\n");
    let mut settings = Settings {
        token_file: Some(folder.file("tokens", 0o600, &file)),
        ..settings()
    };
    settings.broker.anonymous = vec![rpc_server::rule("get:free").unwrap()];
    let server = start(settings);
    let address = port(&server);

    let mut client = Client::prove(tcp(address), "müller", SECRET).unwrap();
    client.open("rpc://jobs/in");
    let failure = client.try_open("rpc://other").unwrap_err();
    assert_eq!(failure.kind.kind(), Some(ErrorKind::PermissionDenied), "{failure:?}");
    let mut guest = Client::prove(tcp(address), "guest", &SECRET.repeat(2)).unwrap();
    guest.open("rpc://free");
    assert!(guest.try_open("rpc://jobs/in").is_err());

    for (identity, secret) in [
        ("müller", "another secret of hers"),
        ("guest", SECRET),
        ("nobody", SECRET),
    ] {
        let failure = Client::prove(tcp(address), identity, secret).err().expect("refused");
        assert_eq!(failure.kind.kind(), Some(ErrorKind::Unauthenticated), "{failure:?}");
        assert!(!failure.message.as_str().contains(SECRET), "{failure:?}");
    }
    // Who does not want to say who it is gets no further either.
    let mut mute = Client::new(tcp(address));
    mute.say(hello());
    assert!(matches!(mute.hear(), Some(Message::Challenge(_))));
    mute.goodbye();
    assert!(mute.farewell().is_some());
}

#[test]
fn a_token_file_that_is_wrong_is_refused_without_its_secrets() {
    const SECRET: &str = "0f1e2d3c4b5a69788796";
    let folder = Folder::new("wrong-tokens");
    for (mode, content, parts) in [
        (0o644, format!("a {SECRET}"), &["permission denied", "mode 0644"][..]),
        (0o640, format!("a {SECRET}"), &["permission denied", "mode 0640"]),
        (0o600, String::new(), &["at least one identity"]),
        (0o600, "# a comment\n".to_owned(), &["at least one identity"]),
        (0o600, format!("{SECRET}\n"), &["line=1", "one word"]),
        (
            0o600,
            format!("a {SECRET}\nb short\n"),
            &["line=2", "16 bytes", "5 bytes"],
        ),
        (0o600, format!("\na with {SECRET}"), &["line=2", "4 bytes"]),
        (
            0o600,
            format!("a {SECRET} {SECRET}"),
            &["line=1", "word 3", "put,get:jobs/*"],
        ),
        (0o600, format!("a {SECRET} put:a take:b"), &["line=1", "word 4"]),
        (0o600, format!("a {SECRET} put:../b"), &["line=1", "word 3"]),
    ] {
        let path = folder.file("tokens", mode, &content);
        let settings = Settings {
            token_file: Some(path.clone()),
            ..settings()
        };
        let message = Server::start(settings).unwrap_err().to_string();
        for part in parts.iter().copied().chain([path.to_str().unwrap()]) {
            assert!(message.contains(part), "{content:?}: {message:?} has no {part:?}");
        }
        assert!(!message.contains(SECRET), "{message}");
    }
    let settings = Settings {
        token_file: Some(folder.path("absent")),
        ..settings()
    };
    assert_eq!(Server::start(settings).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn what_others_can_reach_is_refused_without_token_and_tls() {
    let error = Server::start(Settings {
        bind: vec!["127.0.0.1:0".to_owned(), "0.0.0.0:0".to_owned()],
        ..settings()
    })
    .unwrap_err();
    let message = error.to_string();
    for part in [
        "0.0.0.0:0",
        "neither a token file nor TLS",
        "127.0.0.1 or a Unix socket",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let nothing = Settings {
        bind: Vec::new(),
        ..settings()
    };
    assert_eq!(Server::start(nothing).unwrap_err().kind(), ErrorKind::InvalidDescriptor);
}
