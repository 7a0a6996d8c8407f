//! Operators that work on several packets at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use descriptor_core::DropCause;
use queue_testkit::until;
use runtime::ops::{AggregateFn, FnSource, IterSource, WindowSpec};
use runtime::{
    AsyncOrder, Deployment, ErrorPolicy, NodeState, OnNodeFailure, Outcome, Restart, SourceStep, TaskContext,
};

use crate::futures::{Alive, Gate, elsewhere, turns};
use crate::rig::{assert_complete, assert_cut_off, flow, over_both, queues_of, share, sorted};

const LONG: Duration = Duration::from_secs(3600);
const ORDERS: [AsyncOrder; 2] = [AsyncOrder::Kept, AsyncOrder::AsTheyFinish];

#[test]
fn results_wait_for_those_before_them_where_order_is_kept() {
    over_both("ahead-kept", |job, kind| {
        let gate = Gate::default();
        let flow = flow(job, kind);
        let results = flow
            .source("numbers", 1, |_| IterSource::new(0..100_u64))
            .map_async("work", 4, AsyncOrder::Kept, move |n| {
                let gate = gate.clone();
                async move {
                    match n {
                        0 => gate.await,
                        3 => gate.open(),
                        n => turns(n % 5).await,
                    }
                    n
                }
            })
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(results.take(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn results_overtake_each_other_where_it_is_not() {
    over_both("ahead-finish", |job, kind| {
        let gate = Gate::default();
        let (wait, opened) = (gate.clone(), gate);
        let flow = flow(job, kind);
        let results = flow
            .source("numbers", 1, |_| IterSource::new(0..100_u64))
            .map_async("work", 2, AsyncOrder::AsTheyFinish, move |n| {
                let gate = wait.clone();
                async move {
                    if n == 0 {
                        gate.await;
                    }
                    n
                }
            })
            // The first one is let go when the last one has come through: nothing but a lost wake-up would stop it.
            .inspect("open", move |n| {
                if *n == 99 {
                    opened.open();
                }
            })
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(results.take(), (1..100).chain([0]).collect::<Vec<_>>());
    });
}

#[test]
fn no_more_are_under_way_than_the_bound_and_as_many_as_that() {
    over_both("ahead-bound", |job, kind| {
        for (bound, order) in [(1, ORDERS[0]), (8, ORDERS[0]), (8, ORDERS[1])] {
            let (alive, most, gate) = (
                Arc::new(AtomicUsize::new(0)),
                Arc::new(AtomicUsize::new(0)),
                Gate::default(),
            );
            let peak = Arc::clone(&most);
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 2, |at| IterSource::new(share(at, 500)))
                .map_async("work", bound, order, move |n| {
                    let (alive, now) = Alive::new(&alive);
                    most.fetch_max(now, Ordering::SeqCst);
                    if now == bound {
                        gate.open();
                    }
                    let gate = gate.clone();
                    async move {
                        gate.await;
                        turns(n % 4).await;
                        drop(alive);
                        n
                    }
                })
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(sorted(results.take()), (0..500).collect::<Vec<_>>());
            assert_eq!(peak.load(Ordering::SeqCst), bound);
        }
    });
}

#[test]
fn futures_are_woken_from_other_threads() {
    over_both("ahead-elsewhere", |job, kind| {
        for order in ORDERS {
            let elsewhere = elsewhere();
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 2, |at| IterSource::new(share(at, 2000)))
                .key_by("by_rest", |n| n % 10)
                .parallelism(2)
                .unkeyed()
                .map_async("work", 32, order, move |n| {
                    let gate = Gate::default();
                    elsewhere.send(gate.clone()).unwrap();
                    async move {
                        gate.await;
                        2 * n
                    }
                })
                .parallelism(2)
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(sorted(results.take()), (0..2000).map(|n| 2 * n).collect::<Vec<_>>());
        }
    });
}

#[test]
fn errors_are_for_the_policy_of_the_node() {
    over_both("ahead-errors", |job, kind| {
        for (policy, order) in [
            (ErrorPolicy::Skip, ORDERS[0]),
            (ErrorPolicy::Skip, ORDERS[1]),
            (ErrorPolicy::DeadLetter, ORDERS[0]),
            (ErrorPolicy::DeadLetter, ORDERS[1]),
        ] {
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 1, |_| IterSource::new(0..100_u64))
                .key_by("by_itself", |n| *n)
                .unkeyed()
                .try_map_async("picky", 8, order, |n| async move {
                    turns(n % 3).await;
                    if n % 10 == 3 { Err("a three") } else { Ok(n) }
                })
                .on_error(policy)
                .collect("results");
            let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
            let letters = handle.dead_letters().cloned();
            let report = handle.wait();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(report.node("picky").unwrap().skipped, 10);
            let edge = report.ledger.edge("by_itself -> picky").unwrap();
            let fine: Vec<u64> = (0..100).filter(|n| n % 10 != 3).collect();
            let results = results.take();
            match order {
                AsyncOrder::Kept => assert_eq!(results, fine),
                AsyncOrder::AsTheyFinish => assert_eq!(sorted(results), fine),
            }
            if policy == ErrorPolicy::Skip {
                assert_eq!(edge.dropped.get(&DropCause::Failed), Some(&10));
                continue;
            }
            assert_eq!(edge.dead_lettered, 10);
            let mut items = Vec::new();
            while let Ok(letter) = letters.as_ref().unwrap().get() {
                assert_eq!(
                    (letter.error.as_str(), letter.key.as_deref()),
                    ("a three", Some(letter.item.as_str()))
                );
                items.push(letter.item.parse::<u64>().unwrap());
            }
            assert_eq!(sorted(items), (0..10).map(|n| 10 * n + 3).collect::<Vec<_>>());
        }
    });
}

#[test]
fn an_error_or_a_panic_fails_the_job_and_every_packet_is_accounted_for() {
    over_both("ahead-panic", |job, kind| {
        for order in ORDERS {
            for (place, message, panicked) in [
                ("function", "in the function", true),
                ("future", "in the future", true),
                ("error", "an error", false),
            ] {
                let flow = flow(job, kind);
                let _ = flow
                    .source("numbers", 2, |at| IterSource::new(share(at, 1000)))
                    .try_map_async("brittle", 8, order, move |n| {
                        assert!(place != "function" || n != 500, "in the function");
                        async move {
                            turns(n % 3).await;
                            assert!(place != "future" || n != 500, "in the future");
                            if place == "error" && n == 500 {
                                Err("an error")
                            } else {
                                Ok(n)
                            }
                        }
                    })
                    .parallelism(2)
                    .collect("results");
                let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
                assert_cut_off(&report, Outcome::Failed);
                let failure = &report.failures[0];
                assert_eq!(
                    (failure.message.as_str(), failure.panicked),
                    (message, panicked),
                    "{report:?}"
                );
                assert_eq!(failure.node, "brittle");
                let edge = report.ledger.edge("numbers -> brittle").unwrap();
                assert_eq!(edge.dropped.get(&DropCause::Failed), Some(&1));
            }
        }
    });
}

#[test]
fn an_instance_is_started_again_and_the_others_in_flight_go_on() {
    over_both("ahead-restart", |job, kind| {
        for order in ORDERS {
            let begun = Arc::new(AtomicU64::new(0));
            let failures = Arc::new(AtomicU64::new(2));
            let count = Arc::clone(&begun);
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 1, |_| IterSource::new(0..200_u64).with_event_time(|n| *n, 0))
                .try_map_async("brittle", 8, order, move |n| {
                    count.fetch_add(1, Ordering::Relaxed);
                    let failures = Arc::clone(&failures);
                    async move {
                        turns(n % 3).await;
                        if n == 50 {
                            match failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)) {
                                Ok(2) => panic!("first a panic"),
                                Ok(_) => return Err("then an error"),
                                Err(_) => {}
                            }
                        }
                        Ok(n)
                    }
                })
                .restart(Restart::on_failure(2, LONG).pauses(Duration::ZERO, Duration::ZERO))
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let node = report.node("brittle").unwrap();
            assert_eq!((node.state, node.restarts), (NodeState::Finished, 2));
            let edge = report.ledger.edge("numbers -> brittle").unwrap();
            assert_eq!((edge.delivered, edge.redelivered), (200, 2));
            assert_eq!(
                begun.load(Ordering::Relaxed),
                202,
                "only the one that failed was begun again"
            );
            let results = results.take();
            let all: Vec<u64> = (0..200).collect();
            match order {
                AsyncOrder::Kept => assert_eq!(results, all),
                AsyncOrder::AsTheyFinish => assert_eq!(sorted(results), all),
            }
        }
    });
}

