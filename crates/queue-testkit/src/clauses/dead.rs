//! Clause 16: items that are delivered too often.

use std::time::Duration;

use descriptor_core::{DynQueue, GetError, QueueExt, Wait};

use super::lease::take;
use crate::{Lending, Loan, Probe, Run, join, linger, spawn, until};

const TWICE: Loan = Loan {
    time: Duration::ZERO,
    max_deliveries: 2,
    dead_letters: 8,
};

/// A queue with these items, and its dead letters.
fn lending(run: &Run, loan: Loan, items: u64) -> (DynQueue<u64>, DynQueue<u64>) {
    let Lending { queue, dead_letters } = run.lending(4, loan);
    for item in 1..=items {
        assert!(queue.put(item).is_ok());
    }
    let Some(dead_letters) = dead_letters else {
        panic!("no queue for dead letters, although one was asked for");
    };
    (queue, dead_letters)
}

pub(crate) fn it_goes_to_the_dead_letters(run: &Run) {
    let (queue, dead) = lending(run, TWICE, 3);
    drop(take(&queue, 1));
    assert!(dead.try_get().is_err(), "put aside after the first of two deliveries");
    drop(take(&queue, 1));
    assert_eq!(dead.try_get().ok(), Some(1));
    assert!(take(&queue, 2).nack(Duration::ZERO).is_ok());
    // Even when it was asked to rest: nobody shall see it again.
    assert!(take(&queue, 2).nack(Duration::from_secs(3600)).is_ok());
    assert_eq!(dead.try_get().ok(), Some(2));
    drop(take(&queue, 3));
    assert_eq!(
        take(&queue, 3).ack().ok(),
        Some(3),
        "the last delivery counts as well as any"
    );
    assert_eq!((queue.depth(), dead.depth()), (Some(0), Some(0)));
    assert_eq!(
        queue.leases().map(|leases| (leases.dead_lettered, leases.dropped)),
        Some((2, 0))
    );
}

/// Nobody waits on the queue: those who read dead letters are woken all the same.
pub(crate) fn it_goes_there_when_its_lease_runs_out(run: &Run) {
    let loan = Loan {
        time: Duration::from_millis(10),
        max_deliveries: 1,
        ..TWICE
    };
    let (queue, dead) = lending(run, loan, 2);
    let reader = spawn({
        let dead = dead.clone();
        move || dead.get()
    });
    let task = dead.clone();
    let pending = Probe::pending(task.get_async());
    let (first, second) = (take(&queue, 1), take(&queue, 2));
    let mut letters = [join(reader).ok(), pending.finish_when_woken().ok()];
    letters.sort_unstable();
    assert_eq!(letters, [Some(1), Some(2)]);
    assert!(first.ack().is_err() && second.ack().is_err());
    // It is counted once it is there.
    until(|| {
        let leases = queue.leases();
        leases.is_some_and(|leases| (leases.expired, leases.dead_lettered, leases.leased) == (2, 2, 0))
    });
}

pub(crate) fn without_dead_letters_it_is_counted(run: &Run) {
    let loan = Loan {
        max_deliveries: 1,
        ..Loan::default()
    };
    let queue = run.lending(1, loan).queue;
    assert!(queue.put(1).is_ok());
    let putter = spawn({
        let queue = queue.clone();
        move || queue.put(2)
    });
    let lease = take(&queue, 1);
    linger();
    drop(lease);
    assert!(join(putter).is_ok(), "a dropped item made no room");
    assert_eq!(
        queue.leases().map(|leases| (leases.dropped, leases.dead_lettered)),
        Some((1, 0))
    );
    assert_eq!(queue.get().ok(), Some(2));
}

pub(crate) fn a_full_queue_of_dead_letters_loses_nothing(run: &Run) {
    let loan = Loan {
        max_deliveries: 1,
        dead_letters: 1,
        ..Loan::default()
    };
    let (queue, dead) = lending(run, loan, 2);
    drop(take(&queue, 1));
    drop(take(&queue, 2));
    let again = take(&queue, 2);
    assert_eq!(
        again.deliveries(),
        2,
        "there was no room for it, so it is delivered again"
    );
    assert_eq!(queue.leases().map(|leases| leases.refused), Some(1));
    assert_eq!(dead.try_get().ok(), Some(1));
    drop(again);
    assert_eq!(dead.try_get().ok(), Some(2));
    dead.close();
    assert!(queue.put(3).is_ok());
    drop(take(&queue, 3));
    assert_eq!(
        queue.get().ok(),
        Some(3),
        "nor is it lost when nobody takes dead letters any more"
    );
}

/// Getters of a closed queue wait for an item that then never comes back.
pub(crate) fn the_last_one_ends_a_closed_queue(run: &Run) {
    for time in [Duration::ZERO, Duration::from_millis(5)] {
        let loan = Loan {
            time,
            max_deliveries: 1,
            ..TWICE
        };
        let (queue, dead) = lending(run, loan, 1);
        let lease = take(&queue, 1);
        queue.close();
        let getters = [(); 2].map(|()| {
            let queue = queue.clone();
            spawn(move || queue.get())
        });
        let task = queue.clone();
        let pending = Probe::new(task.lease_async());
        linger();
        if time.is_zero() {
            drop(lease);
        } else {
            std::mem::forget(lease);
        }
        for getter in getters {
            assert!(matches!(join(getter), Err(GetError::Closed)));
        }
        assert!(matches!(pending.finish(), Err(GetError::Closed)));
        assert!(matches!(queue.lease(Wait::Forever), Err(GetError::Closed)));
        assert_eq!(dead.get().ok(), Some(1));
    }
}
