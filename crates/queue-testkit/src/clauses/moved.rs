//! Clause 2 for items that only a queue inside one process can carry: dropped exactly once, whatever happens.

use std::panic::{AssertUnwindSafe, catch_unwind};

use descriptor_core::{DynQueue, PutError, QueueExt, Wait};

use crate::{Drops, Probe, Run, Tracked, join, spawn_many};

/// What has no name and no bytes.
pub(crate) type Job = Box<dyn FnOnce() -> usize + Send>;
/// A queue as an item.
pub(crate) type Nested = DynQueue<Tracked>;

fn holding(run: &Run, drops: &Drops, count: usize) -> DynQueue<Tracked> {
    let queue = run.queue::<Tracked>(8);
    for _ in 0..count {
        assert!(queue.put(drops.item()).is_ok());
    }
    queue
}

pub(crate) fn what_remains_is_dropped_once_with_the_queue(run: &Run) {
    // Start at every place of a ring, remain with every number of items.
    for skipped in 0..9 {
        for remaining in 0..=8 {
            let drops = Drops::new();
            let queue = run.queue::<Tracked>(8);
            for _ in 0..skipped {
                assert!(queue.put(drops.item()).is_ok());
                assert!(queue.get().is_ok());
            }
            for _ in 0..remaining {
                assert!(queue.put(drops.item()).is_ok());
            }
            assert_eq!(drops.total(), skipped);
            drop(queue);
            assert_eq!(drops.counts(), vec![1; skipped + remaining]);
        }
    }
}

pub(crate) fn what_remains_in_a_closed_queue_is_dropped_once(run: &Run) {
    let drops = Drops::new();
    let queue = holding(run, &drops, 5);
    queue.close();
    assert_eq!(drops.total(), 0, "close dropped items that are still to be drained");
    assert_eq!(queue.get().ok().map(|item| item.number()), Some(0));
    assert_eq!(drops.counts(), [1, 0, 0, 0, 0]);
    drop(queue);
    assert_eq!(drops.counts(), [1; 5]);
}

pub(crate) fn what_comes_back_or_out_is_not_dropped_by_the_queue(run: &Run) {
    let drops = Drops::new();
    let queue = holding(run, &drops, 8);
    let refused = queue.try_put(drops.item());
    assert_eq!(drops.total(), 0);
    assert!(matches!(&refused, Err(PutError::Full(item)) if item.number() == 8));
    let mut batch = [drops.item()].into();
    assert!(queue.put_batch(&mut batch, Wait::Never).is_err());
    let mut out = Vec::new();
    assert_eq!(queue.get_batch(&mut out, 8, Wait::Never).ok(), Some(8));
    drop(queue);
    assert_eq!(drops.total(), 0);
    drop((refused, batch, out));
    assert_eq!(drops.counts(), [1; 10]);
}

pub(crate) fn a_dropped_put_future_drops_its_item_once(run: &Run) {
    let drops = Drops::new();
    let queue = holding(run, &drops, 8);
    drop(queue.put_async(drops.item()));
    drop(Probe::pending(queue.put_async(drops.item())));
    assert_eq!(drops.counts()[8..], [1, 1]);
    let closed = Probe::pending(queue.put_async(drops.item()));
    queue.close();
    drop(closed.finish_when_woken());
    assert_eq!(drops.counts()[8..], [1, 1, 1]);
    drop(queue);
    assert_eq!(drops.counts(), [1; 11]);
}

pub(crate) fn rivals_drop_every_item_once(run: &Run) {
    let drops = Drops::new();
    let queue = run.queue::<Tracked>(3);
    let each = run.times(500);
    let putters = spawn_many(3, {
        let (queue, drops) = (queue.clone(), drops.clone());
        move |_| {
            for _ in 0..each {
                assert!(queue.put(drops.item()).is_ok());
            }
        }
    });
    let getters = spawn_many(2, {
        let queue = queue.clone();
        move |_| {
            for _ in 0..each {
                assert!(queue.get().is_ok());
            }
        }
    });
    let rest: Vec<_> = (0..each - 1).filter_map(|_| queue.get().ok()).collect();
    putters.into_iter().for_each(join);
    getters.into_iter().for_each(join);
    assert_eq!(drops.total(), 2 * each);
    drop(rest);
    drop(queue);
    assert_eq!(drops.counts(), vec![1; 3 * each]);
}

/// One item's drop panics: the others are still dropped, none of them twice.
pub(crate) fn a_panic_in_drop_harms_no_other_item(run: &Run) {
    for place in 0..5 {
        let drops = Drops::new();
        let queue = run.queue::<Tracked>(8);
        for number in 0..5 {
            let item = if number == place {
                drops.landmine()
            } else {
                drops.item()
            };
            assert!(queue.put(item).is_ok());
        }
        // The panic may come through or not.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(queue)));
        assert_eq!(drops.counts(), [1; 5], "item {place} panics in its drop");
    }
}

pub(crate) fn a_panic_in_drop_outside_leaves_it_usable(run: &Run) {
    let drops = Drops::new();
    let queue = run.queue::<Tracked>(2);
    for _ in 0..5 {
        assert!(queue.put(drops.landmine()).is_ok());
        assert!(catch_unwind(AssertUnwindSafe(|| drop(queue.get()))).is_err());
        assert!(queue.put(drops.item()).is_ok() && queue.put(drops.item()).is_ok());
        let refused = catch_unwind(AssertUnwindSafe(|| drop(queue.try_put(drops.landmine()))));
        assert!(refused.is_err());
        let pending = catch_unwind(AssertUnwindSafe(|| {
            drop(Probe::pending(queue.put_async(drops.landmine())))
        }));
        assert!(pending.is_err());
        assert_eq!(queue.drain().count(), 2);
    }
    assert!(drops.counts().into_iter().all(|count| count == 1));
}

/// A queue inside one process carries functions all the same.
pub(crate) fn items_that_cannot_be_serialized(run: &Run) {
    let queue = run.queue::<Job>(4);
    for number in 0..4 {
        let job: Job = Box::new(move || number * 10);
        assert!(queue.put(job).is_ok());
    }
    assert_eq!(queue.drain().map(|job| job()).collect::<Vec<_>>(), [0, 10, 20, 30]);
}

/// An item may hold the very queue it travels in.
pub(crate) fn an_item_may_hold_a_queue(run: &Run) {
    let queue = run.queue::<Nested>(2);
    let drops = Drops::new();
    assert!(queue.put(holding(run, &drops, 3)).is_ok());
    assert!(queue.put(holding(run, &drops, 2)).is_ok());
    assert_eq!(queue.get().ok().map(|inner| inner.drain().count()), Some(3));
    drop(queue);
    assert_eq!(drops.counts(), [1; 5]);
}
