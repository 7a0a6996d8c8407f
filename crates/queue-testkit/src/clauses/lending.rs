//! Clause 16: leases beside everything else: capacity, waiting, closing, storms.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use descriptor_core::{DynQueue, GetError, PutError, QueueExt, Wait};

use super::lease::{lending, take};
use crate::{Dice, Loan, Probe, Run, join, linger, on_tokio, spawn, spawn_many, until};

pub(crate) fn leased_items_count_against_the_capacity(run: &Run) {
    let queue = lending(run, 2, 2);
    let (first, second) = (take(&queue, 1), take(&queue, 2));
    assert!(matches!(queue.try_put(3), Err(PutError::Full(3))), "a lease made room");
    assert_eq!((queue.depth(), queue.is_full()), (Some(2), true));
    assert!(second.nack(Duration::from_secs(3600)).is_ok());
    assert!(matches!(queue.try_put(3), Err(PutError::Full(3))), "a rest made room");
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(first.ack().is_ok());
    assert!(queue.try_put(3).is_ok());
    assert!(queue.try_put(4).is_err());
    assert_eq!(queue.get().ok(), Some(3));
}

/// The first lease of a full queue, in a race with those who want room: none of them may find any.
pub(crate) fn a_lease_makes_no_room(run: &Run) {
    let mut dice = Dice::new(160);
    for round in 0..run.times(200) {
        let queue = lending(run, 2, 2);
        let rivals = spawn_many(2, {
            let queue = queue.clone();
            move |number| (0..40).any(|_| queue.put_timeout(number as u64, Duration::from_micros(5)).is_ok())
        });
        dice.dawdle(4_000);
        let lease = take(&queue, 1);
        assert!(
            !rivals.into_iter().any(join),
            "round {round}: an item went into a full queue while another was on loan"
        );
        drop(lease);
        assert_eq!(queue.drain().collect::<Vec<_>>(), [1, 2]);
    }
}

pub(crate) fn an_acknowledged_item_wakes_a_putter(run: &Run) {
    for round in 0..run.times(20) {
        let queue = lending(run, 1, 1);
        // The first lease comes before or after the putter has fallen asleep.
        let early = (round % 2 == 0).then(|| take(&queue, 1));
        let task = queue.clone();
        if round % 4 < 2 {
            let putter = spawn(move || task.put(2));
            linger();
            assert!(early.unwrap_or_else(|| take(&queue, 1)).ack().is_ok());
            assert!(join(putter).is_ok());
        } else {
            let putter = Probe::pending(task.put_async(2));
            assert!(early.unwrap_or_else(|| take(&queue, 1)).ack().is_ok());
            assert!(putter.finish_when_woken().is_ok());
        }
        assert_eq!(queue.get().ok(), Some(2));
    }
}

pub(crate) fn an_item_that_comes_back_wakes_a_getter(run: &Run) {
    for round in 0..run.times(20) {
        let queue = lending(run, 2, 2);
        let (first, second) = (take(&queue, 1), take(&queue, 2));
        let thread = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        let task = queue.clone();
        let pending = Probe::pending(task.get_async());
        linger();
        if round % 2 == 0 {
            drop(first);
            drop(second);
        } else {
            assert!(first.nack(Duration::from_millis(1)).is_ok());
            assert!(second.nack(Duration::from_millis(2)).is_ok());
        }
        let mut items = [pending.finish_when_woken().ok(), join(thread).ok()];
        items.sort_unstable();
        assert_eq!(items, [Some(1), Some(2)]);
    }
}

pub(crate) fn an_item_wakes_a_lease(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = lending(run, 4, 0);
        let thread = spawn({
            let queue = queue.clone();
            move || {
                queue
                    .lease(Wait::Forever)
                    .and_then(|lease| lease.ack().map_err(GetError::Failed))
            }
        });
        let task = queue.clone();
        let pending = Probe::pending(task.lease_async());
        linger();
        assert!(queue.put(1).is_ok() && queue.put(2).is_ok());
        let mine = pending.finish_when_woken().ok().and_then(|lease| lease.ack().ok());
        let mut items = [mine, join(thread).ok()];
        items.sort_unstable();
        assert_eq!(items, [Some(1), Some(2)]);
    }
}

