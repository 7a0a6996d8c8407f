//! What a manager is asked, its limits, and its records.

mod common;

use std::time::Duration;

use common::{Folder, WATCH};
use descriptor_core::{Descriptor, DescriptorRecord, ErrorKind, GetError, QueueId, Spec, Value, Wait};
use queue_actor::{ManagerSettings, QueueManager, RayActorSpec, RayQueueSpec};
use queue_testkit::{until, watchdog};

#[test]
fn queues_are_named_listed_counted_and_deleted() {
    let folder = Folder::new();
    let manager = folder.manager();
    let one = manager.get_or_create::<u64>("jobs/one", 4).expect("a queue");
    let two = manager.get_or_create::<String>("jobs/two", 4).expect("a queue");
    manager.get_or_create::<u64>("other", 4).expect("a queue");
    one.put(1).expect("room");
    two.put("2".into()).expect("room");
    // One is at the server, the others are rings.
    assert!(folder.call_out(&QueueId::new("jobs/two").expect("an id")));
    let listed = manager.list("jobs/").expect("a list");
    let listed: Vec<_> = listed.iter().map(|queue| (queue.id.as_str(), queue.depth)).collect();
    assert_eq!(listed, [("jobs/one", 1), ("jobs/two", 1)]);
    assert!(manager.exists("jobs/two").expect("an answer") && !manager.exists("jobs").expect("an answer"));
    assert_eq!(manager.size("jobs/one").expect("a queue"), 1);
    let same = manager.queue::<String>("jobs/two").expect("as it is");
    assert_eq!(same.get().expect("what was put"), "2");
    let same = manager.queue::<u64>("jobs/one").expect("as it is");
    assert_eq!((same.get().expect("what was put"), same.capacity()), (1, Some(4)));
    for name in ["jobs/one", "jobs/two"] {
        manager.delete(name).expect("a queue");
        assert_eq!(manager.delete(name).expect_err("gone").kind(), ErrorKind::NotFound);
    }
    assert!(matches!(two.get(), Err(GetError::Failed(error)) if error.kind() == ErrorKind::StaleHandle));
    assert_eq!(manager.list("").expect("a list").len(), 1);
}

#[test]
fn one_more_queue_than_there_may_be_is_refused_by_name_of_the_limit() {
    let folder = Folder::new();
    let settings = ManagerSettings {
        max_queues: 2,
        ..folder.settings()
    };
    let manager = QueueManager::with("small", settings).expect("a namespace");
    manager.get_or_create::<u64>("a", 1).expect("the first");
    manager.get_or_create::<u64>("b", 1).expect("the second");
    let spec = RayQueueSpec::bounded(1).dead_letter("b").expect("an id");
    for spec in [RayQueueSpec::bounded(1), spec] {
        let error = manager
            .open::<u64>(&QueueId::new("c").expect("an id"), &spec)
            .expect_err("one too many");
        assert_eq!(error.kind(), ErrorKind::ResourceExhausted, "{error}");
        assert!(error.to_string().contains("at most 2 queues"), "{error}");
    }
}

#[test]
fn idle_queues_are_deleted_and_others_are_not() {
    watchdog(WATCH, "idle queues", || {
        let folder = Folder::new();
        let settings = ManagerSettings {
            idle_ttl: Some(Duration::from_millis(20)),
            ..folder.settings()
        };
        let manager = QueueManager::with(common::NAMESPACE, settings).expect("a namespace");
        let held = manager.get_or_create::<u64>("held", 1).expect("a queue");
        manager
            .get_or_create::<u64>("full", 1)
            .expect("a queue")
            .put(1)
            .expect("room");
        manager.get_or_create::<u64>("ring", 1).expect("a queue");
        let moved = manager.get_or_create::<u64>("moved", 1).expect("a queue");
        assert!(folder.call_out(&QueueId::new("moved").expect("an id")));
        assert!(moved.is_empty());
        drop(moved);
        until(|| manager.list("").expect("a list").len() == 2);
        let names: Vec<_> = manager.list("").expect("a list").into_iter().map(|it| it.id).collect();
        assert_eq!(names.iter().map(QueueId::as_str).collect::<Vec<_>>(), ["full", "held"]);
        held.put(1).expect("it is still there");
    });
}

