//! Drain, abort, and what a job says about what it left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use descriptor_core::DropCause;
use queue_testkit::{join, spawn, until};
use router::Packet;
use runtime::ops::{FnSource, IterSource};
use runtime::{
    Data, Deployment, Instance, JobHandle, NodeKind, NodeState, OpResult, Operator, Outcome, SourceStep, TaskContext,
};

use crate::rig::{
    Signal, assert_complete, assert_cut_off, depth_of, flow, hold, over_both, over_queues, queues_of, sorted,
};

const LONG: Duration = Duration::from_secs(3600);

/// 0, 1, 2, ... without end.
fn endless() -> FnSource<impl FnMut(&mut TaskContext<u64>) -> OpResult<SourceStep> + Clone + Send> {
    let mut next = 0;
    FnSource::new(move |ctx: &mut TaskContext<u64>| {
        ctx.emit(next)?;
        next += 1;
        Ok(SourceStep::More)
    })
}

/// Keeps its first packet in hand until the job is given up, then passes on what it gets.
struct Held {
    holding: Signal,
}

impl<T: Data> Operator<T, T> for Held {
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        self.holding.raise();
        hold(ctx);
        ctx.emit(packet.payload)
    }
}

/// An endless source before a held operator whose queue holds four; returns when source and operator stand still.
fn stalled(job: &str, kind: &str) -> JobHandle {
    let holding = Signal::default();
    let at = holding.clone();
    let flow = flow(job, kind);
    let _ = flow
        .source("endless", 1, |_| endless())
        .process("held", NodeKind::Map, move |_| Held { holding: at.clone() })
        .buffer_size(4)
        .collect("results");
    let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
    holding.wait_for(1);
    until(|| depth_of(&format!("{job}/input_held_0")) == 4);
    handle
}

fn assert_four_left_behind(handle: JobHandle, job: &str) {
    let report = handle.wait();
    assert_cut_off(&report, Outcome::Aborted);
    let [left] = &report.left_behind[..] else {
        panic!("{:?}", report.left_behind);
    };
    assert_eq!(
        (left.queue_id.as_str(), left.packets),
        (format!("{job}/input_held_0").as_str(), 4)
    );
    let edge = report.ledger.edge("endless -> held").unwrap();
    assert_eq!(edge.in_flight, 4);
    assert_eq!(
        edge.accepted,
        4 + edge.delivered + edge.dropped.get(&DropCause::Aborted).unwrap_or(&0)
    );
    assert!(
        report.node("endless").unwrap().unsent > 0,
        "the source was blocked with packets in hand"
    );
    let error = report.into_result().unwrap_err().to_string();
    assert!(error.contains("4 packets left behind"), "{error}");
}

#[test]
fn a_drain_stops_the_sources_and_lets_everything_inside_flow_out() {
    over_both("drain", |job, kind| {
        let (emitted, seen) = (Arc::new(AtomicU64::new(0)), Signal::default());
        let (count, signal) = (Arc::clone(&emitted), seen.clone());
        let flow = flow(job, kind);
        let results = flow
            .source("endless", 2, move |_| {
                let count = Arc::clone(&count);
                FnSource::new(move |ctx: &mut TaskContext<u64>| {
                    ctx.emit(count.fetch_add(1, Ordering::Relaxed))?;
                    Ok(SourceStep::More)
                })
            })
            .inspect("look", move |_| signal.raise())
            .parallelism(3)
            .buffer_size(4)
            .collect("results");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        seen.wait_for(100);
        assert!(!handle.controller().is_done());
        handle.drain(LONG);
        let report = handle.wait();
        assert_complete(&report, Outcome::Drained);
        assert!(report.clone().into_result().is_ok());
        let emitted = emitted.load(Ordering::Relaxed);
        assert_eq!(sorted(results.take()), (0..emitted).collect::<Vec<_>>());
        assert_eq!(report.node("endless").unwrap().packets_out, emitted);
        assert_eq!(queues_of(job), [""; 0]);
    });
}

#[test]
fn a_storm_of_drains_is_one_drain() {
    over_both("drain-storm", |job, kind| {
        let seen = Signal::default();
        let signal = seen.clone();
        let flow = flow(job, kind);
        let results = flow
            .source("endless", 2, |_| endless())
            .inspect("look", move |_| signal.raise())
            .parallelism(3)
            .collect("results");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        seen.wait_for(10);
        let stormers: Vec<_> = (0..10)
            .map(|_| {
                let controller = handle.controller();
                spawn(move || (0..100).for_each(|_| controller.drain(LONG)))
            })
            .collect();
        stormers.into_iter().for_each(join);
        let report = handle.wait();
        assert_complete(&report, Outcome::Drained);
        assert_eq!(report.node("endless").unwrap().packets_out, results.len() as u64);
    });
}

