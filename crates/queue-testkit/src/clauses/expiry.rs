//! Clause 16: leases that run out.

use std::mem::forget;
use std::time::{Duration, Instant};

use descriptor_core::{DynQueue, Error, ErrorKind, GetError, QueueExt, Wait};

use super::lease::take;
use super::lending::storm;
use crate::{Loan, Probe, Run, join, linger, spawn, until};

const SHORT: Duration = Duration::from_millis(10);

fn lending(run: &Run, time: Duration, items: u64) -> DynQueue<u64> {
    let loan = Loan {
        time,
        ..Loan::default()
    };
    let queue = run.lending(8, loan).queue;
    for item in 1..=items {
        assert!(queue.put(item).is_ok());
    }
    queue
}

pub(crate) fn a_lease_that_runs_out_comes_back(run: &Run) {
    let queue = lending(run, SHORT, 1);
    let begun = Instant::now();
    let lost = take(&queue, 1);
    match queue.lease(Wait::Forever) {
        Ok(found) => {
            assert!(begun.elapsed() >= SHORT, "it came back before its time");
            assert_eq!((found.item(), found.deliveries()), (Some(&1), 2));
        }
        Err(end) => panic!("{end}"),
    }
    assert_eq!(lost.item(), Some(&1), "the item is not taken out of anybody's hands");
    assert!(
        queue
            .leases()
            .is_some_and(|leases| leases.expired > 0 && leases.redelivered > 0)
    );
}

/// Nothing of a younger item before it, and those that run out together come in their order.
pub(crate) fn it_comes_back_in_its_order(run: &Run) {
    let queue = lending(run, SHORT, 4);
    for _ in 0..3 {
        // On a slow day the first one is back before the last one is out.
        forget(queue.lease(Wait::Never));
    }
    until(|| queue.leases().is_some_and(|leases| leases.leased == 0));
    assert_eq!(queue.drain().collect::<Vec<_>>(), [1, 2, 3, 4]);
}

/// Those who sleep since before there was a lease, and have no limit, are woken as well.
pub(crate) fn it_wakes_who_slept_before_it_began(run: &Run) {
    for _ in 0..run.times(5) {
        let queue = lending(run, SHORT, 0);
        let mut task = Probe::pending(queue.get_async());
        assert!(queue.put(1).is_ok());
        // The wake-up was for the task; the lease is faster, where the item did not come with the wake-up.
        if let Ok(lease) = queue.lease(Wait::Never) {
            forget(lease);
        }
        if let std::task::Poll::Ready(item) = task.poll() {
            assert_eq!(item.ok(), Some(1), "it has run out already");
        } else {
            assert_eq!(task.finish_when_woken().ok(), Some(1));
        }
        let thread = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        linger();
        assert!(queue.put(2).is_ok());
        if let Ok(lease) = queue.lease(Wait::Never) {
            forget(lease);
        }
        assert_eq!(join(thread).ok(), Some(2));
    }
}

pub(crate) fn a_late_end_changes_nothing(run: &Run) {
    fn is_refused<R>(end: Result<R, Error>) {
        match end {
            Ok(_) => panic!("a lease that has run out was ended, extended or given back"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
                assert!(error.to_string().contains("expected"), "{error}");
            }
        }
    }
    let queue = lending(run, SHORT, 2);
    for late in 0..4 {
        let lease = take(&queue, 1);
        until(|| queue.leases().is_some_and(|leases| leases.leased == 0));
        // Somebody else has it now, for as long as it takes.
        let holder = take(&queue, 1);
        let kept = holder.extend(Duration::from_secs(3600));
        if kept.is_err() {
            // On a slow day this one has run out too; it is as late as the first.
            is_refused(kept);
            continue;
        }
        match late {
            0 => is_refused(lease.ack()),
            1 => is_refused(lease.nack(Duration::ZERO)),
            2 => is_refused(lease.extend(Duration::from_secs(3600))),
            _ => drop(lease),
        }
        assert_eq!(queue.depth(), Some(2));
        assert_eq!(queue.leases().map(|leases| leases.leased), Some(1));
        let next = queue.lease(Wait::Never);
        assert!(
            next.is_ok_and(|next| next.item() == Some(&2)),
            "item 1 is with two holders"
        );
        assert!(holder.nack(Duration::ZERO).is_ok());
    }
    assert_eq!(queue.drain().collect::<Vec<_>>(), [1, 2]);
}

pub(crate) fn an_extended_lease_lasts(run: &Run) {
    let queue = lending(run, Duration::from_millis(40), 1);
    let kept = (0..).find_map(|_| {
        let lease = queue.lease(Wait::Forever).ok()?;
        lease.extend(Duration::from_secs(3600)).is_ok().then_some(lease)
    });
    // A shorter extension takes nothing away.
    assert!(kept.as_ref().is_some_and(|lease| lease.extend(Duration::ZERO).is_ok()));
    // A lease that began later runs out, and the extended one has not.
    assert!(queue.put(2).is_ok());
    forget(take(&queue, 2));
    assert_eq!(queue.get().ok(), Some(2));
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert_eq!(kept.and_then(|lease| lease.ack().ok()), Some(1));
}

pub(crate) fn a_closed_queue_waits_for_it(run: &Run) {
    let queue = lending(run, SHORT, 1);
    forget(take(&queue, 1));
    queue.close();
    assert_eq!(queue.get().ok(), Some(1));
    assert!(matches!(queue.get(), Err(GetError::Closed)));
}

/// Holders who never let go, beside others: their items come back, and every item is done once.
pub(crate) fn forgotten_leases_lose_nothing(run: &Run) {
    let loan = Loan {
        time: Duration::from_millis(2),
        ..Loan::default()
    };
    storm(run, loan, run.times(100), true);
}