#[test]
fn leases_have_a_queue_move_and_dead_letters_are_kept() {
    let folder = Folder::new();
    let manager = folder.manager();
    let spec = RayQueueSpec::bounded(4)
        .lease_time(Duration::ZERO)
        .max_deliveries(2)
        .dead_letter("dead")
        .expect("an id");
    // A ring first, which has to make way for dead letters.
    let dead = manager
        .open::<u64>(
            &QueueId::new("dead").expect("an id"),
            &RayQueueSpec::bounded(4).lease_time(Duration::ZERO),
        )
        .expect("a queue");
    dead.put(1).expect("room");
    let queue = manager
        .open::<u64>(&QueueId::new("q").expect("an id"), &spec)
        .expect("a queue");
    queue.put(7).expect("room");
    for _ in 0..2 {
        let lease = queue.lease(Wait::Forever).expect("an item");
        lease.nack(Duration::ZERO).expect("a lease");
    }
    assert_eq!(
        (dead.get().expect("the first"), dead.get().expect("the dead one")),
        (1, 7)
    );
    let plain = manager.get_or_create::<u64>("plain", 4).expect("a ring");
    plain.put(3).expect("room");
    plain.put(4).expect("room");
    let lease = plain.lease(Wait::Never).expect("an item");
    assert_eq!((lease.item(), plain.depth()), (Some(&3), Some(2)));
    drop(lease);
    assert_eq!(
        (plain.get().expect("it came back"), plain.get().expect("the next")),
        (3, 4)
    );
}

#[test]
fn records_say_everything_and_those_of_the_original_read_as_they_are() {
    let text = r#"{"queue_type":"ray_queue","queue_id":"q2","metadata":{"maxsize":"2048"},"created_timestamp":1.5}"#;
    let record = DescriptorRecord::from_json(text).expect("a record of the original");
    let descriptor = Descriptor::<RayQueueSpec>::from_record(&record).expect("its parameters");
    assert_eq!(descriptor.spec(), &RayQueueSpec::bounded(2048));
    let usual = RayQueueSpec::default();
    assert_eq!((usual.capacity, usual.namespace.as_str()), (1_048_576, "sage_global"));
    let spec = RayQueueSpec::bounded(3)
        .namespace("night")
        .max_deliveries(4)
        .lease_time(Duration::from_millis(1500))
        .dead_letter("dead")
        .expect("an id")
        .attach_only();
    assert_eq!(
        RayQueueSpec::from_metadata(&spec.to_metadata()).expect("the same"),
        spec
    );
    let actor = RayActorSpec::bounded(5).actor_name("a/b");
    assert_eq!(
        RayActorSpec::from_metadata(&actor.to_metadata()).expect("the same"),
        actor
    );
    let descriptor = Descriptor::new("jobs", actor).expect("a descriptor");
    assert!(descriptor.can_serialize());
    let error = RayQueueSpec::from_metadata(&[("namespce".into(), Value::from("x"))].into()).expect_err("a slip");
    assert!(error.to_string().contains("namespace"), "{error}");
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let folder = Folder::new();
    for wrong in ["", "..", "a b", "/x"] {
        let error = QueueManager::with(wrong, folder.settings()).expect_err("no name");
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}");
    }
    let long = "n".repeat(150);
    let manager = QueueManager::with(&long, folder.settings()).expect("a name");
    let error = manager.get_or_create::<u64>("q", 1).expect_err("too long for a socket");
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}");
    assert!(error.to_string().contains("at most 107 bytes"), "{error}");
}
