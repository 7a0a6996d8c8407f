//! Clause 15: the depth.

use descriptor_core::{QueueExt, Wait};

use crate::run::settle;
use crate::{Dice, Run, join, spawn_many};

pub(crate) fn it_is_exact_at_rest(run: &Run) {
    let mut dice = Dice::new(15);
    for capacity in run.capacities().filter(|capacity| *capacity <= 64) {
        let queue = run.queue::<u64>(capacity);
        let mut inside = 0;
        for _ in 0..run.times(300) {
            let size = dice.below(capacity as u64 + 2) as usize;
            match dice.below(4) {
                0 => inside += usize::from(queue.try_put(0).is_ok()),
                1 => inside -= usize::from(queue.try_get().is_ok()),
                2 => inside += queue.put_batch(&mut vec![0; size].into(), Wait::Never).unwrap_or(0),
                _ => inside -= queue.get_batch(&mut Vec::new(), size, Wait::Never).unwrap_or(0),
            }
            settle(&*queue);
            assert_eq!(queue.depth(), Some(inside), "capacity {capacity}");
            assert_eq!(
                queue.is_empty(),
                inside == 0,
                "capacity {capacity}: is_empty with {inside} items"
            );
            assert_eq!(
                queue.is_full(),
                inside == capacity,
                "capacity {capacity}: is_full with {inside} items"
            );
        }
    }
}

pub(crate) fn it_is_exact_after_a_storm(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = run.queue::<u64>(7);
        let users = spawn_many(4, {
            let queue = queue.clone();
            move |number| {
                let mut dice = Dice::new(number as u64);
                let mut inside = 0_isize;
                for _ in 0..500 {
                    if dice.below(2) == 0 {
                        inside += isize::from(queue.try_put(0).is_ok());
                    } else {
                        inside -= isize::from(queue.try_get().is_ok());
                    }
                }
                inside
            }
        });
        let inside: isize = users.into_iter().map(join).sum();
        settle(&*queue);
        assert_eq!(queue.depth().map(|depth| depth as isize), Some(inside));
        assert_eq!(queue.drain().count() as isize, inside);
        assert_eq!(queue.depth(), Some(0));
    }
}

/// While others are at work the depth is a hint, but never an absurd one.
pub(crate) fn it_never_exceeds_the_capacity(run: &Run) {
    let queue = run.queue::<u64>(3);
    let each = run.times(3_000);
    let users = spawn_many(4, {
        let queue = queue.clone();
        move |number| {
            for _ in 0..each {
                let done = if number % 2 == 0 {
                    queue.put(0).is_ok()
                } else {
                    queue.get().is_ok()
                };
                assert!(done);
            }
        }
    });
    while !users.iter().all(std::thread::JoinHandle::is_finished) {
        let depth = queue.depth();
        assert!(
            depth.is_some_and(|depth| depth <= 3),
            "a queue for 3 items says that {depth:?} are inside"
        );
        std::thread::yield_now();
    }
    users.into_iter().for_each(join);
    assert_eq!(queue.depth(), Some(0));
}

pub(crate) fn a_closed_queue_still_counts(run: &Run) {
    let queue = run.queue::<u64>(3);
    assert!(queue.put(1).is_ok() && queue.put(2).is_ok());
    settle(&*queue);
    queue.close();
    assert_eq!(queue.depth(), Some(2));
    assert!(queue.put(3).is_err());
    assert_eq!(queue.depth(), Some(2), "a refused put was counted");
    assert_eq!(queue.get().ok(), Some(1));
    assert_eq!(queue.depth(), Some(1));
    assert_eq!(queue.iter().count(), 1);
    assert_eq!(queue.depth(), Some(0));
}

/// Where the queue keeps totals they count what was accepted and handed out, and nothing that was refused.
pub(crate) fn totals_agree_with_it(run: &Run) {
    let queue = run.queue::<u64>(2);
    let (mut put, mut get) = (0, 0);
    for step in 0..run.times(200) {
        if step % 3 == 0 {
            get += u64::from(queue.try_get().is_ok());
        } else {
            put += u64::from(queue.try_put(0).is_ok());
        }
        settle(&*queue);
        if let Some(totals) = queue.totals() {
            assert_eq!((totals.put, totals.get), (put, get), "totals after step {step}");
        }
        assert_eq!(queue.depth().map(|depth| depth as u64), Some(put - get));
    }
    queue.close();
    assert!(queue.put(0).is_err());
    if let Some(totals) = queue.totals() {
        assert_eq!((totals.put, totals.get), (put, get), "totals after a refused put");
    }
}
