//! Opening: once, by one of many, and never a second queue beside a living one; and how long a name keeps its queue.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier};
use std::thread;

use common::{BoxSpec, HallSpec, opened, within_a_minute};
use descriptor_core::{
    Descriptor, DynQueue, Error, ErrorKind, Item, KeySpec, Metadata, Open, Params, QueueId, Reach, Registry, Spec,
    describe, live_queues,
};

fn boxed(id: &str, maxsize: usize) -> Descriptor<BoxSpec> {
    Descriptor::new(id, BoxSpec::of(maxsize)).unwrap()
}

fn is_live(id: &str) -> bool {
    live_queues().iter().any(|live| live.record.queue_id.as_str() == id)
}

#[test]
fn twenty_threads_that_race_get_one_queue() {
    const THREADS: usize = 20;
    within_a_minute(|| {
        for round in 0..300 {
            let id = format!("race/{round}");
            let shared = Arc::new(boxed(&id, 64));
            let start = Arc::new(Barrier::new(THREADS));
            let threads: Vec<_> = (0..THREADS)
                .map(|number| {
                    let (shared, start, id) = (Arc::clone(&shared), Arc::clone(&start), id.clone());
                    thread::spawn(move || {
                        // The same descriptor, a clone, another one of that name, and the record.
                        let clone = (*shared).clone();
                        let other = boxed(&id, 64);
                        let registry = Registry::<usize>::new().with::<BoxSpec>();
                        start.wait();
                        let queue = match number % 4 {
                            0 => shared.queue::<usize>(),
                            1 => clone.queue(),
                            2 => other.queue(),
                            _ => registry.open(&other.to_record()),
                        };
                        let queue = queue.unwrap();
                        queue.put(number).unwrap();
                        queue
                    })
                })
                .collect();
            let queues: Vec<DynQueue<usize>> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
            assert!(queues.iter().all(|queue| Arc::ptr_eq(queue, &queues[0])));
            assert_eq!(opened(&id), 1);
            let mut all = Vec::new();
            queues[0].get_batch(&mut all, 64, descriptor_core::Wait::Never).unwrap();
            all.sort_unstable();
            assert_eq!(all, (0..THREADS).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_failed_open_leaves_nothing_and_the_next_one_succeeds() {
    let descriptor = boxed("fails/once", 1);
    assert_eq!(
        descriptor.queue::<u8>().err().unwrap().kind(),
        ErrorKind::ResourceExhausted
    );
    assert!(!descriptor.is_initialized() && !is_live("fails/once"));
    descriptor.put(1_u8).unwrap();
    assert_eq!(opened("fails/once"), 2);
}

#[test]
fn a_panic_while_opening_does_not_wedge_the_others() {
    within_a_minute(|| {
        for round in 0..50 {
            let id = format!("panics/{round}");
            let start = Arc::new(Barrier::new(8));
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    let (descriptor, start) = (boxed(&id, 8), Arc::clone(&start));
                    thread::spawn(move || {
                        start.wait();
                        catch_unwind(AssertUnwindSafe(|| descriptor.put(1_u8).unwrap())).is_ok()
                    })
                })
                .collect();
            let fine = threads.into_iter().map(|thread| thread.join().unwrap());
            assert_eq!(fine.filter(|fine| *fine).count(), 7, "one met the panic");
            assert_eq!(
                (opened(&id), boxed(&id, 8).queue::<u8>().unwrap().depth()),
                (2, Some(7))
            );
        }
    });
}

#[test]
fn one_id_holds_one_type_of_items() {
    let (ints, texts) = (boxed("typed", 2), boxed("typed", 2));
    ints.put(1_u64).unwrap();
    for error in [
        texts.queue::<String>().err().unwrap(),
        ints.queue::<String>().err().unwrap(),
    ] {
        assert_eq!(error.kind(), ErrorKind::TypeMismatch);
        let text = error.to_string();
        assert!(
            text.contains("u64") && text.contains("String") && text.contains("typed"),
            "{text}"
        );
    }
    assert!(!texts.is_initialized());
    assert_eq!(ints.get::<u64>().unwrap(), 1);
}

#[test]
fn other_parameters_than_the_live_queue_has_are_refused() {
    let (small, large) = (boxed("sized", 2), boxed("sized", 3));
    let queue = small.queue::<u8>().unwrap();
    let error = large.queue::<u8>().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    let text = error.to_string();
    assert!(text.contains("`maxsize`=2") && text.contains("`maxsize`=3"), "{text}");
    drop((queue, small));
    assert_eq!(
        large.queue::<u8>().unwrap().capacity(),
        Some(3),
        "the name was free again"
    );
}

#[test]
fn a_name_keeps_its_queue_while_it_holds_items_or_handles() {
    let id = "life/items";
    boxed(id, 0).put(1_u8).unwrap();
    assert!(is_live(id), "it holds an item");
    assert_eq!(boxed(id, 0).get::<u8>().unwrap(), 1);
    assert!(!is_live(id), "empty and unheld");

    let id = "life/handle";
    let queue = boxed(id, 0).queue::<u8>().unwrap();
    assert!(is_live(id) && queue.is_empty());
    boxed(id, 0).put(2_u8).unwrap();
    assert_eq!(queue.get().unwrap(), 2, "the same queue");
    assert!(describe(&queue).is_some());

    let id = "life/two";
    let (one, two) = (boxed(id, 0), boxed(id, 0));
    one.queue::<u8>().unwrap();
    two.queue::<u8>().unwrap();
    drop(one);
    assert!(is_live(id));
    two.clear_cache();
    assert!(!is_live(id));
}

#[test]
fn names_that_come_and_go_do_not_pile_up() {
    let registry = Registry::<u8>::new().with::<BoxSpec>();
    for number in 0..5_000 {
        // Through the registry nobody tells the table when the last handle goes.
        let record = boxed(&format!("passing/{number}"), 1).to_record();
        drop(registry.open(&record).unwrap());
    }
    let left = live_queues()
        .iter()
        .filter(|live| live.record.queue_id.as_str().starts_with("passing/"))
        .count();
    assert!(left <= 512, "{left} of 5000 names are still there");
}

#[test]
fn evict_drops_at_once_and_reports() {
    let (mine, theirs) = (boxed("evicted", 0), boxed("evicted", 0));
    for item in 0..3_u8 {
        mine.put(item).unwrap();
    }
    let held = theirs.queue::<u8>().unwrap();
    let evicted = mine.evict().unwrap();
    assert_eq!((evicted.items, evicted.holders), (Some(3), 1));
    assert!(!is_live("evicted") && !mine.is_initialized() && mine.evict().is_none());
    assert!(
        held.try_put(9).unwrap_err().is_closed(),
        "nothing goes into a queue without a name"
    );
    assert_eq!(held.get().unwrap(), 0, "what was inside can be drained");
    let fresh = mine.queue::<u8>().unwrap();
    assert!(fresh.is_empty() && !Arc::ptr_eq(&fresh, &held));
    assert!(
        Descriptor::new("evicted/hall", HallSpec { maxsize: 1 })
            .unwrap()
            .evict()
            .is_none()
    );
}

#[test]
fn items_that_are_descriptors_of_their_own_queue_can_be_dropped() {
    within_a_minute(|| {
        let descriptor = boxed("nested", 0);
        descriptor.put(boxed("nested/inner", 0)).unwrap();
        descriptor.put(descriptor.clone()).unwrap();
        assert_eq!(descriptor.evict().unwrap().items, Some(2));
        assert!(!is_live("nested"));
    });
}

#[test]
fn open_and_drop_race_without_a_second_queue() {
    within_a_minute(|| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                thread::spawn(|| {
                    for _ in 0..2_000 {
                        let descriptor = boxed("churn", 0);
                        descriptor.put(1_u32).unwrap();
                        // Had another queue taken the name meanwhile, there would be nothing to take.
                        assert_eq!(boxed("churn", 0).try_get::<u32>().unwrap(), 1);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert!(!is_live("churn"));
    });
}

#[test]
fn every_item_is_somewhere_while_queues_are_opened_freed_and_evicted() {
    within_a_minute(|| {
        let threads: Vec<_> = (0..6_u64)
            .map(|seed| {
                thread::spawn(move || {
                    let (mut put, mut evicted) = (0, 0);
                    let mut random = seed + 1;
                    let mut kept = boxed("storm", 0);
                    for _ in 0..3_000 {
                        // Xorshift, so that a run can be repeated.
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        match random % 8 {
                            0 => evicted += kept.evict().and_then(|evicted| evicted.items).unwrap_or(0),
                            1 => kept = boxed("storm", 0),
                            2 => kept.clear_cache(),
                            // A queue that was evicted meanwhile refuses, and what it held was reported then.
                            3 | 4 => match kept.try_put(random) {
                                Ok(()) => put += 1,
                                Err(error) => assert!(error.is_closed(), "{error:?}"),
                            },
                            _ => drop(kept.clone().queue::<u64>().unwrap()),
                        }
                    }
                    (put, evicted)
                })
            })
            .collect();
        let (mut put, mut accounted) = (0, 0);
        for thread in threads {
            let (p, e) = thread.join().unwrap();
            put += p;
            accounted += e;
        }
        let rest = boxed("storm", 0).evict().and_then(|evicted| evicted.items).unwrap_or(0);
        assert!(put > 1_000);
        assert_eq!(put, accounted + rest, "nothing vanished with a name");
    });
}

/// A type whose `open` asks for the very queue it is opening.
#[derive(Clone, Debug)]
struct Ouroboros;

impl Spec for Ouroboros {
    const KIND: &'static str = "test_ouroboros";
    const REACH: Reach = Reach::Process;

    fn keys() -> &'static [KeySpec] {
        &[]
    }
    fn to_metadata(&self) -> Metadata {
        Metadata::new()
    }
    fn from_params(_: &Params) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl<T: Item> Open<T> for Ouroboros {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        Descriptor::new(id, Self)?.queue()
    }
}

#[test]
fn an_open_that_asks_for_itself_is_an_error_and_no_deadlock() {
    within_a_minute(|| {
        let error = Descriptor::new("tail", Ouroboros).unwrap().queue::<u8>().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
        assert!(
            error.to_string().contains("itself") || error.to_string().contains("own `open`"),
            "{error}"
        );
    });
}
