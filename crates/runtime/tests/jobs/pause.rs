//! A job that stands still and goes on.

use std::time::Duration;

use queue_testkit::until;
use runtime::ops::FnSource;
use runtime::{Data, Deployment, JobController, JobHandle, NodeState, Outcome, SourceStep, TaskContext};

use crate::rig::{Signal, assert_complete, assert_cut_off, flow, over_both, sorted};

const LONG: Duration = Duration::from_secs(3600);

fn emit_all<T: Data>(ctx: &mut TaskContext<T>, items: impl IntoIterator<Item = T>) -> runtime::OpResult {
    items.into_iter().try_for_each(|item| ctx.emit(item))
}

/// An endless job of two sources and a slow, narrow end, and the numbers that came out of it.
fn endless(job: &str, kind: &str) -> (JobHandle, runtime::ops::Collected<u64>, Signal) {
    let seen = Signal::default();
    let signal = seen.clone();
    let flow = flow(job, kind);
    let results = flow
        .source("numbers", 2, |at| {
            let (step, mut next) = (u64::from(at.parallelism), u64::from(at.index));
            FnSource::new(move |ctx: &mut TaskContext<u64>| {
                emit_all(ctx, (0..7).map(|n| next + n * step))?;
                next += 7 * step;
                Ok(SourceStep::More)
            })
        })
        .inspect("look", move |_| signal.raise())
        .parallelism(3)
        .buffer_size(40)
        .map("map", |n| n)
        .buffer_size(2)
        .collect("results");
    (flow.build(Deployment::Threads).unwrap().start().unwrap(), results, seen)
}

fn stands_still(job: &JobController) -> bool {
    job.progress().iter().all(|node| node.state == NodeState::Paused)
}

fn counts(job: &JobController) -> Vec<(u64, u64)> {
    let nodes = job.progress().into_iter();
    nodes.map(|node| (node.packets_in, node.packets_out)).collect()
}

#[test]
fn a_paused_job_stands_still_and_goes_on_with_nothing_lost() {
    over_both("pause", |job, kind| {
        let (handle, results, seen) = endless(job, kind);
        let job = handle.controller();
        for round in 1..=3 {
            seen.wait_for(round * 500);
            assert!(job.pause());
            assert!(!job.pause() && job.is_paused());
            until(|| stands_still(&job));
            let (before, heard, had) = (counts(&job), seen.times(), results.len());
            for _ in 0..10_000 {
                std::thread::yield_now();
            }
            assert!(stands_still(&job) && !job.is_done());
            assert_eq!((counts(&job), seen.times(), results.len()), (before, heard, had));
            assert!(job.resume());
            assert!(!job.resume() && !job.is_paused());
            seen.wait_for(heard + 100);
        }
        handle.drain(LONG);
        let report = handle.wait();
        assert_complete(&report, Outcome::Drained);
        let sent = report.node("numbers").unwrap().packets_out;
        let results = sorted(results.take());
        assert_eq!(results.len() as u64, sent);
        for part in 0..2 {
            let mine: Vec<_> = results.iter().filter(|n| *n % 2 == part).copied().collect();
            assert_eq!(mine, (0..mine.len() as u64).map(|n| n * 2 + part).collect::<Vec<_>>());
        }
        assert!(!job.pause(), "there is nothing left to pause");
    });
}

#[test]
fn a_drain_ends_a_pause() {
    over_both("pause-drain", |job, kind| {
        let (handle, _, seen) = endless(job, kind);
        seen.wait_for(100);
        let controller = handle.controller();
        assert!(controller.pause());
        until(|| stands_still(&controller));
        handle.drain(LONG);
        assert!(!controller.resume() && !controller.is_paused());
        assert_complete(&handle.wait(), Outcome::Drained);
    });
}

#[test]
fn an_abort_ends_a_pause() {
    over_both("pause-abort", |job, kind| {
        let (handle, _, seen) = endless(job, kind);
        seen.wait_for(100);
        let controller = handle.controller();
        assert!(controller.pause());
        until(|| stands_still(&controller));
        handle.abort();
        let report = handle.wait();
        assert_cut_off(&report, Outcome::Aborted);
        assert!(report.nodes.iter().all(|node| node.state == NodeState::Cancelled));
    });
}