#[test]
fn a_drain_wakes_an_idle_source_and_may_come_before_the_first_packet() {
    over_both("early-drain", |job, kind| {
        let flow = flow(job, kind);
        let idle = |_: &Instance| FnSource::new(|_: &mut TaskContext<u64>| Ok(SourceStep::Idle(LONG)));
        let results = flow
            .source("idle", 2, idle)
            .map("map", |n| n)
            .parallelism(2)
            .collect("results");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        handle.drain(LONG);
        assert_complete(&handle.wait(), Outcome::Drained);
        assert!(results.is_empty());
    });
}

#[test]
fn a_drain_past_its_deadline_is_an_abort_that_counts_what_it_leaves() {
    over_both("late-drain", |job, kind| {
        let handle = stalled(job, kind);
        handle.drain(Duration::ZERO);
        assert_four_left_behind(handle, job);
    });
}

#[test]
fn a_second_drain_shortens_the_first_while_somebody_waits() {
    over_both("second-drain", |job, kind| {
        let handle = stalled(job, kind);
        let controller = handle.controller();
        controller.drain(LONG);
        let waiter = spawn({
            let job = job.to_owned();
            move || assert_four_left_behind(handle, &job)
        });
        controller.drain(Duration::from_millis(1));
        controller.drain(LONG);
        join(waiter);
        assert!(controller.is_done());
        assert!(controller.progress().iter().any(|node| node.packets_in > 0));
    });
}

#[test]
fn an_abort_frees_producers_that_are_blocked_on_full_queues() {
    over_both("abort", |job, kind| {
        let handle = stalled(job, kind);
        handle.abort();
        handle.abort();
        handle.drain(LONG);
        assert_four_left_behind(handle, job);
    });
}

#[test]
fn a_full_buffer_holds_no_more_packets_than_it_may() {
    over_both("bound", |job, kind| {
        for (size, items) in [(31, 31), (32, 16), (100, 16), (1000, 16)] {
            let holding = Signal::default();
            let at = holding.clone();
            let flow = flow(job, kind);
            let _ = flow
                .source("endless", 1, |_| endless())
                .process("held", NodeKind::Map, move |_| Held { holding: at.clone() })
                .buffer_size(size)
                .collect("results");
            let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
            holding.wait_for(1);
            until(|| depth_of(&format!("{job}/input_held_0")) == items);
            handle.abort();
            let report = handle.wait();
            assert_cut_off(&report, Outcome::Aborted);
            let left = report.packets_left_behind();
            assert!((items as u64..=size as u64).contains(&left), "{left} packets of {size}");
        }
    });
}

#[test]
fn dropping_the_handle_aborts() {
    over_both("dropped", |job, kind| {
        let handle = stalled(job, kind);
        let controller = handle.controller();
        drop(handle);
        until(|| controller.is_done());
        // The threads hold the queues until they are gone.
        until(|| queues_of(job).is_empty());
    });
}

#[test]
fn orders_after_the_end_change_nothing() {
    over_both("after-the-end", |job, kind| {
        let flow = flow(job, kind);
        let results = flow
            .source("numbers", 1, |_| IterSource::new(0..10_u64))
            .collect("results");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        let controller = handle.controller();
        assert!(controller.wait_until(Instant::now() + LONG));
        controller.drain(Duration::ZERO);
        controller.abort();
        let report = handle.wait();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(results.len(), 10);
        controller.abort();
        controller.drain(LONG);
    });
}

#[test]
fn an_operator_that_does_not_return_is_named_and_left_alone() {
    over_queues("stuck", |job, kind| {
        let (inside, release, gone) = (Signal::default(), Signal::default(), Signal::default());
        let (entered, latch, last) = (inside.clone(), release.clone(), gone.clone());
        let build = || {
            let flow = flow(job, kind);
            let (entered, latch, last) = (entered.clone(), latch.clone(), last.clone());
            let _ = flow
                .source("numbers", 1, |_| IterSource::new(0..10_u64))
                .for_each("stuck", move |_| {
                    entered.raise();
                    latch.wait_for(1);
                    last.raise();
                });
            flow.build(Deployment::Threads).unwrap()
        };
        let handle = build().start().unwrap();
        inside.wait_for(1);
        // A drain comes to the same when its time is up.
        if kind == "local" {
            handle.drain(Duration::from_millis(10));
        } else {
            handle.abort();
        }
        let report = handle.wait();
        assert_eq!(report.outcome, Outcome::Aborted);
        assert_eq!(report.stuck, ["stuck_0"]);
        let states: Vec<_> = report.nodes.iter().map(|node| node.state).collect();
        assert_eq!(states, [NodeState::Finished, NodeState::Stuck]);
        assert!(!report.is_complete());
        let refused = build().start().map(drop).unwrap_err();
        assert!(
            refused.to_string().contains(job),
            "its thread still has the queues: {refused}"
        );
        release.raise();
        gone.wait_for(1);
        until(|| queues_of(job).is_empty());
        until(|| {
            build()
                .start()
                .is_ok_and(|again| again.wait().outcome == Outcome::Finished)
        });
    });
}
