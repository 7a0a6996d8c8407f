//! Clause 6: closing.

use std::collections::VecDeque;
use std::time::Duration;

use descriptor_core::{DynQueue, GetError, PutError, QueueExt, Wait};

use crate::{Dice, Probe, Run, join, linger, on_tokio, spawn, spawn_many};

fn holding(run: &Run, count: u64) -> DynQueue<u64> {
    let queue = run.queue::<u64>(64);
    for number in 0..count {
        assert!(queue.put(number).is_ok());
    }
    queue
}

pub(crate) fn puts_fail_at_once(run: &Run) {
    let queue = holding(run, 1);
    assert!(!queue.is_closed());
    queue.close();
    assert!(queue.is_closed());
    assert!(matches!(queue.put(1), Err(PutError::Closed(1))));
    assert!(matches!(queue.try_put(1), Err(PutError::Closed(1))));
    assert!(matches!(queue.put_timeout(1, Duration::MAX), Err(PutError::Closed(1))));
    assert!(matches!(
        Probe::new(queue.put_async(1)).finish(),
        Err(PutError::Closed(1))
    ));
    assert!(matches!(
        queue.put_batch(&mut [1].into(), Wait::Forever),
        Err(PutError::Closed(()))
    ));
    assert_eq!(
        queue.put_batch(&mut VecDeque::new(), Wait::Forever).ok(),
        Some(0),
        "an empty batch has nothing to refuse"
    );
}

pub(crate) fn gets_drain_and_then_say_closed(run: &Run) {
    let queue = holding(run, 9);
    queue.close();
    assert_eq!(queue.get().ok(), Some(0));
    assert_eq!(queue.try_get().ok(), Some(1));
    assert_eq!(queue.get_timeout(Duration::MAX).ok(), Some(2));
    assert_eq!(Probe::new(queue.get_async()).finish().ok(), Some(3));
    let mut out = Vec::new();
    assert_eq!(queue.get_batch(&mut out, 2, Wait::Forever).ok(), Some(2));
    assert_eq!(Probe::new(queue.get_batch_async(&mut out, 2)).finish().ok(), Some(2));
    assert_eq!(out, [4, 5, 6, 7]);
    assert_eq!(queue.iter().collect::<Vec<_>>(), [8]);
    for _ in 0..2 {
        assert!(matches!(queue.get(), Err(GetError::Closed)));
        assert!(matches!(queue.try_get(), Err(GetError::Closed)));
        assert!(matches!(queue.get_timeout(Duration::MAX), Err(GetError::Closed)));
        assert!(matches!(Probe::new(queue.get_async()).finish(), Err(GetError::Closed)));
        assert!(matches!(
            queue.get_batch(&mut out, 2, Wait::Forever),
            Err(GetError::Closed)
        ));
        assert_eq!(queue.get_batch(&mut out, 0, Wait::Forever).ok(), Some(0));
    }
}

pub(crate) fn closing_twice_is_harmless(run: &Run) {
    let queue = holding(run, 2);
    let closers = spawn_many(4, {
        let queue = queue.clone();
        move |_| {
            queue.close();
            assert!(queue.is_closed());
            queue.close();
        }
    });
    closers.into_iter().for_each(join);
    assert_eq!(queue.iter().collect::<Vec<_>>(), [0, 1]);
    queue.close();
    assert!(queue.is_closed());
    assert!(matches!(queue.try_get(), Err(GetError::Closed)));
}

pub(crate) fn it_wakes_sleeping_getters(run: &Run) {
    for _ in 0..run.times(30) {
        let queue = run.queue::<u64>(2);
        let getters = spawn_many(4, {
            let queue = queue.clone();
            move |number| match number % 2 {
                0 => queue.get(),
                _ => queue.get_timeout(Duration::MAX),
            }
        });
        linger();
        queue.close();
        for getter in getters {
            assert!(matches!(join(getter), Err(GetError::Closed)));
        }
    }
}

pub(crate) fn it_wakes_sleeping_putters(run: &Run) {
    for _ in 0..run.times(30) {
        let queue = run.queue::<u64>(1);
        assert!(queue.put(0).is_ok());
        let putters = spawn_many(4, {
            let queue = queue.clone();
            move |number| (number as u64, queue.put(number as u64))
        });
        linger();
        queue.close();
        for putter in putters {
            let (number, result) = join(putter);
            assert!(matches!(result, Err(PutError::Closed(item)) if item == number));
        }
        assert_eq!(queue.iter().collect::<Vec<_>>(), [0], "what was refused was stored");
    }
}

