//! Instances that fail and are started again, or left out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use descriptor_core::DropCause;
use queue_testkit::until;
use router::Packet;
use runtime::ops::{FnSource, IterSource};
use runtime::{
    Data, Deployment, ErrorPolicy, NodeKind, NodeState, OnNodeFailure, OpResult, Operator, Outcome, Restart,
    SourceStep, TaskContext,
};

use crate::rig::{Signal, assert_complete, assert_cut_off, flow, over_both, over_queues, queues_of, share, sorted};

const LONG: Duration = Duration::from_secs(3600);

fn at_once(most: u32) -> Restart {
    Restart::on_failure(most, LONG).pauses(Duration::ZERO, Duration::ZERO)
}

/// Passes on, and fails on one item as often as there are failures left, in turn by an error and by a panic.
struct Brittle {
    item: u64,
    failures: Arc<AtomicU64>,
    // What it was given since it was made.
    seen: u64,
    watermarks: Signal,
}

impl Brittle {
    fn new(item: u64, failures: &Arc<AtomicU64>) -> Self {
        Self {
            item,
            failures: Arc::clone(failures),
            seen: 0,
            watermarks: Signal::default(),
        }
    }
}

impl Operator<u64, u64> for Brittle {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        self.seen += 1;
        if packet.payload == self.item {
            let left = self
                .failures
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            match left {
                Ok(left) if left % 2 == 0 => return Err("brittle".into()),
                Ok(_) => panic!("brittle"),
                Err(_) => assert_ne!(self.seen, 0),
            }
        }
        ctx.emit(packet.payload)
    }

    fn watermark(&mut self, _time: u64, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.watermarks.raise();
        Ok(())
    }
}

#[test]
fn an_instance_that_fails_twice_goes_on_with_the_packet_it_failed_on() {
    over_both("restarted", |job, kind| {
        // An error is the business of the node's policy first; a panic never is.
        for (policy, times) in [(ErrorPolicy::Fail, 2), (ErrorPolicy::DeadLetter, 1)] {
            let failures = Arc::new(AtomicU64::new(times));
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 2, |at| IterSource::new(share(at, 1000)))
                .process("brittle", NodeKind::Map, move |_| Brittle::new(501, &failures))
                .parallelism(2)
                .on_error(policy)
                .restart(at_once(2))
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let node = report.node("brittle").unwrap();
            assert_eq!((node.state, node.restarts), (NodeState::Finished, times));
            let edge = report.ledger.edge("numbers -> brittle").unwrap();
            assert_eq!((edge.delivered, edge.redelivered, edge.dead_lettered), (1000, times, 0));
            assert_eq!(sorted(results.take()), (0..1000).collect::<Vec<_>>());
        }
    });
}

#[test]
fn the_end_behind_the_last_attempt_is_final() {
    over_both("limit", |job, kind| {
        let failures = Arc::new(AtomicU64::new(u64::MAX));
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..1000_u64))
            .process("brittle", NodeKind::Map, move |_| Brittle::new(7, &failures))
            .restart(at_once(3))
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_cut_off(&report, Outcome::Failed);
        let node = report.node("brittle").unwrap();
        assert_eq!((node.state, node.restarts), (NodeState::Failed, 3));
        let [failure] = &report.failures[..] else {
            panic!("{:?}", report.failures);
        };
        assert_eq!(failure.message, "brittle");
        assert!(!failure.isolated);
        let edge = report.ledger.edge("numbers -> brittle").unwrap();
        assert_eq!((edge.delivered, edge.redelivered), (7, 3));
        assert_eq!(edge.dropped.get(&DropCause::Failed), Some(&1));
    });
}

/// Fails while it is opened, as often as there are failures left.
struct Late {
    failures: Arc<AtomicU64>,
    closes: bool,
}

impl Late {
    fn fail(&self) -> OpResult {
        let left = self
            .failures
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match left {
            Ok(_) => Err("not yet".into()),
            Err(_) => Ok(()),
        }
    }
}

impl Operator<u64, u64> for Late {
    fn open(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        if self.closes { Ok(()) } else { self.fail() }
    }

    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        ctx.emit(packet.payload)
    }

    fn close(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        if self.closes { self.fail() } else { Ok(()) }
    }
}

