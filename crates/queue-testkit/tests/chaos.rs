//! Every fault that chaos makes is one that the kit sees, and without faults chaos changes nothing.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use descriptor_core::{Caps, DynQueue, Error, ErrorKind, GetError, Item, PutError, Queue, QueueCore, Wait, Wire};
use queue_testkit::{Chaos, Faults, InProcess, Outcome, Reference, Subject, Suite, join, spawn_many, watchdog};

const NONE: Faults = Faults::none(7);

/// The reference queue with faults around it.
#[derive(Clone, Copy)]
struct Unruly(Faults, Order);

/// Whether an order is asked for.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Kept,
    Any,
}

impl Subject for Unruly {
    fn name(&self) -> &str {
        "unruly"
    }
    fn caps(&self) -> Caps {
        let mut caps = Caps::IN_PROCESS;
        // Otherwise every clause about losses convicts what comes out of order as well.
        caps.ordered = self.1 == Order::Kept;
        caps
    }
    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(Chaos::of_wire(Arc::new(Reference::new(capacity)?), self.0)))
    }
    fn unbounded(&self) -> bool {
        true
    }
}

impl InProcess for Unruly {
    fn open_any<T: Item>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        Ok(Arc::new(Chaos::new(
            Arc::new(Reference::new(capacity)?),
            self.0,
            |_| None,
        )))
    }
}

queue_testkit::conformance!(in_process without_faults, Unruly(NONE, Order::Kept));

/// Found by the clause, with its name in the verdict.
fn convicted(faults: Faults, clause: &'static str) {
    let check = catch_unwind(move || {
        Suite::wire(Unruly(faults, Order::Kept))
            .limit(Duration::from_secs(2))
            .check(clause)
    });
    match check {
        Ok(outcome) => panic!("{clause} says {outcome:?} to {faults:?}"),
        Err(panic) => {
            let verdict = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            assert!(
                verdict.contains("unruly breaks clause") && verdict.contains(clause),
                "{verdict}"
            );
        }
    }
}

#[test]
fn dropped_items_are_missed() {
    convicted(Faults { drop: 0.01, ..NONE }, "lossless::four_threads_to_four");
    convicted(Faults { drop: 0.01, ..NONE }, "lossless::four_tasks_to_four");
}

#[test]
fn duplicates_are_noticed() {
    let faults = Faults {
        duplicate: 0.01,
        ..NONE
    };
    convicted(faults, "lossless::four_threads_to_four");
    convicted(faults, "lossless::four_tasks_to_four");
}

#[test]
fn items_out_of_order_are_noticed() {
    convicted(
        Faults { reorder: 0.1, ..NONE },
        "order::one_producer_comes_out_in_order",
    );
}

#[test]
fn delays_are_noticed() {
    let faults = Faults {
        delay: 1.0,
        delay_time: Duration::from_secs(3600),
        ..NONE
    };
    convicted(faults, "wait::try_calls_return");
}

#[test]
fn failures_are_noticed() {
    convicted(Faults { fail: 0.01, ..NONE }, "order::one_producer_comes_out_in_order");
}

#[test]
fn reordered_items_are_not_lost() {
    let faults = Faults { reorder: 0.3, ..NONE };
    for clause in [
        "lossless::four_threads_to_four",
        "lossless::one_thread_to_four",
        "lossless::sixteen_threads_on_a_small_queue",
        "lossless::four_tasks_to_four",
        "lossless::every_way_at_once",
    ] {
        assert_eq!(
            Suite::wire(Unruly(faults, Order::Any)).check(clause),
            Outcome::Held,
            "{clause}"
        );
    }
}

fn numbers(faults: Faults, capacity: usize) -> Chaos<u32> {
    Chaos::of_clones(Arc::new(Reference::new(Some(capacity)).expect("a capacity")), faults)
}

