//! Clients talk to each other over a server, and it ends as it should.
#![cfg(unix)]

mod common;

use std::net::TcpStream;
use std::time::Duration;

use common::{Client, Folder, port, rest, settings, start, tcp, unix, until};
use queue_core::ErrorKind;
use rpc_server::{Server, Settings};
use rpc_wire::{Message, Ping, Pong};

#[test]
fn what_one_puts_another_gets_whichever_way_they_came() {
    let folder = Folder::new("talk");
    let path = folder.path("socket");
    let server = start(Settings {
        unix: Some(path.clone()),
        ..settings()
    });
    let mut producer = Client::connect(tcp(port(&server)));
    let mut consumer = Client::connect(unix(&path));
    let queue = consumer.open("rpc://letters");
    consumer.get(queue, 1, 100);
    let queue = producer.open("rpc://letters");
    producer.put(queue, 1, &[b"a", b"b"]);
    producer.confirmed(2);
    producer.put(queue, 3, &[&vec![b'c'; 1 << 20]]);
    producer.confirmed(3);
    let mut got = Vec::new();
    while got.len() < 3 {
        got.extend(consumer.delivered());
    }
    assert_eq!(got, [b"a".to_vec(), b"b".to_vec(), vec![b'c'; 1 << 20]]);
    let status = server.status();
    assert_eq!((status.connections, status.accepted, status.broker.queues), (2, 2, 1));
    producer.goodbye();
    assert_eq!(producer.farewell(), None);
    assert_eq!(producer.hear(), None);
    until("the producer has left", || server.status().connections == 1);
    server.stop(Duration::ZERO).unwrap();
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn frames_in_single_bytes_mean_the_same() {
    let server = start(settings());
    let mut client = Client::new(tcp(port(&server)));
    let mut said = common::encoded(common::hello());
    said.extend((0..100).flat_map(|number| common::encoded(Ping { number })));
    for byte in said {
        client.write(&[byte]);
    }
    assert!(matches!(client.hear(), Some(Message::Welcome(_))));
    for number in 0..100 {
        assert_eq!(client.hear(), Some(Pong { number }.into()));
    }
}

#[test]
fn h11_who_does_not_read_holds_up_nobody_else() {
    // More than a socket holds, less than a client may ask for.
    const ITEMS: usize = 30;
    let server = start(settings());
    let item = |number: usize| vec![number as u8; 1 << 20];
    let mut slow = Client::connect(tcp(port(&server)));
    let queue = slow.open("rpc://letters");
    slow.get(queue, 1, ITEMS as u32);
    slow.say(Ping { number: 1 });
    assert_eq!(slow.hear(), Some(Pong { number: 1 }.into()));

    let mut producer = Client::connect(tcp(port(&server)));
    let queue = producer.open("rpc://letters");
    for number in 0..ITEMS {
        producer.put(queue, number as u64 + 1, &[&item(number)]);
        producer.confirmed(number as u64 + 1);
    }
    // It was there first, and has taken what its socket holds; the rest is for whoever reads.
    let mut quick = Client::connect(tcp(port(&server)));
    let queue = quick.open("rpc://letters");
    quick.get(queue, 1, ITEMS as u32);
    let first = quick.delivered();
    let mut taken_by_quick: Vec<_> = first.iter().map(|item| usize::from(item[0])).collect();
    while taken_by_quick.last() != Some(&(ITEMS - 1)) {
        taken_by_quick.extend(quick.delivered().iter().map(|item| usize::from(item[0])));
    }
    // Late, but in order and all of it.
    let mut taken_by_slow = Vec::new();
    while taken_by_slow.len() + taken_by_quick.len() < ITEMS {
        for got in slow.delivered() {
            assert_eq!(got, item(got[0].into()));
            taken_by_slow.push(usize::from(got[0]));
        }
    }
    let all: Vec<_> = taken_by_slow.iter().chain(&taken_by_quick).copied().collect();
    assert_eq!(all, (0..ITEMS).collect::<Vec<_>>());
    assert!(!taken_by_slow.is_empty());
}

#[test]
fn who_waits_is_told_and_can_take_what_is_there_before_the_end() {
    let server = start(settings());
    let address = port(&server);
    let mut waiting = Client::connect(tcp(address));
    let empty = waiting.open("rpc://empty");
    waiting.get(empty, 2, 1);
    let full = waiting.open("rpc://full");
    waiting.put(full, 1, &[b"left"]);
    waiting.confirmed(1);

    server.begin_stop(common::HANG);
    let Some(Message::Goodbye(goodbye)) = waiting.hear() else {
        panic!("no goodbye");
    };
    let failure = goodbye.failure.expect("a reason");
    assert_eq!(failure.kind.kind(), Some(ErrorKind::Disconnected), "{failure:?}");
    until("nobody new is let in", || TcpStream::connect(address).is_err());
    waiting.get(full, 3, 1);
    assert_eq!(waiting.delivered(), [b"left"]);
    assert!(!server.wait(Some(Duration::ZERO)).unwrap());
    waiting.goodbye();
    let Some(Message::Failed(failed)) = waiting.hear() else {
        panic!("the call has no answer");
    };
    assert_eq!(failed.failure.kind.kind(), Some(ErrorKind::Cancelled));
    assert_eq!(waiting.farewell(), None);
    assert_eq!(waiting.hear(), None);
    // Far sooner than the grace.
    assert!(server.wait(None).unwrap());
    server.stop(Duration::ZERO).unwrap();
}

#[test]
fn grace_ends_and_whoever_is_left_is_told_why() {
    let server = start(settings());
    let mut client = Client::connect(tcp(port(&server)));
    let queue = client.open("rpc://letters");
    client.get(queue, 2, 1);
    server.stop(Duration::from_millis(50)).unwrap();
    assert!(client.farewell().is_some());
    assert!(client.farewell().is_some());
    assert_eq!(client.hear(), None);
}

#[test]
fn asked_twice_or_dropped_it_ends_at_once() {
    let server = start(settings());
    let mut stream = tcp(port(&server));
    server.begin_stop(common::HANG * 60);
    server.begin_stop(common::HANG * 60);
    assert!(server.wait(None).unwrap());
    assert_eq!(rest(&mut stream), b"");

    let server = start(settings());
    let mut stream = tcp(port(&server));
    drop(server);
    assert_eq!(rest(&mut stream), b"");
}

#[test]
fn a_name_of_this_host_and_its_port_can_be_taken_again() {
    let server = start(Settings {
        bind: vec!["localhost:0".to_owned()],
        ..settings()
    });
    let address = port(&server);
    let mut client = Client::connect(tcp(address));
    let taken = Settings {
        bind: vec![address.to_string()],
        ..settings()
    };
    let error = Server::start(taken.clone()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    let message = error.to_string();
    assert!(
        message.contains(&address.to_string()) && message.contains("another port"),
        "{message}"
    );
    server.stop(Duration::ZERO).unwrap();
    assert!(client.farewell().is_some());
    assert_eq!(port(&start(taken)), address);
}