pub(crate) fn a_dropped_lease_future_takes_nothing(run: &Run) {
    let queue = lending(run, 4, 1);
    drop(queue.lease_async());
    assert_eq!(queue.leases().map(|leases| leases.leased), Some(0));
    let held = take(&queue, 1);
    drop(Probe::pending(queue.lease_async()));
    drop(held);
    let again = take(&queue, 1);
    assert_eq!(again.deliveries(), 2, "a dropped future counts as a delivery");
    assert!(again.ack().is_ok());
}

pub(crate) fn a_lease_future_dropped_after_its_wake_up_passes_it_on(run: &Run) {
    let queue = lending(run, 4, 0);
    for number in 0..3 {
        let (first, second) = (Probe::pending(queue.lease_async()), Probe::pending(queue.lease_async()));
        assert!(queue.put(number).is_ok());
        until(|| first.is_woken() || second.is_woken());
        let (dropped, other) = if first.is_woken() {
            (first, second)
        } else {
            (second, first)
        };
        drop(dropped);
        let lease = other.finish_when_woken();
        assert_eq!(lease.ok().and_then(|lease| lease.ack().ok()), Some(number));
    }
}

pub(crate) fn a_closed_queue_waits_for_its_leases(run: &Run) {
    for _ in 0..run.times(10) {
        let queue = lending(run, 4, 1);
        let lease = take(&queue, 1);
        queue.close();
        assert!(queue.is_closed());
        assert!(matches!(queue.try_put(2), Err(PutError::Closed(2))));
        let early = queue.try_get();
        assert!(
            matches!(early, Err(GetError::Empty)),
            "{early:?} although an item may come back"
        );
        let getters = spawn_many(3, {
            let queue = queue.clone();
            move |_| queue.get()
        });
        linger();
        drop(lease);
        let ends: Vec<_> = getters.into_iter().map(join).collect();
        let got = ends.iter().filter(|end| matches!(end, Ok(1))).count();
        let closed = ends.iter().filter(|end| matches!(end, Err(GetError::Closed))).count();
        assert_eq!((got, closed), (1, 2), "{ends:?}");
    }
}

pub(crate) fn acknowledging_the_last_item_tells_all_that_it_is_closed(run: &Run) {
    for _ in 0..run.times(10) {
        let queue = lending(run, 4, 1);
        let lease = take(&queue, 1);
        queue.close();
        let threads = spawn_many(3, {
            let queue = queue.clone();
            move |number| {
                if number == 0 {
                    queue.lease(Wait::Forever).map(|lease| lease.deliveries().into())
                } else {
                    queue.get()
                }
            }
        });
        let task = queue.clone();
        let pending = Probe::pending(task.get_async());
        linger();
        assert_eq!(lease.ack().ok(), Some(1));
        for thread in threads {
            assert!(matches!(join(thread), Err(GetError::Closed)));
        }
        assert!(matches!(pending.finish_when_woken(), Err(GetError::Closed)));
    }
}

/// One consumer among producers in full flight begins to lease: it still sees each producer's items in their order.
pub(crate) fn the_first_lease_keeps_the_order(run: &Run) {
    let mut dice = Dice::new(161);
    for round in 0..run.times(150) {
        let queue = run.lending(1 + round % 5, Loan::default()).queue;
        let producers = spawn_many(2, {
            let queue = queue.clone();
            move |producer| (0..60).all(|number| queue.put(producer as u64 * 100 + number).is_ok())
        });
        let first_lease = dice.below(80);
        let mut next = BTreeMap::new();
        for step in 0..120 {
            let item = if step >= first_lease && dice.below(2) == 0 {
                queue.lease(Wait::Forever).and_then(|lease| {
                    if dice.below(3) > 0 {
                        return lease.ack().map_err(GetError::Failed);
                    }
                    drop(lease);
                    queue.get()
                })
            } else {
                queue.get()
            };
            let Ok(item) = item else {
                panic!("round {round}: {item:?}");
            };
            let (producer, number) = (item / 100, item % 100);
            let expected = next.entry(producer).or_insert(0);
            assert_eq!(number, *expected, "round {round}: of producer {producer}");
            *expected += 1;
        }
        assert!(producers.into_iter().all(join));
        assert_eq!(queue.depth(), Some(0));
    }
}

