//! Several processes at one manager: who becomes it, what moves, and what everybody is told when its process dies.

mod common;

use std::path::Path;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Waker};

use common::{Folder, NAMESPACE, Peer, WATCH, listen, say, settings_in};
use descriptor_core::wait::Waiter;
use descriptor_core::{DynQueue, ErrorKind, GetError, PutError, QueueId, Spec, Wait};
use queue_actor::{QueueManager, RayActorSpec, RayQueueSpec};
use queue_testkit::{join, linger, spawn, spawn_many, until, watchdog};

/// The test that other processes run to play a part.
const PARTS: &str = "one_queue_for_two_processes";
const NAMES: [&str; 4] = ["a", "b", "c/d", "e"];

fn manager(folder: &Path) -> QueueManager {
    QueueManager::with(NAMESPACE, settings_in(folder)).expect("a namespace")
}

/// What this process does when a test started it.
fn play(role: &str, folder: &Path) {
    match role {
        "serve" => common::serve_and_stay(folder),
        "embed" => {
            let manager = manager(folder);
            let queue = manager.get_or_create::<u64>("jobs", 8).expect("a queue");
            (0..3).for_each(|item| queue.put(item).expect("room"));
            say(manager.epoch().expect("an epoch"));
            common::stay();
        }
        "actor" => {
            let queue = actor(folder, "worker");
            (0..2).for_each(|item| queue.put(item).expect("room"));
            say(1);
            common::stay();
        }
        "echo" => {
            let manager = manager(folder);
            let jobs = manager.get_or_create::<u64>("jobs", 8).expect("a queue");
            let answers = manager.get_or_create::<u64>("answers", 8).expect("a queue");
            while let Ok(item) = jobs.get() {
                answers.put(item * 2).expect("room");
            }
            answers.flush(Wait::Forever).expect("a manager");
            answers.close();
        }
        "storm" => {
            say("ready");
            listen();
            say(storm(&manager(folder)));
            common::stay();
        }
        other => panic!("no part `{other}`"),
    }
}

fn actor(folder: &Path, name: &str) -> DynQueue<u64> {
    let id = QueueId::new("steps").expect("an id");
    let spec = RayActorSpec::bounded(8).actor_name(name);
    let actor = spec.manager(&id, settings_in(folder)).expect("a name");
    actor.open(&id, &spec.queue).expect("an actor")
}

/// Everybody opens everything at once and puts one item: how many were put.
fn storm(manager: &QueueManager) -> usize {
    let start = Arc::new(Barrier::new(32));
    let threads = spawn_many(32, {
        let manager = manager.clone();
        move |number| {
            start.wait();
            let queue = manager
                .get_or_create::<u64>(NAMES[number % NAMES.len()], 1000)
                .expect("a queue");
            queue.put(number as u64).expect("room");
            queue.flush(Wait::Forever).expect("a manager");
        }
    });
    threads.into_iter().map(join).count()
}

#[test]
fn one_queue_for_two_processes() {
    if let Some((role, folder)) = common::role() {
        return play(&role, &folder);
    }
    watchdog(WATCH, "two processes", || {
        let folder = Folder::new();
        let manager = folder.manager();
        let jobs = manager.get_or_create::<u64>("jobs", 8).expect("a queue");
        let answers = manager.get_or_create::<u64>("answers", 8).expect("a queue");
        jobs.put(1).expect("room");
        let _echo = Peer::start(PARTS, "echo", &folder.0);
        for item in 2..100 {
            jobs.put(item).expect("room");
            assert_eq!(answers.get().expect("an answer"), (item - 1) * 2);
        }
        jobs.close();
        assert_eq!(answers.get().expect("an answer"), 198);
        assert!(matches!(answers.get(), Err(GetError::Closed)));
        assert_eq!(manager.epoch().expect("an epoch"), 1);
    });
}

