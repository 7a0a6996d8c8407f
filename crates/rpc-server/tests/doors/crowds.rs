//! More peers than there is room for.

use std::net::Shutdown;

use queue_core::ErrorKind;
use rpc_server::Settings;
use rpc_wire::{Micros, preamble};

use crate::common::{Client, Folder, hello, port, rest, settings, start, tcp, unix, until};

#[test]
fn h12_one_too_many_is_told_and_may_come_when_another_has_left() {
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
fn h12_one_address_has_a_limit_of_its_own() {
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
fn h12_a_crowd_at_the_door_is_cut_off_and_those_inside_notice_nothing() {
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
fn h12_ten_thousand_come_in_vain() {
    const CROWD: u64 = 10_000;
    let folder = Folder::new("crowd");
    let path = folder.path("socket");
    let mut settings = Settings {
        unix: Some(path.clone()),
        ..settings()
    };
    assert_eq!((settings.broker.max_connections, settings.max_per_address), (1024, 128));
    settings.broker.max_connections = 1;
    let server = start(settings);
    let mut inside = Client::connect(tcp(port(&server)));
    let queue = inside.open("rpc://letters");
    for number in 1..=CROWD {
        // Over a socket file, so that no ports are used up.
        drop(unix(&path));
        if number % 100 == 0 {
            inside.put(queue, number / 100, &[b"a"]);
            inside.confirmed(number / 100);
        }
    }
    until("all were turned away", || server.status().refused == CROWD);
    assert_eq!(server.status().connections, 1);
}
