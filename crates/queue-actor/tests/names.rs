//! Names within a host keep what every name service promises, also between processes.

mod common;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use common::{Folder, Peer, WATCH, say};
use descriptor_core::{ErrorKind, NameService};
use queue_actor::HostNames;
use queue_testkit::{on_tokio, spawn_many, watchdog};

const HOLDER: &str = "a_name_of_a_dead_process_is_free";

fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

#[test]
fn each_holder_has_a_higher_number() {
    let folder = Folder::new();
    let (names, others) = (HostNames::in_folder(&folder.0), HostNames::in_folder(&folder.0));
    let first = now(names.acquire("jobs/leader")).expect("free");
    for service in [&names, &others] {
        let error = now(service.try_acquire("jobs/leader")).expect_err("held");
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        assert!(error.to_string().contains("holder 1"), "{error}");
        assert_eq!(
            now(service.holder("jobs/leader")).expect("an answer"),
            Some(first.clone())
        );
    }
    let other = now(names.acquire("jobs")).expect("another name");
    assert_eq!(
        now(others.release(&first)).expect_err("not its own").kind(),
        ErrorKind::StaleHandle
    );
    now(names.release(&first)).expect("it holds it");
    assert_eq!(now(names.holder("jobs/leader")).expect("an answer"), None);
    let second = now(others.acquire("jobs/leader")).expect("free again");
    assert_eq!((first.fencing, second.fencing), (1, 2));
    let error = now(names.release(&first)).expect_err("passed on");
    assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
    now(names.release(&other)).expect("it holds it");
    assert_eq!(
        now(names.acquire("..")).expect_err("no name").kind(),
        ErrorKind::InvalidDescriptor
    );
}

#[test]
fn at_any_time_there_is_one_holder() {
    watchdog(WATCH, "holders", || {
        let folder = Folder::new();
        let path = folder.0.clone();
        let threads = spawn_many(4, move |_| {
            let names = HostNames::in_folder(&path);
            on_tokio(async {
                let mut numbers = Vec::new();
                for _ in 0..10 {
                    let holder = names.acquire("leader").await.expect("some time");
                    let seen = names.holder("leader").await.expect("an answer");
                    assert_eq!(seen.as_ref(), Some(&holder), "nobody else meanwhile");
                    numbers.push(holder.fencing);
                    names.release(&holder).await.expect("it holds it");
                }
                numbers
            })
        });
        let mut all: Vec<u64> = threads.into_iter().flat_map(queue_testkit::join).collect();
        all.sort_unstable();
        assert_eq!(all, (1..=40).collect::<Vec<u64>>());
    });
}

#[test]
fn a_name_of_a_dead_process_is_free() {
    if let Some((_, folder)) = common::role() {
        let names = HostNames::in_folder(folder);
        say(now(names.acquire("leader")).expect("free").fencing);
        return common::stay();
    }
    watchdog(WATCH, "a dead holder", || {
        let folder = Folder::new();
        let mut peer = Peer::start(HOLDER, "holder", &folder.0);
        assert_eq!(peer.hear(), "1");
        let names = HostNames::in_folder(&folder.0);
        assert_eq!(
            now(names.try_acquire("leader")).expect_err("held").kind(),
            ErrorKind::Overloaded
        );
        // One that gives up does not take it later.
        let mut given_up = Box::pin(names.acquire("leader"));
        assert!(
            given_up
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        drop(given_up);
        peer.kill();
        let holder = on_tokio(names.acquire("leader")).expect("free");
        assert_eq!(holder.fencing, 2);
    });
}
