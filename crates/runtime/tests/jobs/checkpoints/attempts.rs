//! Jobs that fail, go back to their last checkpoint and on from there, by themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use descriptor_core::QueueExt;
use queue_testkit::{until, watchdog};
use runtime::ops::{Collected, IterSource};
use runtime::{Attempts, Checkpoints, Deployment, ErrorPolicy, Job, Outcome};

use super::{MINUTE, Table, Temp, complete_beyond, gated};
use crate::rig::{InProcess, KINDS, Signal, assert_complete, flow, queues_of, share, sorted};

const END: u64 = 20_000;

/// So many new starts, at once.
fn tries(most: u32) -> Attempts {
    Attempts::within(most, 10 * MINUTE).pauses(Duration::ZERO, Duration::ZERO)
}

/// Sums by key, with an operator that panics with every so manieth packet it sees, whatever attempt that is in.
fn sums(name: &str, kind: &str, bad: u64, most: u64, table: &Table<u64>) -> (Job<InProcess>, Collected<u64>) {
    let flow = flow(name, kind);
    let seen = Arc::new(AtomicU64::new(0));
    let sums = flow
        .source("numbers", 2, |at| IterSource::new(share(at, END)))
        .key_by("by_rest", |n| n % 7)
        .parallelism(2)
        .reduce("sum", |sum, n| sum + n)
        .parallelism(2)
        .inspect("shaky", move |_| {
            let seen = seen.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(
                !(seen.is_multiple_of(bad) && seen / bad <= most),
                "a bad moment, {}",
                seen / bad
            );
        });
    let _ = sums.sink("table", table.sink()).parallelism(2);
    let all = sums.collect("all");
    (flow.build(Deployment::Threads).unwrap(), all)
}

fn expected() -> Vec<u64> {
    let mut sums = [0; 7];
    sorted((0..END).map(|n| {
        let sum = &mut sums[(n % 7) as usize];
        *sum += n;
        *sum
    }))
}

#[test]
fn a_job_that_fails_goes_back_and_on_and_gives_the_answer_of_one_that_does_not() {
    watchdog(4 * MINUTE, "attempts-answer", || {
        for kind in KINDS {
            // The last sums of keys depend on the order of two sources; all of them together do not.
            let (temp, table) = (Temp::new("attempts"), Table::new());
            let (job, all) = sums(&format!("attempts-{kind}"), kind, 5000, 3, &table);
            let running = job
                .checkpoints(temp.often().retries(tries(3)))
                .unwrap()
                .start()
                .unwrap();
            let controller = running.controller();
            let report = running.wait();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(
                (report.restarts, controller.restarts(), report.attempts.len()),
                (3, 3, 3)
            );
            for (number, attempt) in (1..).zip(&report.attempts) {
                assert_eq!(attempt.failures[0].message, format!("a bad moment, {number}"));
                assert!(attempt.recovery_seconds > 0.0 && attempt.replayed <= END, "{attempt:?}");
            }
            assert!(controller.is_done() && report.failures.is_empty());
            let (rows, all) = (table.rows(), sorted(all.take()));
            assert_eq!((rows.len(), &rows), (END as usize, &all), "over {kind}");
            assert_eq!(rows.last(), expected().last());
            assert_eq!(queues_of(&report.job), [""; 0]);
        }
    });
}

#[test]
fn without_a_checkpoint_it_begins_again_and_repeats_nothing() {
    watchdog(MINUTE, "attempts-begin", || {
        for kind in KINDS {
            let (temp, table) = (Temp::new("begin"), Table::new());
            let (job, all) = sums(&format!("begin-{kind}"), kind, 5000, 2, &table);
            let never = Checkpoints::in_folder(&temp.0).every(100 * MINUTE).retries(tries(2));
            let report = job.checkpoints(never).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(report.restarts, 2);
            assert!(
                report
                    .attempts
                    .iter()
                    .all(|it| it.restored.is_none() && it.replayed > 0)
            );
            assert_eq!(report.checkpoints.unwrap().completed, 1, "the one at the end");
            assert_eq!((all.take().len(), table.rows().len()), (END as usize, END as usize));
        }
    });
}