#[test]
fn an_instance_that_is_left_out_takes_what_comes_and_drops_it() {
    over_both("ahead-isolated", |job, kind| {
        let flow = flow(job, kind);
        let numbers = flow.source("numbers", 1, |_| IterSource::new(0..3000_u64));
        let all = numbers.collect("all");
        let some = numbers
            .map_async("brittle", 8, AsyncOrder::Kept, |n| async move {
                turns(n % 3).await;
                assert!(n != 40, "no further");
                n
            })
            .on_failure(OnNodeFailure::Isolate)
            .collect("some");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_eq!(report.outcome, Outcome::Degraded, "{report:?}");
        report.ledger.check().unwrap();
        assert_eq!((all.take().len(), some.take()), (3000, (0..40).collect()));
        let edge = report.ledger.edge("numbers -> brittle").unwrap();
        assert_eq!(
            (edge.delivered, edge.dropped.get(&DropCause::Failed)),
            (40, Some(&2960))
        );
    });
}

#[test]
fn event_time_stays_behind_what_came_before_it() {
    over_both("ahead-time", |job, kind| {
        for order in ORDERS {
            let flow = flow(job, kind);
            let windows = flow
                .source("numbers", 2, |at| {
                    IterSource::new(share(at, 2000)).with_event_time(|n| *n, 0)
                })
                .map_async("work", 16, order, |n| async move {
                    turns(n * 7 % 11).await;
                    n
                })
                .parallelism(2)
                .key_by("by_rest", |n| n % 3)
                .window(
                    "count",
                    WindowSpec::tumbling(100).unwrap(),
                    |n| *n,
                    AggregateFn::new(
                        |count: &mut u64, _: u64| *count += 1,
                        |into: &mut u64, from: &u64| *into += from,
                    ),
                    |end, _, count| Ok((end, count)),
                )
                .parallelism(2)
                .collect("windows");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let late: u64 = report.ledger.totals().dropped.values().sum();
            assert_eq!(late, 0, "{report:?}");
            let windows = windows.take();
            assert_eq!(windows.len(), 60);
            assert_eq!(windows.iter().map(|(_, count)| count).sum::<u64>(), 2000);
        }
    });
}

