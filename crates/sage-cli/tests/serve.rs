//! `sage serve`: ready when it says so, and gone when it is asked to.
#![cfg(unix)]

mod common;
mod jobs;
mod joined;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use common::serving::{Serving, socket};
use common::{file, run, run_with, sage};

#[test]
fn it_says_where_it_is_and_ends_when_it_is_asked_to() {
    let path = socket("ready");
    let unix = path.to_str().expect("UTF-8");
    for name in ["INT", "TERM"] {
        let server = Serving::start(&["--bind", "127.0.0.1:0", "--unix", unix, "--json"]);
        let ready = server.json();
        assert_eq!(ready["pid"], server.child.id());
        assert_eq!(
            (&ready["authentication"], &ready["tls"]),
            (&"none".into(), &false.into())
        );
        assert_eq!(ready["addresses"][1], format!("unix:{unix}"));
        server.connect();
        UnixStream::connect(&path).expect("connect");
        server.signal(name);
        let ran = server.end();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(!path.exists());
    }
    let server = Serving::start(&["--unix", unix]);
    let expected = format!(
        "serving on unix:{unix} (process {}, authentication: none, no TLS)\n",
        server.child.id()
    );
    assert_eq!(server.ready, expected);
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn lines_go_from_one_shell_to_another() {
    let path = socket("lines");
    let server = Serving::start(&["--unix", path.to_str().expect("UTF-8")]);
    let uri = format!("rpc://letters/in?unix={}&maxsize=4", path.display());
    let put = |lines: &str, more: &[&str]| {
        let words: Vec<&str> = ["put", &uri].into_iter().chain(more.iter().copied()).collect();
        run_with(sage(words), lines.as_bytes())
    };
    let get = |more: &[&str]| {
        let words: Vec<&str> = ["get", &uri].into_iter().chain(more.iter().copied()).collect();
        run(words)
    };
    // It ends although nobody takes them: the server keeps them.
    assert_eq!(put("a\nb\nc\n", &[]).code, Some(0));
    let ran = get(&["-n", "2"]);
    assert_eq!((ran.code, ran.text()), (Some(0), "a\nb\n"), "{ran:?}");
    // What the one before took does not come again.
    let ran = get(&["-n", "1"]);
    assert_eq!((ran.code, ran.text()), (Some(0), "c\n"), "{ran:?}");
    // More than there is room for is not said to be there.
    let ran = put(&"line\n".repeat(9), &["--timeout", "200ms"]);
    assert!(ran.code == Some(1) && ran.stderr.contains("5 that are not"), "{ran:?}");
    let ran = get(&["--follow", "--timeout", "200ms"]);
    assert_eq!(ran.text(), "line\n".repeat(4), "{ran:?}");
    let ran = put("last\n", &["--close", "--json"]);
    assert_eq!((&ran.json()["items"], &ran.json()["closed"]), (&1.into(), &true.into()));
    assert_eq!(get(&["--follow"]).text(), "last\n");
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
    let ran = get(&["--timeout", "200ms"]);
    assert!(
        ran.code == Some(1) && ran.stderr.contains("start one with `sage serve`"),
        "{ran:?}"
    );
}

/// Speaks just enough of the protocol to be somebody whom the server waits for.
fn client(server: &Serving) -> TcpStream {
    // Preamble and Hello of the examples in docs/protocol.md.
    const HELLO: &str = "93534147455101 00 dcf373417c00000001000027000000000300000000000000000010004000\
                         0000e80300000000000002000000d00700000000300000000000100000000000000000000000\
                         0000000000000000000000000000000010111213141516171819 1a1b1c1d1e1f20212223242526\
                         2728292a2b2c2d2e2f060064656d6f2031";
    let digits: Vec<u32> = HELLO.chars().filter_map(|digit| digit.to_digit(16)).collect();
    let hello: Vec<u8> = digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect();
    let mut stream = server.connect();
    stream.write_all(&hello).expect("write");
    // The preamble and the head of Welcome.
    let mut heard = [0; 24];
    stream.read_exact(&mut heard).expect("read");
    assert_eq!((&heard[..8], heard[16]), (&hello[..8], 0x04));
    stream
}

#[test]
fn clients_have_time_to_end_and_a_second_interrupt_takes_it_away() {
    let mut server = Serving::start(&["--bind", "127.0.0.1:0", "--json", "--grace", "1h"]);
    let mut waiting = client(&server);
    let mut stderr = BufReader::new(server.child.stderr.take().expect("piped"));
    server.signal("INT");
    // It says that it waits, and for whom, and waits.
    let mut line = String::new();
    stderr.read_line(&mut line).expect("text");
    assert!(line.contains("1 clients have 3600s"), "{line}");
    server.signal("INT");
    let ran = server.end();
    assert_eq!(ran.code, Some(130), "{ran:?}");
    line.clear();
    stderr.read_to_string(&mut line).expect("text");
    assert!(line.contains("cut off"), "{line}");
    // Welcome, Goodbye, and then it was gone.
    let mut rest = Vec::new();
    let _ = waiting.read_to_end(&mut rest);
    assert!(!rest.is_empty());

    let server = Serving::start(&["--bind", "127.0.0.1:0", "--json", "--grace", "100ms"]);
    let _waiting = client(&server);
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));
}