/// What comes out when 0 to 999 go in.
fn passed(faults: Faults) -> Vec<u32> {
    let queue = numbers(faults, 4000);
    for number in 0..1000 {
        // A failed put gives the item back, and one more try is enough for the test.
        if let Err(PutError::Failed(number, error)) = queue.try_put(number) {
            assert!(
                error.kind() == ErrorKind::Disconnected && error.is_retryable(),
                "{error}"
            );
            let _ = queue.try_put(number);
        }
    }
    queue.close();
    let mut out = Vec::new();
    loop {
        match queue.try_get() {
            Ok(number) => out.push(number),
            Err(GetError::Failed(_)) => {}
            Err(end) => {
                assert!(end.is_closed(), "{end}");
                return out;
            }
        }
    }
}

#[test]
fn a_seed_gives_the_same_faults_again() {
    let faults = Faults {
        drop: 0.05,
        duplicate: 0.05,
        reorder: 0.05,
        fail: 0.05,
        ..NONE
    };
    assert_eq!(passed(faults), passed(faults));
    assert_ne!(passed(faults), passed(Faults { seed: 8, ..faults }));
    assert!(passed(NONE).into_iter().eq(0..1000));
}

#[test]
fn each_fault_does_what_it_says() {
    let dropped = passed(Faults { drop: 0.1, ..NONE });
    // A hundred, give or take ten.
    assert!(
        (850..950).contains(&dropped.len()) && dropped.is_sorted(),
        "{}",
        dropped.len()
    );
    let doubled = passed(Faults { duplicate: 0.1, ..NONE });
    assert!(
        (1050..1150).contains(&doubled.len()) && doubled.is_sorted(),
        "{}",
        doubled.len()
    );
    let mut swapped = passed(Faults { reorder: 0.1, ..NONE });
    assert!(!swapped.is_sorted());
    swapped.sort_unstable();
    assert!(swapped.into_iter().eq(0..1000));
    assert!(passed(Faults { drop: 1.0, ..NONE }).is_empty());
    assert_eq!(
        passed(Faults {
            fail: 0.0,
            duplicate: 1.0,
            ..NONE
        })
        .len(),
        2000
    );
}

#[test]
fn a_delayed_call_sleeps_first() {
    let limit = Duration::from_millis(20);
    let queue = numbers(
        Faults {
            delay: 1.0,
            delay_time: limit,
            ..NONE
        },
        1,
    );
    let begun = Instant::now();
    queue.put(1).expect("room");
    assert!(begun.elapsed() >= limit);
}

#[test]
fn an_item_held_back_counts_and_survives_a_close() {
    let queue = numbers(Faults { reorder: 1.0, ..NONE }, 1);
    queue.put(1).expect("room");
    // It waits for the next one, which there is no room for.
    queue.put(2).expect("held back");
    assert_eq!(queue.depth(), Some(2));
    assert!(queue.try_put(3).is_err_and(|refusal| refusal.is_full()));
    queue.close();
    assert!(queue.try_put(4).is_err_and(|refusal| refusal.is_closed()));
    assert_eq!((queue.get().ok(), queue.get().ok()), (Some(1), Some(2)));
    assert!(queue.get().is_err_and(|end| end.is_closed()));
}

#[test]
fn nobody_sleeps_beside_an_item_held_back() {
    watchdog(Duration::from_secs(60), "held back", || {
        for seed in 0..200 {
            let queue = Arc::new(numbers(
                Faults {
                    seed,
                    reorder: 0.5,
                    ..NONE
                },
                64,
            ));
            // Each takes its share and goes: an item that stays outside would leave one of them asleep.
            let getters = spawn_many(4, {
                let queue = Arc::clone(&queue);
                move |_| (0..8).map(|_| queue.get().expect("an item")).sum::<u32>()
            });
            (0..32).for_each(|number| queue.put_within(number, Wait::Forever).expect("room"));
            assert_eq!(getters.into_iter().map(join).sum::<u32>(), (0..32).sum::<u32>());
        }
    });
}
