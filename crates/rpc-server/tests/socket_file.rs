//! The file of a Unix socket: whose it is, who may use it, and what is left of it.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Barrier;
use std::time::Duration;

use common::{Client, Folder, start, unix};
use queue_core::{Error, ErrorKind};
use rpc_server::{RunningServer, Server, Settings};

fn at(path: &Path) -> Settings {
    Settings {
        bind: Vec::new(),
        unix: Some(path.to_owned()),
        ..Settings::default()
    }
}

fn refused(path: &Path) -> Error {
    let error = Server::start(at(path)).expect_err("refused");
    assert!(error.to_string().contains(path.to_str().expect("UTF-8")), "{error}");
    error
}

#[test]
fn it_is_for_its_owner_and_gone_at_the_end() {
    let folder = Folder::new("owner");
    let path = folder.path("socket");
    let server = start(at(&path));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(server.addresses()[0].to_string(), format!("unix:{}", path.display()));
    Client::connect(unix(&path));
    server.stop(Duration::ZERO).unwrap();
    assert_eq!(folder.names(), [""; 0]);
    drop(start(at(&path)));
    assert_eq!(folder.names(), [""; 0]);
}

#[test]
fn what_a_dead_server_left_is_replaced_and_a_living_one_is_named() {
    let folder = Folder::new("stale");
    let path = folder.path("socket");
    // Killed, it removes neither.
    drop(UnixListener::bind(&path).unwrap());
    folder.file("socket.lock", 0o600, "");
    let server = start(at(&path));
    let error = refused(&path);
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted);
    assert!(error.to_string().contains("a server that lives"), "{error}");
    Client::connect(unix(&path));
    drop(server);

    let other = UnixListener::bind(&path).unwrap();
    assert!(refused(&path).to_string().contains("a server that lives"));
    drop(other);
    let _server = start(at(&path));
    Client::connect(unix(&path));
}

#[test]
fn of_many_that_start_at_once_one_lives() {
    let folder = Folder::new("race");
    let path = folder.path("socket");
    for _ in 0..20 {
        drop(UnixListener::bind(&path).unwrap());
        let (started, tried) = (Barrier::new(4), Barrier::new(4));
        let started: Vec<Result<RunningServer, Error>> = std::thread::scope(|scope| {
            let one = || {
                started.wait();
                let server = Server::start(at(&path));
                tried.wait();
                server
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(started.iter().filter(|server| server.is_ok()).count(), 1);
        Client::connect(unix(&path));
        drop(started);
        assert_eq!(folder.names(), [""; 0]);
    }
}

#[test]
fn a_file_that_took_its_place_is_not_removed() {
    let folder = Folder::new("place");
    let path = folder.path("socket");
    let server = start(at(&path));
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    drop(server);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
    assert_eq!(refused(&path).kind(), ErrorKind::InvalidDescriptor);
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

#[test]
fn folders_in_which_others_can_replace_it_are_refused() {
    let folder = Folder::new("folders");
    folder.chmod("", 0o777);
    let error = refused(&folder.path("socket"));
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    folder.chmod("", 0o1777);
    drop(start(at(&folder.path("socket"))));
    assert_eq!(refused(&folder.path("none/socket")).kind(), ErrorKind::NotFound);
    let long = "s".repeat(120);
    let error = refused(&folder.path(&long));
    assert!(error.to_string().contains("at most 107 bytes"), "{error}");
}
