//! Clause 16: how leases end, and in which order items come back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use descriptor_core::{DynQueue, GetError, Lease, QueueExt, QueueStats, Wait};

use crate::run::settle;
use crate::{Dice, Loan, Run};

/// Leases without a time limit, any number of deliveries.
pub(super) fn lending(run: &Run, capacity: usize, items: u64) -> DynQueue<u64> {
    let queue = run.lending(capacity, Loan::default()).queue;
    for item in 1..=items {
        assert!(queue.put(item).is_ok());
    }
    queue
}

/// The next item on loan, which must be there.
pub(super) fn take(queue: &DynQueue<u64>, expected: u64) -> Lease<u64> {
    match queue.lease(Wait::Never) {
        Ok(lease) => {
            assert_eq!(lease.item(), Some(&expected), "the item whose turn it is");
            lease
        }
        Err(end) => panic!("{expected} is inside, and a lease says: {end}"),
    }
}

pub(crate) fn an_acknowledged_item_is_gone(run: &Run) {
    let queue = lending(run, 4, 2);
    assert_eq!(take(&queue, 1).ack().ok(), Some(1));
    assert_eq!(queue.depth(), Some(1));
    assert_eq!(take(&queue, 2).ack().ok(), Some(2));
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(matches!(queue.lease(Wait::Never), Err(GetError::Empty)));
    assert_eq!(queue.depth(), Some(0));
}

pub(crate) fn an_item_given_back_comes_first(run: &Run) {
    let queue = lending(run, 4, 3);
    assert!(take(&queue, 1).nack(Duration::ZERO).is_ok());
    assert_eq!(queue.get().ok(), Some(1), "what came back goes before younger items");
    assert!(take(&queue, 2).nack(Duration::ZERO).is_ok());
    assert!(queue.put(4).is_ok());
    assert_eq!(queue.drain().collect::<Vec<_>>(), [2, 3, 4]);
}

pub(crate) fn a_dropped_lease_gives_its_item_back(run: &Run) {
    let queue = lending(run, 4, 2);
    for _ in 0..3 {
        drop(take(&queue, 1));
    }
    assert_eq!(queue.drain().collect::<Vec<_>>(), [1, 2]);
}

pub(crate) fn a_panicking_holder_gives_its_item_back(run: &Run) {
    let queue = lending(run, 4, 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let lease = take(&queue, 1);
        std::panic::panic_any(lease.deliveries());
    }));
    assert!(panicked.is_err());
    let again = take(&queue, 1);
    assert_eq!(again.deliveries(), 2);
    assert!(again.ack().is_ok());
}

/// Whatever the order in which they come back, they come out in the order in which they went in.
pub(crate) fn items_come_back_in_their_order(run: &Run) {
    let mut dice = Dice::new(16);
    for _ in 0..run.times(200) {
        let queue = lending(run, 16, 8);
        let mut out: Vec<_> = (1..=6).map(|item| take(&queue, item)).collect();
        let mut back = Vec::new();
        for _ in 0..dice.below(7) {
            let lease = out.swap_remove(dice.below(out.len() as u64) as usize);
            back.extend(lease.item().copied());
            assert!(lease.nack(Duration::ZERO).is_ok());
        }
        back.sort_unstable();
        back.extend([7, 8]);
        assert_eq!(queue.drain().collect::<Vec<_>>(), back);
        let mut rest: Vec<_> = out.iter().filter_map(|lease| lease.item().copied()).collect();
        rest.sort_unstable();
        drop(out);
        assert_eq!(queue.drain().collect::<Vec<_>>(), rest);
    }
}

pub(crate) fn a_rest_is_waited_out(run: &Run) {
    let rest = Duration::from_millis(20);
    let queue = lending(run, 4, 2);
    let begun = Instant::now();
    assert!(take(&queue, 1).nack(rest).is_ok());
    let next = queue.try_get();
    // On a slow day the rest is over by now.
    assert!(
        begun.elapsed() >= rest || matches!(next, Ok(2)),
        "{next:?} before its rest was over"
    );
    if matches!(next, Ok(2)) {
        assert_eq!(queue.get().ok(), Some(1));
    }
    assert!(begun.elapsed() >= rest, "an item came back before its rest was over");
}

pub(crate) fn deliveries_are_counted(run: &Run) {
    let queue = lending(run, 4, 2);
    for delivery in 1..=5 {
        let lease = take(&queue, 1);
        assert_eq!(lease.deliveries(), delivery);
        if delivery % 2 == 0 {
            drop(lease);
        } else {
            assert!(lease.nack(Duration::ZERO).is_ok());
        }
    }
    let (first, second) = (take(&queue, 1), take(&queue, 2));
    assert_eq!((first.deliveries(), second.deliveries()), (6, 1));
}