#[test]
fn the_log_has_one_line_for_a_peer_that_comes_again_and_again() {
    let server = Serving::start(&["--bind", "127.0.0.1:0", "--json"]);
    for _ in 0..5 {
        let mut stream = server.connect();
        stream.write_all(b"GET /\x1b[1m HTTP/1.1\r\n\r\n").expect("write");
        assert_eq!(stream.read(&mut [0; 1]).expect("the end"), 0);
    }
    server.signal("TERM");
    let ran = server.end();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let lines: Vec<_> = ran.stderr.lines().collect();
    let [line] = lines.as_slice() else {
        panic!("{ran:?}");
    };
    for part in ["WARN", "peer=127.0.0.1:", "an HTTP request"] {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn what_is_wrong_is_one_line_that_says_what_to_do() {
    let server = Serving::start(&["--bind", "127.0.0.1:0", "--json"]);
    let taken = server.connect().peer_addr().expect("address").to_string();
    let line = run(["serve", "--bind", &taken]).refusal(1).to_owned();
    for part in [taken.as_str(), "another port"] {
        assert!(line.contains(part), "{line}");
    }
    server.signal("TERM");
    assert_eq!(server.end().code, Some(0));

    let open = file("open-tokens", b"alice 4e2f9c0d7a81b35608f1\n");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).expect("chmod");
    let open = open.to_str().expect("UTF-8");
    for (args, parts) in [
        (&["--bind", "0.0.0.0:0"][..], &["token file", "TLS", "0.0.0.0:0"][..]),
        (&["--bind", "127.0.0.1:http"], &["127.0.0.1:http", "127.0.0.1:7420"]),
        (&["--token-file", open], &["mode 0644", "open-tokens", "chmod 600"]),
        (&["--token-file", "/no/such/file"], &["/no/such/file"]),
        (&["--tls-cert", "cert.pem"], &["--tls-key"]),
        (&["--client-ca", "ca.pem"], &["--tls-cert"]),
        (
            &["--tls-cert", "/no/cert", "--tls-key", "/no/key"],
            &["/no/cert", "name a file"],
        ),
        (
            &["--unix", "/no/such/folder/socket"],
            &["/no/such/folder", "make the folder"],
        ),
        (&["--rights", "put"], &["--rights", "put,get:jobs/*"]),
        (&["--rights", "take:*"], &["--rights", "take"]),
        (&["--max-connections", "0"], &["--max-connections", "from 1 to"]),
        (&["--grace", "5"], &["--grace", "500ms or 5s"]),
    ] {
        let ran = run(["serve"].iter().chain(args));
        let line = ran.refusal(2);
        for part in parts {
            assert!(line.contains(part), "{args:?}: {line:?} has no {part:?}");
        }
    }
}
