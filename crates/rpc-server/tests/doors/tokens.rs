//! Who has no secret, or not the right one.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use queue_core::ErrorKind;
use rpc_server::{RunningServer, Server, Settings};
use rpc_wire::{Decoder, Message, Proof, Text};

use crate::common::{Client, Folder, Recorder, hello, port, rest, settings, start, tcp, until};

#[test]
fn h08_only_the_right_secret_opens_and_only_its_rights_hold() {
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

const SECRET: &str = "7d1a90c4e5f2b3867d1a";

/// A server that lets in whoever knows [`SECRET`].
fn guarded(folder: &Folder) -> RunningServer {
    start(Settings {
        token_file: Some(folder.file("tokens", 0o600, &format!("worker {SECRET} all:*\n"))),
        ..settings()
    })
}

#[test]
fn h08_wrong_secrets_wait_longer_each_time_and_right_ones_do_not() {
    let folder = Folder::new("guess");
    let server = guarded(&folder);
    let address = port(&server);
    let mut inside = Client::prove(tcp(address), "worker", SECRET).unwrap();
    let mut waited = Vec::new();
    for _ in 0..6 {
        let begin = Instant::now();
        let refused = Client::prove(tcp(address), "worker", "a secret that is wrong");
        let failure = refused.err().expect("refused");
        assert_eq!(failure.kind.kind(), Some(ErrorKind::Unauthenticated), "{failure:?}");
        waited.push(begin.elapsed());
    }
    for (time, least) in waited[3..].iter().zip([60, 120, 240]) {
        assert!(*time >= Duration::from_millis(least), "{waited:?}");
    }
    // A hundred at once, none of whom has its answer yet.
    let guess = |_| {
        let mut client = Client::new(tcp(address));
        client.say(hello());
        assert!(matches!(client.hear(), Some(Message::Challenge(_))));
        client.say(Proof {
            identity: Text::clipped("worker"),
            proof: [1; 32],
        });
        client
    };
    let guesses: Vec<_> = (0..100).map(guess).collect();
    inside.open("rpc://letters");
    let mut another = Client::prove(tcp(address), "worker", SECRET).unwrap();
    another.open("rpc://letters");
    for mut guess in guesses {
        let failure = guess.farewell().expect("a reason");
        assert_eq!(failure.kind.kind(), Some(ErrorKind::Unauthenticated), "{failure:?}");
        assert!(!failure.message.as_str().contains(SECRET), "{failure:?}");
    }
    until("they have left", || server.status().connections == 2);
}

#[test]
fn h09_a_session_that_was_overheard_opens_nothing() {
    let folder = Folder::new("replay");
    let server = guarded(&folder);
    let said = Arc::default();
    let recorder = Recorder(tcp(port(&server)), Arc::clone(&said));
    let mut client = Client::prove(recorder, "worker", SECRET).unwrap();
    let queue = client.open("rpc://letters");
    client.put(queue, 1, &[b"a"]);
    client.confirmed(1);
    let said = said.lock().unwrap().clone();
    for _ in 0..2 {
        let mut again = tcp(port(&server));
        again.write_all(&said).unwrap();
        let mut heard = Decoder::new();
        heard.feed(&rest(&mut again));
        assert!(matches!(heard.next_message(), Ok(Some(Message::Challenge(_)))));
        let Ok(Some(Message::Goodbye(goodbye))) = heard.next_message() else {
            panic!("no goodbye");
        };
        let failure = goodbye.failure.expect("a reason");
        assert_eq!(failure.kind.kind(), Some(ErrorKind::Unauthenticated), "{failure:?}");
    }
    assert_eq!(server.status().broker.items, 1);
}
