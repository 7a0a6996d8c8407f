//! Clause 3: the capacity.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use descriptor_core::ErrorKind;

use crate::run::settle;
use crate::{Run, join, spawn, spawn_many};

pub(crate) fn it_holds_exactly_its_capacity(run: &Run) {
    for capacity in run.capacities() {
        let queue = run.queue::<u64>(capacity);
        assert_eq!(queue.capacity(), Some(capacity));
        for lap in 0..3 {
            for number in 0..capacity {
                let put = queue.try_put(number as u64);
                assert!(
                    put.is_ok(),
                    "capacity {capacity}, lap {lap}: {put:?} with {number} items inside"
                );
            }
            settle(&*queue);
            let refused = queue.try_put(u64::MAX);
            assert!(
                matches!(&refused, Err(refusal) if refusal.is_full()),
                "capacity {capacity}, lap {lap}: {refused:?} with {capacity} items inside"
            );
            for number in 0..capacity {
                assert_eq!(queue.get().ok(), Some(number as u64), "capacity {capacity}, lap {lap}");
            }
            assert!(matches!(queue.try_get(), Err(failure) if failure.is_empty()));
        }
    }
}

pub(crate) fn one_get_makes_room_for_one_put(run: &Run) {
    for capacity in run.capacities() {
        let queue = run.queue::<u64>(capacity);
        for number in 0..capacity as u64 {
            assert!(queue.put(number).is_ok());
        }
        for number in 0..2 * capacity as u64 + 1 {
            assert_eq!(queue.get().ok(), Some(number));
            assert!(queue.put(number + capacity as u64).is_ok());
            settle(&*queue);
            assert!(
                matches!(queue.try_put(u64::MAX), Err(refusal) if refusal.is_full()),
                "capacity {capacity}: room for two after one get"
            );
        }
    }
}

pub(crate) fn the_largest_capacity_works(run: &Run) {
    let most = run.kind().max_capacity();
    let queue = run.queue::<u8>(most);
    assert_eq!(queue.capacity(), Some(most));
    for number in 0..100 {
        assert!(queue.put(number).is_ok());
    }
    for number in 0..100 {
        assert_eq!(queue.get().ok(), Some(number));
    }
}

pub(crate) fn a_capacity_beyond_the_largest_is_refused(run: &Run) {
    for capacity in [run.kind().max_capacity() + 1, usize::MAX] {
        match run.try_open::<u64>(Some(capacity)) {
            Ok(_) => panic!("a queue for {capacity} items was opened"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}"),
        }
    }
}

pub(crate) fn it_can_do_without_a_capacity(run: &Run) {
    let queue = run.open::<u64>(None);
    assert_eq!(queue.capacity(), None);
    assert!(
        !queue.caps().bounded,
        "a queue without a capacity says that it is bounded"
    );
    let count = run.times(20_000) as u64;
    for number in 0..count {
        let put = queue.try_put(number);
        assert!(put.is_ok(), "{put:?} with {number} items inside");
    }
    assert!(!queue.is_full());
    for number in 0..count {
        assert_eq!(queue.get().ok(), Some(number));
    }
}

pub(crate) fn a_missing_capacity_is_refused(run: &Run) {
    match run.try_open::<u64>(None) {
        Ok(_) => panic!("a queue without a capacity was opened"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidDescriptor, "{error}"),
    }
}

/// Rivals fill the queue and nobody takes: exactly the capacity goes in.
pub(crate) fn rivals_fill_it_exactly(run: &Run) {
    for capacity in run.capacities() {
        for _ in 0..run.times(10) {
            let queue = run.queue::<u64>(capacity);
            let putters = spawn_many(4, {
                let queue = queue.clone();
                move |_| (0..capacity + 1).filter(|_| queue.try_put(0).is_ok()).count()
            });
            let mut inside: usize = putters.into_iter().map(join).sum();
            assert!(inside <= capacity, "capacity {capacity}: {inside} items went in");
            settle(&*queue);
            // A rival may have been told Full while another's put was on its way; now nothing is.
            while queue.try_put(0).is_ok() {
                inside += 1;
                assert!(inside <= capacity, "capacity {capacity}: {inside} items went in");
            }
            assert_eq!(inside, capacity, "the queue says Full too early");
        }
    }
}

/// What was certainly put, less what may have been taken, never exceeds the capacity at any moment.
pub(crate) fn it_never_holds_more_in_motion(run: &Run) {
    for capacity in run.capacities().filter(|capacity| *capacity <= 7) {
        let queue = run.queue::<u64>(capacity);
        let (put, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let each = run.times(2_000);
        let putters = spawn_many(2, {
            let (queue, put) = (queue.clone(), Arc::clone(&put));
            move |_| {
                for _ in 0..each {
                    assert!(queue.put(0).is_ok());
                    put.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        let getter = spawn({
            let (queue, begun) = (queue.clone(), Arc::clone(&begun));
            move || {
                for _ in 0..2 * each {
                    begun.fetch_add(1, Ordering::SeqCst);
                    assert!(queue.get().is_ok());
                }
            }
        });
        while begun.load(Ordering::SeqCst) < 2 * each {
            // In this order: a get that took one of these items had begun when it is looked at.
            let put = put.load(Ordering::SeqCst);
            let begun = begun.load(Ordering::SeqCst);
            assert!(
                put <= begun + capacity,
                "capacity {capacity}: {put} puts done, {begun} gets begun"
            );
            std::thread::yield_now();
        }
        putters.into_iter().for_each(join);
        join(getter);
    }
}
