//! Clause 1: the order of items.

use std::sync::{Arc, Mutex, PoisonError};

use descriptor_core::{GetError, QueueExt};

use crate::run::settle;
use crate::{Actor, Flow, Run, Verb, join, spawn_many};

const THREAD: Actor = Actor::Thread(Verb::Wait);

pub(crate) fn one_producer_comes_out_in_order(run: &Run) {
    Flow::new(64, 100_000).put(1, THREAD).get(1, THREAD).check(run);
}

pub(crate) fn a_capacity_of_one_keeps_the_order(run: &Run) {
    Flow::new(1, 10_000).put(1, THREAD).get(1, THREAD).check(run);
}

pub(crate) fn many_producers_each_keep_their_order(run: &Run) {
    Flow::new(7, 50_000).put(4, THREAD).get(1, THREAD).check(run);
}

pub(crate) fn many_consumers_each_see_the_order(run: &Run) {
    Flow::new(7, 50_000).put(2, THREAD).get(3, THREAD).check(run);
}

pub(crate) fn every_way_of_putting_keeps_the_order(run: &Run) {
    Flow::new(5, 20_000)
        .put(1, Actor::Thread(Verb::Any))
        .put(1, Actor::Task(Verb::Any))
        .get(1, THREAD)
        .check(run);
}

pub(crate) fn every_way_of_getting_keeps_the_order(run: &Run) {
    Flow::new(5, 20_000)
        .put(2, THREAD)
        .get(1, Actor::Thread(Verb::Any))
        .check(run);
    Flow::new(5, 20_000)
        .put(2, THREAD)
        .get(1, Actor::Task(Verb::Any))
        .check(run);
}

/// Puts that do not overlap have one order, whoever makes them; a single consumer sees it.
pub(crate) fn puts_that_do_not_overlap_have_one_order(run: &Run) {
    let queue = run.queue::<u64>(16);
    let count = run.times(5_000) as u64;
    let turn = Arc::new(Mutex::new(0));
    let putters = spawn_many(3, {
        let queue = queue.clone();
        move |_| {
            loop {
                let mut next = turn.lock().unwrap_or_else(PoisonError::into_inner);
                if *next == count {
                    return;
                }
                if let Err(refusal) = queue.put(*next) {
                    panic!("put {}: {refusal:?}", *next);
                }
                settle(&*queue);
                *next += 1;
            }
        }
    });
    for expected in 0..count {
        assert_eq!(queue.get().ok(), Some(expected));
    }
    putters.into_iter().for_each(join);
}

/// Fill and drain by uneven amounts, so that every place of a ring is the first and the last one at some time.
pub(crate) fn many_laps_keep_the_order(run: &Run) {
    for capacity in run.capacities().filter(|capacity| *capacity <= 64) {
        let queue = run.queue::<u64>(capacity);
        let (mut put, mut got) = (0, 0);
        for lap in 0..run.times(300) {
            for _ in 0..=lap % capacity {
                if queue.try_put(put).is_ok() {
                    put += 1;
                }
            }
            settle(&*queue);
            for _ in 0..=(lap / 2) % capacity {
                match queue.try_get() {
                    Ok(item) => {
                        assert_eq!(item, got, "capacity {capacity}, lap {lap}");
                        got += 1;
                    }
                    Err(GetError::Empty) => assert_eq!(got, put, "capacity {capacity}: empty with items inside"),
                    Err(failure) => panic!("{failure:?}"),
                }
            }
        }
        let rest: Vec<u64> = queue.drain().collect();
        assert_eq!(rest, (got..put).collect::<Vec<_>>(), "capacity {capacity}: the rest");
    }
}