#[test]
fn a_drain_waits_for_what_is_in_flight_and_a_pause_lets_it_land() {
    over_both("ahead-drain", |job, kind| {
        for order in ORDERS {
            let elsewhere = elsewhere();
            let seen = Arc::new(AtomicU64::new(0));
            let count = Arc::clone(&seen);
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 1, |_| {
                    let mut next = 0;
                    FnSource::new(move |ctx: &mut TaskContext<u64>| {
                        next += 1;
                        ctx.emit(next - 1)?;
                        Ok(SourceStep::More)
                    })
                })
                .map_async("work", 8, order, move |n| {
                    let gate = Gate::default();
                    elsewhere.send(gate.clone()).unwrap();
                    let count = Arc::clone(&count);
                    async move {
                        gate.await;
                        count.fetch_add(1, Ordering::Relaxed);
                        n
                    }
                })
                .collect("results");
            let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
            let job = handle.controller();
            until(|| seen.load(Ordering::Relaxed) > 100);
            assert!(job.pause());
            until(|| job.progress().iter().all(|node| node.state == NodeState::Paused));
            let before = seen.load(Ordering::Relaxed);
            for _ in 0..10_000 {
                std::thread::yield_now();
            }
            assert_eq!(seen.load(Ordering::Relaxed), before);
            assert!(job.resume());
            until(|| seen.load(Ordering::Relaxed) > before + 100);
            handle.drain(LONG);
            let report = handle.wait();
            assert_complete(&report, Outcome::Drained);
            let sent = report.node("numbers").unwrap().packets_out;
            assert_eq!(sorted(results.take()), (0..sent).collect::<Vec<_>>());
        }
    });
}

#[test]
fn an_abort_drops_futures_that_would_never_end() {
    over_both("ahead-abort", |job, kind| {
        // Where there is room for more, the instance waits at its queue; where there is none, it does not.
        for (bound, order) in [(4, ORDERS[0]), (4, ORDERS[1]), (1000, ORDERS[0]), (1000, ORDERS[1])] {
            let alive = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&alive);
            let flow = flow(job, kind);
            let _ = flow
                .source("numbers", 1, |_| {
                    let mut left = 100_u64;
                    FnSource::new(move |ctx: &mut TaskContext<u64>| {
                        if left == 0 {
                            return Ok(SourceStep::Idle(LONG));
                        }
                        left -= 1;
                        ctx.emit(left)?;
                        Ok(SourceStep::More)
                    })
                })
                .map_async("work", bound, order, move |n| {
                    let (alive, _) = Alive::new(&count);
                    async move {
                        Gate::default().await;
                        drop(alive);
                        n
                    }
                })
                .collect("results");
            let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
            until(|| alive.load(Ordering::SeqCst) == bound.min(100));
            handle.abort();
            let report = handle.wait();
            assert_cut_off(&report, Outcome::Aborted);
            assert_eq!(alive.load(Ordering::SeqCst), 0);
            let edge = report.ledger.edge("numbers -> work").unwrap();
            assert!(
                edge.dropped.get(&DropCause::Aborted) >= Some(&(bound.min(100) as u64)),
                "{edge:?}"
            );
            assert_eq!(queues_of(job), [""; 0]);
        }
    });
}