#[test]
fn behind_the_limit_it_fails_with_what_happened_last() {
    watchdog(MINUTE, "attempts-limit", || {
        let (temp, table) = (Temp::new("limit"), Table::new());
        let (job, _) = sums("limit", "sage_queue", 100, u64::MAX, &table);
        let report = job.checkpoints(temp.often().retries(tries(2))).unwrap().run().unwrap();
        assert_eq!((report.outcome, report.restarts), (Outcome::Failed, 2));
        let messages = report.attempts.iter().flat_map(|it| &it.failures).map(|it| &it.message);
        assert!(messages.into_iter().all(|it| it.starts_with("a bad moment")));
        let error = report.clone().into_result().unwrap_err().to_string();
        assert!(error.contains("a bad moment"), "{error}");
        report.ledger.check().unwrap();
    });
}

#[test]
fn who_ends_the_job_gets_no_other_attempt() {
    watchdog(MINUTE, "attempts-ended", || {
        for drain in [false, true] {
            let (temp, open) = (Temp::new("ended"), Signal::default());
            let flow = flow("ended", "sage_queue");
            let failed =
                gated(&flow, "numbers", 50, 100, &open).inspect("shaky", |n| assert!(*n != 49, "a bad moment"));
            let all = failed.collect("all");
            let slow = Attempts::within(5, 10 * MINUTE).pauses(10 * MINUTE, 10 * MINUTE);
            let often = temp.often().retries(slow);
            let job = flow.build(Deployment::Threads).unwrap().checkpoints(often).unwrap();
            let running = job.start().unwrap();
            let controller = running.controller();
            // It rests before the next attempt, for longer than this test may take.
            until(|| controller.is_stopping());
            assert!(!controller.is_done());
            if drain {
                controller.drain(MINUTE);
            } else {
                controller.abort();
            }
            let report = running.wait();
            assert_eq!((report.outcome, report.restarts), (Outcome::Failed, 0));
            assert!(controller.is_done());
            drop(all);
        }
        // And one that runs.
        let (temp, open) = (Temp::new("aborted"), Signal::default());
        let flow = flow("aborted", "sage_queue");
        let _ = gated(&flow, "numbers", 50, 100, &open).for_each("all", |_| {});
        let job = flow.build(Deployment::Threads).unwrap();
        let running = job
            .checkpoints(temp.often().retries(tries(5)))
            .unwrap()
            .start()
            .unwrap();
        until(|| complete_beyond(&temp, 1));
        running.abort();
        let report = running.wait();
        assert_eq!((report.outcome, report.restarts), (Outcome::Aborted, 0));
    });
}

#[test]
fn a_pause_and_dead_letters_outlive_an_attempt() {
    watchdog(MINUTE, "attempts-outlive", || {
        let (temp, open, fails) = (Temp::new("outlive"), Signal::default(), Signal::default());
        let flow = flow("outlive", "local");
        let fail = fails.clone();
        let all = gated(&flow, "numbers", 50, 100, &open)
            .try_map("odd", |n| if n % 10 == 3 { Err("three") } else { Ok(n) })
            .on_error(ErrorPolicy::DeadLetter)
            .inspect("shaky", move |n| {
                if *n == 49 && fail.times() == 0 {
                    fail.raise();
                    panic!("a bad moment");
                }
            })
            .collect("all");
        let slow = Attempts::within(1, 10 * MINUTE).pauses(Duration::from_millis(300), Duration::from_millis(300));
        let often = Checkpoints::in_folder(&temp.0).every(100 * MINUTE).retries(slow);
        let job = flow.build(Deployment::Threads).unwrap().checkpoints(often).unwrap();
        let running = job.start().unwrap();
        let letters = running.dead_letters().unwrap().clone();
        let controller = running.controller();
        until(|| controller.is_stopping());
        // It may be the attempt that ends, the rest behind it, or, on a busy machine, the next one.
        until(|| controller.pause() || controller.restarts() == 1);
        let paused = controller.is_paused();
        open.raise();
        until(|| controller.restarts() == 1);
        if paused {
            assert!(controller.is_paused());
            assert!(all.is_empty());
            assert!(controller.resume());
        }
        let report = running.wait();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(report.restarts, 1);
        assert_eq!(all.take().len(), 90);
        // Five of the first attempt, all ten of the second.
        assert_eq!(letters.drain().count(), 15);
    });
}
