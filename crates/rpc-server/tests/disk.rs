//! Durable queues outlive their server, in a folder that is its own.
#![cfg(unix)]

mod common;

use std::os::unix::fs::PermissionsExt;

use common::{Client, Folder, port, settings, start, tcp};
use queue_core::ErrorKind;
use rpc_server::{Server, Settings};

const JOBS: &str = "rpc://jobs?durability=disk";

fn durable(folder: &Folder) -> Settings {
    Settings {
        data_dir: Some(folder.path("data")),
        ..settings()
    }
}

#[test]
fn what_was_confirmed_is_there_when_the_server_comes_back() {
    let folder = Folder::new("disk-back");
    let server = start(durable(&folder));
    let mut client = Client::connect(tcp(port(&server)));
    let queue = client.open(JOBS);
    client.put(queue, 1, &[b"a", b"b", b"c"]);
    client.confirmed(3);
    client.get(queue, 2, 1);
    assert_eq!(client.delivered(), [b"a"]);
    drop(server);
    let server = start(durable(&folder));
    assert_eq!((server.status().broker.queues, server.status().broker.items), (1, 2));
    let mut client = Client::connect(tcp(port(&server)));
    let queue = client.open(JOBS);
    client.get(queue, 2, 2);
    assert_eq!(client.delivered(), [b"b", b"c"]);
}

#[test]
fn nobody_else_can_look_into_the_folder_and_one_server_has_it() {
    let folder = Folder::new("disk-folder");
    let server = start(durable(&folder));
    let data = folder.path("data");
    let mode = |path: &std::path::Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for entry in data.read_dir().expect("a folder") {
        assert_eq!(mode(&entry.expect("a file").path()), 0o600);
    }
    let error = Server::start(durable(&folder)).expect_err("two servers");
    let text = error.to_string();
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{text}");
    assert!(text.contains(&data.display().to_string()), "{text}");
    drop(server);
    folder.chmod("data", 0o750);
    let error = Server::start(durable(&folder)).expect_err("a folder for everybody");
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    folder.chmod("data", 0o700);
    start(durable(&folder));
}

#[test]
fn a_file_that_is_no_store_is_left_alone() {
    let folder = Folder::new("disk-damaged");
    drop(start(durable(&folder)));
    let store = folder.path("data").join("queues.redb");
    let bytes = b"my only copy".repeat(1000);
    std::fs::write(&store, &bytes).expect("a file");
    let error = Server::start(durable(&folder)).expect_err("a damaged store");
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(std::fs::read(&store).expect("a file"), bytes);
}

#[test]
fn without_a_folder_a_durable_queue_is_refused() {
    let server = start(settings());
    let mut client = Client::connect(tcp(port(&server)));
    let failure = client.try_open(JOBS).expect_err("nowhere to put it");
    assert_eq!(failure.kind.as_str(), "Unsupported");
    assert!(failure.message.as_str().contains("--data-dir"), "{failure:?}");
}