pub(crate) fn it_wakes_pending_tasks(run: &Run) {
    let (empty, full) = (run.queue::<u64>(1), run.queue::<u64>(1));
    assert!(full.put(0).is_ok());
    let getters: Vec<_> = (0..4).map(|_| Probe::pending(empty.get_async())).collect();
    let putters: Vec<_> = (0..4).map(|number| Probe::pending(full.put_async(number))).collect();
    empty.close();
    full.close();
    for getter in getters {
        assert!(matches!(getter.finish_when_woken(), Err(GetError::Closed)));
    }
    for (number, putter) in (0..).zip(putters) {
        assert!(matches!(putter.finish_when_woken(), Err(PutError::Closed(item)) if item == number));
    }
}

/// Every put that was told Ok is drained before anybody is told Closed.
pub(crate) fn a_put_that_races_with_it_is_drained(run: &Run) {
    let mut dice = Dice::new(6);
    for round in 0..run.times(800) {
        let queue = run.queue::<u64>(1 + round % 5);
        let putters = spawn_many(2, {
            let queue = queue.clone();
            move |_| (0..).take_while(|number| queue.put(*number).is_ok()).count()
        });
        let getter = spawn({
            let queue = queue.clone();
            move || queue.iter().count()
        });
        dice.dawdle(8_000);
        queue.close();
        let stored: usize = putters.into_iter().map(join).sum();
        assert_eq!(
            join(getter),
            stored,
            "round {round}: items seen before Closed, puts that were told Ok"
        );
    }
}

/// The same with polling, so that a put can be between its claim and its end when the queue is closed.
pub(crate) fn a_try_that_races_with_it_is_drained(run: &Run) {
    let mut dice = Dice::new(7);
    for round in 0..run.times(800) {
        let queue = run.queue::<u64>(4);
        let putter = spawn({
            let queue = queue.clone();
            move || {
                let mut stored = 0_usize;
                loop {
                    match queue.try_put(0) {
                        Ok(()) => stored += 1,
                        Err(PutError::Full(_)) => std::thread::yield_now(),
                        Err(PutError::Closed(_)) => return stored,
                        Err(refusal) => panic!("{refusal:?}"),
                    }
                }
            }
        });
        let getter = spawn({
            let queue = queue.clone();
            move || {
                let mut taken = 0_usize;
                loop {
                    match queue.try_get() {
                        Ok(_) => taken += 1,
                        Err(GetError::Empty) => std::thread::yield_now(),
                        Err(GetError::Closed) => return taken,
                        Err(failure) => panic!("{failure:?}"),
                    }
                }
            }
        });
        dice.dawdle(4_000);
        queue.close();
        assert_eq!(
            join(getter),
            join(putter),
            "round {round}: items seen before Closed, puts that were told Ok"
        );
    }
}

/// Several sleeping getters share what a racing put left; all of them end.
pub(crate) fn every_getter_learns_of_it_in_a_race(run: &Run) {
    let mut dice = Dice::new(8);
    for round in 0..run.times(300) {
        let queue = run.queue::<u64>(8);
        let getters = spawn_many(3, {
            let queue = queue.clone();
            move |_| queue.iter().count()
        });
        let putter = spawn({
            let queue = queue.clone();
            move || (0..3).filter(|number| queue.put(*number).is_ok()).count()
        });
        dice.dawdle(30_000);
        queue.close();
        let stored = join(putter);
        assert_eq!(getters.into_iter().map(join).sum::<usize>(), stored, "round {round}");
    }
}

pub(crate) fn tasks_that_race_with_it_are_drained(run: &Run) {
    let rounds = run.times(300);
    let run = run.clone();
    on_tokio(async move {
        let mut dice = Dice::new(9);
        for round in 0..rounds {
            let queue = run.queue::<u64>(1 + round % 3);
            let put = |queue: DynQueue<u64>| async move {
                let mut stored = 0;
                while queue.put_async(stored).await.is_ok() {
                    stored += 1;
                }
                stored
            };
            let get = |queue: DynQueue<u64>| async move {
                let mut taken = 0;
                while queue.get_async().await.is_ok() {
                    taken += 1;
                }
                taken
            };
            let putters = [tokio::spawn(put(queue.clone())), tokio::spawn(put(queue.clone()))];
            let getters = [tokio::spawn(get(queue.clone())), tokio::spawn(get(queue.clone()))];
            for _ in 0..dice.below(20) {
                tokio::task::yield_now().await;
            }
            queue.close();
            let (mut stored, mut taken) = (0, 0);
            for putter in putters {
                stored += putter.await.expect("a putting task");
            }
            for getter in getters {
                taken += getter.await.expect("a getting task");
            }
            assert_eq!(
                taken, stored,
                "round {round}: items seen before Closed, puts that were told Ok"
            );
        }
    });
}
