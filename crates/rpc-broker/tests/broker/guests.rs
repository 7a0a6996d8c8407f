//! Queues that are elsewhere in the process of the broker, until somebody asks for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use descriptor_record::{DescriptorRecord, QueueId, TypeTag};
use rpc_broker::{Guest, GuestFacts, Guests, Settings};
use rpc_wire::{Creation, Delete, Done, Existence, Exists, Message, stat};

use crate::world::{World, number};

/// Guests by name, and who was asked for.
#[derive(Debug, Default)]
struct House {
    rooms: Mutex<BTreeMap<QueueId, GuestFacts>>,
    asked: Mutex<Vec<QueueId>>,
}

impl Guests for House {
    fn summon(&self, id: &QueueId) -> bool {
        let is_here = self.rooms.lock().unwrap().contains_key(id);
        if is_here {
            self.asked.lock().unwrap().push(id.clone());
        }
        is_here
    }

    fn look(&self, id: &QueueId) -> Option<GuestFacts> {
        self.rooms.lock().unwrap().get(id).cloned()
    }

    fn all(&self) -> Vec<GuestFacts> {
        self.rooms.lock().unwrap().values().cloned().collect()
    }

    fn count(&self) -> usize {
        self.rooms.lock().unwrap().len()
    }

    fn remove(&self, id: &QueueId) -> bool {
        self.rooms.lock().unwrap().remove(id).is_some()
    }
}

fn id(name: &str) -> QueueId {
    QueueId::new(name).unwrap()
}

/// A world with one guest, of five items put and two of them taken.
fn world(name: &str) -> (World, Arc<House>) {
    let house = Arc::new(House::default());
    let mut settings = Settings::default();
    settings.guests = Some(Arc::clone(&house) as _);
    settings.max_queues = 3;
    let world = World::with(settings);
    let epoch = world.broker.borrow_mut().next_life();
    let facts = GuestFacts {
        record: DescriptorRecord::new(id(name), "rpc").with("maxsize", 8),
        epoch,
        capacity: 8,
        put: 5,
        got: 2,
    };
    house.rooms.lock().unwrap().insert(id(name), facts);
    (world, house)
}

/// Has the guest come in.
fn come_in(world: &World, house: &House, name: &str) {
    let facts = house.rooms.lock().unwrap().remove(&id(name)).unwrap();
    let run = |items: &[&str]| {
        let mut bytes = Vec::new();
        for item in items {
            bytes.extend_from_slice(&(item.len() as u32).to_le_bytes());
            bytes.extend_from_slice(item.as_bytes());
        }
        (items.len() as u32, bytes.into())
    };
    let guest = Guest {
        facts,
        tag: TypeTag::of::<String>(),
        codec: 0,
        runs: vec![run(&["c", "d"]), run(&["e"])],
        closed: false,
    };
    world.broker.borrow_mut().adopt(guest).unwrap();
}

#[test]
fn who_opens_a_guest_is_told_to_ask_again_and_then_finds_all_that_was_in_it() {
    let (world, house) = world("jobs");
    let client = world.client();
    for creation in [Creation::IfAbsent, Creation::Never, Creation::Always] {
        let (kind, why) = client.refusal(client.open_message("rpc://jobs", creation, ""));
        assert_eq!(kind, "Overloaded", "{why}");
    }
    let (kind, _) = client.refusal(client.open_message("rpc://others?dead_letter=jobs", Creation::IfAbsent, ""));
    assert_eq!(kind, "Overloaded", "it would bury in a queue that is not there");
    assert_eq!(*house.asked.lock().unwrap(), vec![id("jobs"); 4]);
    let before = client.stats("jobs");
    come_in(&world, &house, "jobs");
    let opened = client.opened("rpc://jobs?maxsize=8");
    assert_eq!((opened.created.0, opened.capacity), (false, 8));
    assert_eq!(client.depth(opened.queue), (3, 0));
    let after = client.stats("jobs");
    for name in [
        stat::DEPTH,
        stat::CAPACITY,
        stat::PUT_TOTAL,
        stat::GET_TOTAL,
        stat::EPOCH,
    ] {
        assert_eq!(number(&before, name), number(&after, name), "{name}");
    }
    assert_eq!((world.status().items, world.status().bytes), (3, 3));
    client.put(opened.queue, 1, &["f"]);
    assert_eq!(client.take(opened.queue, 9), ["c", "d", "e", "f"]);
    assert_eq!(world.status().items, 0);
}

#[test]
fn a_guest_is_listed_counted_and_deleted_as_if_it_were_here() {
    let (world, house) = world("jobs/b");
    let client = world.client();
    client.open("rpc://jobs/a");
    client.open("rpc://jobs/c");
    assert_eq!(client.names("jobs/"), ["jobs/a", "jobs/b", "jobs/c"]);
    let (kind, why) = client.refusal(client.open_message("rpc://d", Creation::IfAbsent, ""));
    assert!(kind == "ResourceExhausted" && why.contains("at most 3 queues"), "{why}");
    let exists = |name: &str| match client.ask(Exists {
        call: client.call(),
        id: id(name),
    }) {
        Message::Existence(Existence { exists, .. }) => exists,
        other => panic!("{other:?}"),
    };
    assert!(exists("jobs/b") && !exists("jobs/d"));
    let delete = Delete {
        call: client.call(),
        id: id("jobs/b"),
    };
    assert!(matches!(client.ask(delete), Message::Done(Done { .. })));
    assert!(!exists("jobs/b") && house.count() == 0);
}

#[test]
fn a_name_is_taken_once() {
    let (world, house) = world("jobs");
    let client = world.client();
    let facts = house.rooms.lock().unwrap().remove(&id("jobs")).unwrap();
    client.open("rpc://jobs");
    assert!(world.broker.borrow().has(&id("jobs")));
    let guest = Guest {
        facts,
        tag: TypeTag::of::<String>(),
        codec: 0,
        runs: Vec::new(),
        closed: false,
    };
    assert!(world.broker.borrow_mut().adopt(guest).is_err());
    // Somebody has it open.
    assert!(!world.broker.borrow_mut().remove_if_idle(&id("jobs")));
    let other = world.client();
    other.open("rpc://idle");
    other.cut();
    assert!(world.broker.borrow_mut().remove_if_idle(&id("idle")));
    assert!(!world.broker.borrow().has(&id("idle")));
}