#[test]
fn one_that_cannot_be_opened_or_closed_is_tried_again() {
    over_both("late", |job, kind| {
        for closes in [false, true] {
            let failures = Arc::new(AtomicU64::new(3));
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 1, |_| IterSource::new(0..100_u64))
                .process("late", NodeKind::Map, move |_| Late {
                    failures: Arc::clone(&failures),
                    closes,
                })
                .restart(at_once(3))
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(report.node("late").unwrap().restarts, 3);
            assert_eq!(report.ledger.totals().redelivered, 0);
            assert_eq!(results.take(), (0..100).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_new_operator_hears_how_far_event_time_has_come() {
    over_both("event-time-again", |job, kind| {
        let (failures, told) = (Arc::new(AtomicU64::new(1)), Signal::default());
        let heard = told.clone();
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| {
                let mut next = 0;
                FnSource::new(move |ctx: &mut TaskContext<u64>| {
                    ctx.emit(next)?;
                    if next == 0 {
                        ctx.watermark(1)?;
                    }
                    next += 1;
                    Ok(if next == 3 { SourceStep::Done } else { SourceStep::More })
                })
            })
            .process("brittle", NodeKind::Map, move |_| Brittle {
                watermarks: heard.clone(),
                ..Brittle::new(2, &failures)
            })
            .restart(at_once(1))
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(told.times(), 2);
    });
}

#[test]
fn a_source_that_failed_begins_anew_and_one_that_always_runs_does_so_at_its_end() {
    over_both("sources-again", |job, kind| {
        let made = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&made);
        let run = |always: bool| {
            let (made, flow) = (Arc::clone(&count), flow(job, kind));
            let restart = if always {
                Restart::always(2, LONG).pauses(Duration::ZERO, Duration::ZERO)
            } else {
                at_once(2)
            };
            let results = flow
                .source("numbers", 1, move |_| {
                    let life = made.fetch_add(1, Ordering::Relaxed);
                    let mut next = 0;
                    FnSource::new(move |ctx: &mut TaskContext<u64>| {
                        if life == 0 && next == 5 && !always {
                            return Err("interrupted".into());
                        }
                        ctx.emit(next)?;
                        next += 1;
                        Ok(if next == 10 { SourceStep::Done } else { SourceStep::More })
                    })
                })
                .restart(restart)
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            (report.node("numbers").unwrap().restarts, results.take())
        };
        let (restarts, results) = run(false);
        assert_eq!((restarts, results), (1, (0..5).chain(0..10).collect()));
        made.store(0, Ordering::Relaxed);
        let (restarts, results) = run(true);
        assert_eq!((restarts, results), (2, (0..10).chain(0..10).chain(0..10).collect()));
    });
}

#[test]
fn an_isolated_instance_is_missed_and_everything_else_comes_to_its_end() {
    over_both("isolated", |job, kind| {
        for restart in [Restart::Never, at_once(1)] {
            let failures = Arc::new(AtomicU64::new(u64::MAX));
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 2, |at| IterSource::new(share(at, 10_000)))
                .process("brittle", NodeKind::Map, move |_| Brittle::new(40, &failures))
                .parallelism(2)
                .buffer_size(2)
                .restart(restart)
                .on_failure(OnNodeFailure::Isolate)
                .map("map", |n| n)
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_eq!(report.outcome, Outcome::Degraded, "{report:?}");
            report.ledger.check().expect("every packet is accounted for");
            assert!(!report.is_complete() && report.stuck.is_empty() && report.left_behind.is_empty());
            let [failure] = &report.failures[..] else {
                panic!("{:?}", report.failures);
            };
            assert!(failure.isolated);
            assert_eq!(report.node("brittle").unwrap().state, NodeState::Isolated);
            assert_eq!(report.node("map").unwrap().state, NodeState::Finished);
            let edge = report.ledger.edge("numbers -> brittle").unwrap();
            let failed = edge.dropped.get(&DropCause::Failed).copied().unwrap_or_default();
            assert!(failed > 0 && edge.in_flight == 0, "{edge:?}");
            // The other instance has done all of its work.
            assert_eq!(results.len() as u64, 10_000 - failed);
            assert!(results.len() >= 5000);
            let error = report.into_result().unwrap_err().to_string();
            assert!(error.contains("brittle"), "{error}");
        }
    });
}

#[test]
fn an_isolated_sink_holds_nobody_up() {
    over_both("isolated-sink", |job, kind| {
        let flow = flow(job, kind);
        let numbers = flow.source("numbers", 1, |_| IterSource::new(0..5000_u64));
        let _ = numbers
            .for_each("sink", |n| assert!(n < 10, "enough"))
            .buffer_size(2)
            .on_failure(OnNodeFailure::Isolate);
        let results = numbers.collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_eq!(report.outcome, Outcome::Degraded, "{report:?}");
        report.ledger.check().expect("every packet is accounted for");
        assert_eq!(results.len(), 5000);
        let edge = report.ledger.edge("numbers -> sink").unwrap();
        assert_eq!(edge.dropped.get(&DropCause::Failed), Some(&4990));
    });
}

/// Waits until it is let go.
struct Gate<T> {
    entered: Signal,
    leave: Signal,
    item: std::marker::PhantomData<fn(T)>,
}

impl<T: Data> Operator<T, T> for Gate<T> {
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        self.entered.raise();
        self.leave.wait_for(1);
        ctx.emit(packet.payload)
    }
}