#[test]
fn a_storm_makes_one_manager() {
    watchdog(WATCH, "storm", || {
        let folder = Folder::new();
        let mut peers: Vec<_> = (0..3).map(|_| Peer::start(PARTS, "storm", &folder.0)).collect();
        for peer in &mut peers {
            assert_eq!(peer.hear(), "ready");
        }
        peers.iter_mut().for_each(|peer| peer.tell("go"));
        let mine = storm(&folder.manager());
        let all = mine
            + peers
                .iter_mut()
                .map(|peer| peer.hear().parse::<usize>().expect("a number"))
                .sum::<usize>();
        let manager = folder.manager();
        assert_eq!(all, 4 * 32);
        assert_eq!(manager.epoch().expect("an epoch"), 1, "one manager");
        let sizes: Vec<u64> = NAMES.iter().map(|name| manager.size(name).expect("a queue")).collect();
        assert_eq!(sizes, [32; 4]);
        let listed = manager.list("").expect("a list");
        let names: Vec<&str> = listed.iter().map(|queue| queue.id.as_str()).collect();
        assert_eq!(names, NAMES);
    });
}

/// One step of a task that waits for an item.
fn poll(queue: &DynQueue<u64>, waiter: &mut Waiter) -> Poll<Result<u64, GetError>> {
    queue.poll_get(&mut Context::from_waker(Waker::noop()), waiter)
}

#[test]
fn whoever_waits_is_told_that_the_manager_died_and_old_handles_are_stale() {
    watchdog(WATCH, "death of a manager", || {
        let folder = Folder::new();
        let mut host = Peer::start(PARTS, "embed", &folder.0);
        assert_eq!(host.hear(), "1");
        let manager = folder.manager();
        let jobs = manager
            .get_or_create::<u64>("jobs", 8)
            .expect("the queue of the other process");
        assert!(!jobs.caps().survives_process, "it ends with that process");
        assert_eq!((jobs.get().expect("an item"), jobs.depth()), (0, Some(2)));
        // Written down within a second, so it is known by now that there were two.
        until(|| std::fs::read_to_string(folder.inside().join("queues")).is_ok_and(|text| text.contains(" 2 3 jobs")));
        let empty = manager.get_or_create::<u64>("empty", 1).expect("a queue");
        let waiting = spawn({
            let empty = empty.clone();
            move || empty.get()
        });
        let mut waiter = Waiter::new();
        assert!(poll(&empty, &mut waiter).is_pending());
        linger();
        host.kill();
        let Err(GetError::Failed(error)) = join(waiting) else {
            panic!("nobody puts")
        };
        assert_eq!(error.kind(), ErrorKind::PeerDied, "{error}");
        assert!(error.is_retryable());
        let Poll::Ready(Err(GetError::Failed(error))) = poll(&empty, &mut waiter) else {
            panic!("still waits")
        };
        assert_eq!(error.kind(), ErrorKind::PeerDied, "{error}");
        let Err(GetError::Failed(error)) = empty.get() else {
            panic!("nobody puts")
        };
        assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
        // Another one takes over: this process.
        let fresh = manager.get_or_create::<u64>("jobs", 8).expect("a queue of our own");
        assert!(fresh.is_empty());
        assert_eq!(manager.epoch().expect("an epoch"), 2);
        let lost = manager.losses().expect("a report");
        let jobs_lost = lost
            .iter()
            .find(|lost| lost.id.as_str() == "jobs")
            .expect("it is in the report");
        assert_eq!((jobs_lost.epoch, jobs_lost.items, jobs_lost.capacity), (1, 2, 8));
        let error = loop {
            match jobs.try_put(9) {
                Err(PutError::Failed(9, error)) if error.kind() == ErrorKind::StaleHandle => break error,
                Err(PutError::Failed(9, error)) => assert_eq!(error.kind(), ErrorKind::PeerDied, "{error}"),
                other => panic!("{other:?}"),
            }
        };
        let text = error.to_string();
        assert!(text.contains("epoch 1") && text.contains("epoch 2"), "{text}");
        assert!(fresh.is_empty(), "an old handle never reaches the new queue");
    });
}