pub(crate) fn tickets_are_never_used_twice(run: &Run) {
    let queue = lending(run, 4, 3);
    let mut tickets = Vec::new();
    for _ in 0..50 {
        let (first, second) = (take(&queue, 1), take(&queue, 2));
        tickets.extend([first.ticket(), second.ticket()]);
    }
    tickets.sort_unstable();
    tickets.dedup();
    assert_eq!(tickets.len(), 100);
}

pub(crate) fn a_batch_of_leases_is_the_loop_of_singles(run: &Run) {
    let queue = lending(run, 8, 5);
    let mut out = Vec::new();
    assert_eq!(queue.lease_batch(&mut out, 0, Wait::Forever).ok(), Some(0));
    assert_eq!(queue.lease_batch(&mut out, 3, Wait::Forever).ok(), Some(3));
    assert_eq!(queue.lease_batch(&mut out, 9, Wait::Forever).ok(), Some(2));
    let items: Vec<_> = out.iter().filter_map(|lease| lease.item().copied()).collect();
    assert_eq!(items, [1, 2, 3, 4, 5]);
    assert!(matches!(
        queue.lease_batch(&mut out, 1, Wait::Never),
        Err(GetError::Empty)
    ));
    assert_eq!(out.len(), 5);
    out.drain(1..).for_each(|lease| drop(lease.ack()));
    drop(out);
    assert_eq!(queue.drain().collect::<Vec<_>>(), [1]);
}

pub(crate) fn a_lease_waits_its_limit(run: &Run) {
    let queue = lending(run, 4, 1);
    let held = take(&queue, 1);
    let (begun, limit) = (Instant::now(), Duration::from_millis(10));
    assert!(matches!(queue.lease(limit.into()), Err(GetError::Empty)));
    assert!(begun.elapsed() >= limit);
    assert!(matches!(queue.get_timeout(limit), Err(GetError::Empty)));
    assert!(begun.elapsed() >= 2 * limit);
    assert!(held.ack().is_ok());
}

pub(crate) fn gets_and_leases_share_one_order(run: &Run) {
    let queue = lending(run, 64, 0);
    let (mut dice, mut put, mut next) = (Dice::new(17), 0, 1);
    for _ in 0..run.times(2_000) {
        match dice.below(5) {
            0 | 1 => put += u64::from(queue.try_put(put + 1).is_ok()),
            2 => match queue.lease(Wait::Never) {
                Ok(lease) => {
                    assert_eq!(lease.item(), Some(&next));
                    if dice.below(2) == 0 {
                        assert!(lease.ack().is_ok());
                        next += 1;
                    }
                }
                Err(_) => assert_eq!(next, put + 1),
            },
            3 => {
                let mut out = Vec::new();
                let _ = queue.get_batch(&mut out, dice.below(4) as usize, Wait::Never);
                for item in out {
                    assert_eq!(item, next);
                    next += 1;
                }
            }
            _ => match queue.try_get() {
                Ok(item) => {
                    assert_eq!(item, next);
                    next += 1;
                }
                Err(_) => assert_eq!(next, put + 1),
            },
        }
    }
}

/// What was put is inside, was handed out for good, or has come to a bad end; and the numbers say so.
pub(crate) fn totals_and_leases_agree(run: &Run) {
    let loan = Loan {
        max_deliveries: 3,
        dead_letters: 64,
        ..Loan::default()
    };
    let lending = run.lending(16, loan);
    let (queue, mut held, mut dice) = (lending.queue, Vec::new(), Dice::new(18));
    let mut redelivered = 0;
    for item in 0..run.times(1_000) as u64 {
        match dice.below(6) {
            0 | 1 => drop(queue.try_put(item)),
            2 | 3 => {
                if let Ok(lease) = queue.lease(Wait::Never) {
                    redelivered += u64::from(lease.deliveries() > 1);
                    held.push(lease);
                }
            }
            4 => drop(held.pop().map(Lease::ack)),
            _ => drop((!held.is_empty()).then(|| held.swap_remove(0))),
        }
        settle(&*queue);
        let stats = QueueStats::of(&*queue);
        let Some(leases) = stats.leases else {
            panic!("a queue with leases does not count them");
        };
        assert_eq!((leases.leased, leases.resting, leases.expired), (held.len(), 0, 0));
        assert_eq!(leases.redelivered, redelivered);
        if let (Some(put), Some(get), Some(depth)) = (stats.put_total, stats.get_total, stats.depth) {
            let bad_ends = leases.dead_lettered + leases.dropped;
            assert_eq!(put, get + depth as u64 + bad_ends, "{stats:?}");
        }
        // The oldest are put aside three deliveries later at most.
        let aside = lending
            .dead_letters
            .as_ref()
            .map_or(0, |dead| dead.drain().count() as u64);
        assert!(leases.dead_lettered >= aside);
    }
}