/// What becomes of one item in a storm, over and over.
pub(super) fn consume(queue: &DynQueue<u64>, dice: &mut Dice, done: &Mutex<Vec<u64>>, can_forget: bool) -> bool {
    let done = |item| done.lock().unwrap_or_else(PoisonError::into_inner).push(item);
    if dice.below(4) == 0 {
        return queue.get().map(done).is_ok();
    }
    let Ok(lease) = queue.lease(Wait::Forever) else {
        return false;
    };
    match dice.below(6) {
        0 => drop(lease),
        1 => drop(lease.nack(Duration::ZERO)),
        2 => drop(lease.nack(Duration::from_micros(dice.below(300)))),
        3 if can_forget => std::mem::forget(lease),
        4 if can_forget => {
            // Too slow, or nearly so.
            linger();
            drop(lease.ack().map(done));
        }
        // Only an acknowledged item is done: one whose lease has run out is somebody else's.
        _ => drop(lease.ack().map(done)),
    }
    true
}

/// Puts so many numbers from several threads, and has them consumed until the closed queue is drained.
pub(super) fn storm(run: &Run, loan: Loan, each: usize, can_forget: bool) {
    const CAPACITY: usize = 5;
    let queue = run.lending(CAPACITY, loan).queue;
    let done = Arc::new(Mutex::new(Vec::new()));
    let producers = spawn_many(3, {
        let queue = queue.clone();
        move |producer| {
            for number in 0..each {
                assert!(queue.put((producer * each + number) as u64).is_ok());
            }
        }
    });
    let consumers = spawn_many(4, {
        let (queue, done) = (queue.clone(), Arc::clone(&done));
        move |consumer| {
            let mut dice = Dice::new(consumer as u64 + 1600);
            while consume(&queue, &mut dice, &done, can_forget) {
                assert!(
                    queue.depth().is_none_or(|depth| depth <= CAPACITY),
                    "{:?} items",
                    queue.depth()
                );
            }
        }
    });
    producers.into_iter().for_each(join);
    queue.close();
    consumers.into_iter().for_each(join);
    let mut done = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    done.sort_unstable();
    assert!(
        done.into_iter().eq(0..3 * each as u64),
        "every item is done exactly once"
    );
    assert_eq!(queue.depth(), Some(0));
}

pub(crate) fn every_end_at_once_loses_nothing(run: &Run) {
    storm(run, Loan::default(), run.times(1_500), false);
}

pub(crate) fn tasks_lease_beside_threads(run: &Run) {
    let each = run.times(600) as u64;
    let queue = run.lending(2, Loan::default()).queue;
    let done = Arc::new(AtomicUsize::new(0));
    let threads = spawn_many(2, {
        let (queue, done) = (queue.clone(), Arc::clone(&done));
        move |_| {
            while let Ok(lease) = queue.lease(Wait::Forever) {
                done.fetch_add(usize::from(lease.ack().is_ok()), Ordering::SeqCst);
            }
        }
    });
    on_tokio({
        let (queue, done) = (queue.clone(), Arc::clone(&done));
        async move {
            let producer = tokio::spawn({
                let queue = queue.clone();
                async move {
                    for number in 0..each {
                        assert!(queue.put_async(number).await.is_ok());
                    }
                    queue.close();
                }
            });
            let consumers = [1, 2].map(|seed| {
                let (queue, done) = (queue.clone(), Arc::clone(&done));
                tokio::spawn(async move {
                    let mut dice = Dice::new(seed);
                    loop {
                        let lease = crate::within_yields(queue.lease_async(), dice.below(4)).await;
                        match lease {
                            Some(Ok(lease)) if dice.below(3) > 0 => {
                                done.fetch_add(usize::from(lease.ack().is_ok()), Ordering::SeqCst);
                            }
                            Some(Err(_)) => return,
                            _ => tokio::task::yield_now().await,
                        }
                    }
                })
            });
            producer.await.expect("every put found room");
            for consumer in consumers {
                consumer.await.expect("a consumer to its end");
            }
        }
    });
    threads.into_iter().for_each(join);
    assert_eq!(done.load(Ordering::SeqCst) as u64, each);
}
