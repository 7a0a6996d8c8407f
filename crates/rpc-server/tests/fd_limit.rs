//! The limit of open files is for the whole process: so this test has one of its own.
#![cfg(target_os = "linux")]

mod common;

use std::fs::File;

use common::{Client, port, settings, start, tcp, until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors left for those who come.
const FREE: usize = 21;

#[test]
fn without_descriptors_it_waits_and_goes_on_when_there_are_some() {
    let server = start(settings());
    let mut inside = Client::connect(tcp(port(&server)));
    let before = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(256),
            ..before
        },
    )
    .unwrap();
    // All taken, whatever numbers were taken before; then so many free ones again.
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    taken.truncate(taken.len() - FREE);
    // Each connection takes two here, one for each side: of an odd number the server's side lacks one at least.
    let mut crowd = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect(port(&server)) {
        crowd.push(stream);
    }
    assert!(crowd.len() > FREE / 2, "{}", crowd.len());
    // Who is inside notices nothing.
    let queue = inside.open("rpc://letters");
    inside.put(queue, 1, &[b"a"]);
    inside.confirmed(1);
    let let_in = server.status().accepted;
    assert!(let_in < crowd.len() as u64 + 1, "{let_in} of {}", crowd.len());
    // Some leave, and those who wait get in: so few that there is room for both their sides, whoever was in before.
    let waiting = crowd.split_off(crowd.len() - FREE / 4);
    drop(crowd);
    until("those who wait are let in", || {
        server.status().connections == waiting.len() + 1
    });
    setrlimit(Resource::Nofile, before).unwrap();
    Client::connect(tcp(port(&server)));
}