#[test]
fn many_deaths_make_as_many_epochs() {
    watchdog(WATCH, "deaths", || {
        let folder = Folder::new();
        for epoch in 1..=5_u64 {
            let mut host = Peer::start(PARTS, "serve", &folder.0);
            assert_eq!(host.hear(), epoch.to_string());
            let queue = folder.manager().get_or_create::<u64>("q", 2).expect("a queue");
            assert!(queue.caps().survives_process, "that of a detached manager");
            queue.put(epoch).expect("room");
            host.kill();
            let Err(error) = queue
                .flush(Wait::Forever)
                .and_then(|()| queue.get().map(drop).map_err(Into::into))
            else {
                // It was fetched ahead, or confirmed, before that process died.
                continue;
            };
            assert!(
                matches!(error.kind(), ErrorKind::PeerDied | ErrorKind::StaleHandle),
                "{error}"
            );
        }
    });
}

#[test]
fn who_only_attaches_is_told_how_to_start_a_manager() {
    let folder = Folder::new();
    let manager = folder.manager();
    let spec = RayQueueSpec::bounded(2).attach_only();
    let id = QueueId::new("q").expect("an id");
    let error = manager.open::<u64>(&id, &spec).expect_err("there is none");
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    let text = error.to_string();
    assert!(text.contains(&format!("sage serve --manager {NAMESPACE}")), "{text}");
    assert_eq!(
        manager.exists("q").expect_err("nobody to ask").kind(),
        ErrorKind::NotFound
    );
    assert_eq!(manager.epoch().expect("none"), 0, "nobody became it by asking");
    let mut host = Peer::start(PARTS, "serve", &folder.0);
    host.hear();
    manager.open::<u64>(&id, &spec).expect("a queue of that process");
    let error = manager.serve().expect_err("there is one");
    assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
}

#[test]
fn an_actor_is_taken_over_by_who_opens_it_next() {
    watchdog(WATCH, "actor", || {
        let folder = Folder::new();
        let mut host = Peer::start(PARTS, "actor", &folder.0);
        host.hear();
        let steps = actor(&folder.0, "worker");
        assert_eq!(steps.get().expect("an item"), 0);
        let other = actor(&folder.0, "other");
        assert!(other.is_empty(), "another actor has another queue of that name");
        host.kill();
        let lost = loop {
            match steps.get() {
                Ok(item) => assert_eq!(item, 1, "fetched ahead"),
                Err(GetError::Failed(error)) => break error,
                Err(end) => panic!("{end:?}"),
            }
        };
        assert_eq!(lost.kind(), ErrorKind::PeerDied, "{lost}");
        let fresh = actor(&folder.0, "worker");
        fresh.put(5).expect("room");
        let id = QueueId::new("steps").expect("an id");
        let spec = RayActorSpec::bounded(8).actor_name("worker");
        let manager = spec.manager(&id, settings_in(&folder.0)).expect("a name");
        assert_eq!(manager.epoch().expect("an epoch"), 2);
        assert!(matches!(steps.get(), Err(GetError::Failed(error)) if error.kind() == ErrorKind::StaleHandle));
        assert_eq!(fresh.get().expect("what was put"), 5);
    });
}

#[test]
fn a_served_manager_that_stops_leaves_the_name_to_the_next() {
    let folder = Folder::new();
    let manager = folder.manager();
    let served = manager.serve().expect("nobody else");
    let queue = manager.get_or_create::<u64>("q", 2).expect("a queue");
    queue.put(1).expect("room");
    assert!(queue.caps().survives_process && !RayQueueSpec::caps().survives_process);
    drop(served);
    let fresh = manager.get_or_create::<u64>("q", 2).expect("a queue");
    assert!(fresh.is_empty());
    assert_eq!(manager.epoch().expect("an epoch"), 2);
    let lost = manager.losses().expect("a report");
    assert_eq!(
        lost.iter()
            .map(|lost| (lost.id.as_str(), lost.items))
            .collect::<Vec<_>>(),
        [("q", 1)]
    );
}