#[test]
fn the_states_of_a_job_are_there_to_see() {
    over_both("states", |job, kind| {
        let (entered, leave) = (Signal::default(), Signal::default());
        let (inside, open) = (entered.clone(), leave.clone());
        let failures = Arc::new(AtomicU64::new(1));
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..10_u64))
            .process("gate", NodeKind::Map, move |_| Gate {
                entered: inside.clone(),
                leave: open.clone(),
                item: std::marker::PhantomData,
            })
            .chain(false)
            .process("brittle", NodeKind::Map, move |_| Brittle::new(5, &failures))
            .restart(Restart::on_failure(1, LONG).pauses(LONG, LONG))
            .collect("results");
        let ready = flow.build(Deployment::Threads).unwrap().ready().unwrap();
        let job = ready.controller().clone();
        let states = || job.progress().into_iter().map(|node| node.state).collect::<Vec<_>>();
        assert_eq!(states(), [NodeState::QueuesReady; 4]);
        let handle = ready.begin();
        entered.wait_for(1);
        until(|| {
            states()
                == [
                    NodeState::Finished,
                    NodeState::Running,
                    NodeState::Running,
                    NodeState::Running,
                ]
        });
        leave.raise();
        until(|| states()[2] == NodeState::Restarting);
        assert!(!job.is_stopping());
        // A drain does not wait for the pause to be over.
        handle.drain(LONG);
        let report = handle.wait();
        assert_complete(&report, Outcome::Drained);
        assert_eq!(states(), [NodeState::Finished; 4]);
        assert_eq!(report.node("brittle").unwrap().restarts, 1);
    });
}

#[test]
fn an_abort_during_a_pause_before_a_new_start_is_an_abort() {
    over_both("abort-restart", |job, kind| {
        let failures = Arc::new(AtomicU64::new(u64::MAX));
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..1000_u64))
            .process("brittle", NodeKind::Map, move |_| Brittle::new(5, &failures))
            .restart(Restart::on_failure(1, LONG).pauses(LONG, LONG))
            .collect("results");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        until(|| handle.progress()[1].state == NodeState::Restarting);
        handle.abort();
        let report = handle.wait();
        assert_cut_off(&report, Outcome::Aborted);
        assert_eq!(report.node("brittle").unwrap().state, NodeState::Cancelled);
    });
}

#[test]
fn a_ready_job_that_is_not_begun_leaves_nothing() {
    over_queues("ready", |job, kind| {
        let opened = Signal::default();
        let build = || {
            let (flow, signal) = (flow(job, kind), opened.clone());
            let results = flow
                .source("numbers", 1, move |_| {
                    signal.raise();
                    IterSource::new(0..10_u64)
                })
                .chain(false)
                .collect("results");
            (flow.build(Deployment::Threads).unwrap(), results)
        };
        let ready = build().0.ready().unwrap();
        assert!(!queues_of(job).is_empty());
        let twice = build().0.ready().map(drop).unwrap_err();
        assert!(twice.to_string().contains(job), "{twice}");
        drop(ready);
        assert_eq!(queues_of(job), [""; 0]);
        let (again, results) = build();
        assert_complete(&again.ready().unwrap().begin().wait(), Outcome::Finished);
        assert_eq!((results.len(), opened.times()), (10, 2));
    });
}

#[test]
fn numbered_runs_of_one_job_share_nothing() {
    over_both("numbered", |job, kind| {
        let leave = Signal::default();
        let build = || {
            let (flow, open) = (flow(job, kind), leave.clone());
            let results = flow
                .source("numbers", 1, |_| IterSource::new(0..10_u64))
                .process("gate", NodeKind::Map, move |_| Gate {
                    entered: Signal::default(),
                    leave: open.clone(),
                    item: std::marker::PhantomData,
                })
                .chain(false)
                .collect("results");
            (flow.build(Deployment::Threads).unwrap().numbered().unwrap(), results)
        };
        let runs: Vec<_> = (0..3)
            .map(|_| {
                let (job, results) = build();
                (job.start().unwrap(), results)
            })
            .collect();
        leave.raise();
        for (handle, results) in runs {
            assert_complete(&handle.wait(), Outcome::Finished);
            assert_eq!(results.take(), (0..10).collect::<Vec<_>>());
        }
    });
}
