//! Peers that say more than there is to say.

use std::io::Write;
use std::thread;
use std::time::Duration;

use rpc_wire::{Ping, preamble};

use crate::common::{Client, encoded, hello, port, rest, settings, start, tcp, until};

#[test]
fn h04_a_million_pings_end_their_connection_and_no_other() {
    let mut settings = settings();
    // So that it takes no quick machine to send too many between two beats.
    settings.broker.heartbeat = Duration::from_secs(600);
    let server = start(settings);
    let mut flood = tcp(port(&server));
    let mut writer = flood.try_clone().unwrap();
    let flooder = thread::spawn(move || {
        writer
            .write_all(&[preamble().as_slice(), &encoded(hello())].concat())
            .unwrap();
        let pings: Vec<u8> = (0..1000).flat_map(|number| encoded(Ping { number })).collect();
        (0..1000).find(|_| writer.write_all(&pings).is_err())
    });
    // It reads its answers: otherwise nothing more of it would be read.
    let reader = thread::spawn(move || rest(&mut flood).len());
    let mut other = Client::connect(tcp(port(&server)));
    let queue = other.open("rpc://letters");
    for number in 1..=100 {
        other.put(queue, number, &[b"a"]);
        other.confirmed(number);
    }
    assert!(flooder.join().unwrap().is_some(), "all of them were read");
    assert!(reader.join().unwrap() > 0, "nothing was answered");
    until("it has left", || server.status().connections == 1);
    other.put(queue, 101, &[b"a"]);
    other.confirmed(101);
}
