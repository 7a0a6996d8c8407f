//! Jobs that get more or fewer instances while they run.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use descriptor_core::ErrorKind;
use queue_testkit::{until, watchdog};
use router::Packet;
use runtime::ops::IterSource;
use runtime::{
    Attempts, Checkpoints, Deployment, JobController, KeyedState, NodeKind, OpResult, Operator, Outcome, State,
    TaskContext,
};

use super::super::rollback::Gated;
use super::super::{MINUTE, Temp, gated};
use super::{FIRST, KEYS, Seen, expected, failing_job, job};
use crate::rig::{KINDS, Signal, assert_complete, flow, share, sorted};

#[test]
fn a_running_job_is_given_other_instances_and_nothing_is_lost_or_done_twice() {
    watchdog(4 * MINUTE, "rescale-live", || {
        let answer = expected();
        for kind in KINDS {
            let (temp, open) = (Temp::new("live"), Arc::new(AtomicBool::new(false)));
            let (job, results) = job(&format!("live-{kind}"), kind, FIRST, &open);
            // No other checkpoint than those that are asked for.
            let running = job
                .checkpoints(Checkpoints::in_folder(&temp.0).every(10 * MINUTE))
                .unwrap();
            let running = running.start().unwrap();
            let changes = [
                ("order", 2, 5),
                ("sums", 2, 1),
                ("pairs", 1, 4),
                ("fold", 3, 7),
                ("total", 3, 2),
                ("order", 5, 1),
                ("order", 1, 3),
            ];
            for (node, before, after) in changes {
                until(|| running.progress()[0].packets_out > 0);
                let diff = running.rescale(node, after).unwrap();
                assert_eq!((diff.before, diff.after, diff.key_groups.count()), (before, after, 128));
                let plan = running.controller().plan();
                let id = plan.graph().node_named(node).unwrap();
                assert_eq!(plan.instances_of(id).len(), after as usize);
            }
            open.store(true, Ordering::Relaxed);
            let report = running.wait();
            assert_complete(&report, Outcome::Finished);
            let made: Vec<_> = report
                .rescales
                .iter()
                .map(|it| (it.node.as_str(), it.before, it.after))
                .collect();
            assert_eq!(made, changes);
            let checkpoints: Vec<_> = report.rescales.iter().map(|it| it.checkpoint).collect();
            assert_eq!(checkpoints, (1..=7).map(Some).collect::<Vec<_>>());
            assert_eq!(
                (report.restarts, report.node("order").map(|it| it.parallelism)),
                (0, Some(3))
            );
            assert_eq!(results.take(), answer, "over {kind}");
        }
    });
}

const MANY: u64 = 40_000;

#[test]
fn who_does_not_commit_sees_each_packet_once_all_the_same() {
    watchdog(2 * MINUTE, "rescale-once", || {
        for kind in KINDS {
            let (temp, open) = (Temp::new("once"), Arc::new(AtomicBool::new(false)));
            let shown = Arc::new(Mutex::new(Vec::new()));
            let flow = flow(&format!("once-{kind}"), kind);
            let (show, gate) = (Arc::clone(&shown), Arc::clone(&open));
            let _ = flow
                .source("numbers", 2, move |at| Gated {
                    source: IterSource::new(share(at, MANY)),
                    steps: 0,
                    open: Arc::clone(&gate),
                })
                .key_by("by_rest", |n| n % KEYS)
                .parallelism(2)
                .process("order", NodeKind::Custom("order".into()), |_| Running::default())
                .for_each("show", move |seen: Seen| show.lock().unwrap().push(seen));
            let job = flow.build(Deployment::Threads).unwrap();
            let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
            for to in [2, 5, 1, 4, 3] {
                // While packets flow.
                until(|| running.progress()[0].packets_out > 0);
                running.rescale("order", to).unwrap();
            }
            open.store(true, Ordering::Relaxed);
            assert_complete(&running.wait(), Outcome::Finished);
            let shown = sorted(std::mem::take(&mut *shown.lock().unwrap()));
            let once = sorted((0..MANY).map(|n| (n % KEYS, n / KEYS + 1)));
            assert_eq!(shown, once, "over {kind}");
        }
    });
}

/// The key of each packet, and how many of it came before.
#[derive(Default)]
struct Running(KeyedState<u64>);

impl Operator<u64, Seen> for Running {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<Seen>) -> OpResult {
        let seen = self.0.get_or_insert_with(packet.key().ok_or("no key")?, || 0);
        *seen += 1;
        let seen = *seen;
        ctx.emit((packet.payload % KEYS, seen))
    }

    fn state(&mut self) -> State<'_> {
        State::by_key(&mut self.0)
    }
}

#[test]
fn a_change_that_cannot_be_is_refused_and_the_job_goes_on() {
    watchdog(2 * MINUTE, "rescale-refused", || {
        let (temp, open) = (Temp::new("refused"), Signal::default());
        let build = |name: &str| {
            let flow = flow(name, "local");
            let keyed = gated(&flow, "numbers", 50, 100, &open).key_by("by_rest", |n| n % 7);
            let _ = keyed
                .co_map(&keyed, "running", 0_u64, |sum, n| *sum + n, |sum, n| *sum + n)
                .collect("all");
            let _ = keyed
                .reduce("sum", |sum, n| sum + n)
                .parallelism(2)
                .forward()
                .map("beside", |n| n)
                .parallelism(2)
                .collect("sums");
            let sums = keyed.fold(
                "count",
                || 0_u64,
                |sum, _| *sum += 1,
                |key, sum| Ok((key.decode::<u64>()?, sum)),
            );
            let counts = sums.parallelism(2).collect("counts");
            (flow.build(Deployment::Threads).unwrap(), counts)
        };
        let without = build("without").0.start().unwrap();
        let error = without.rescale("sum", 3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        without.abort();
        drop(without.wait());

        let (job, counts) = build("refused");
        let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
        for (node, to, kind, part) in [
            ("sums_", 3, ErrorKind::NotFound, "one of numbers, by_rest"),
            ("numbers", 3, ErrorKind::InvalidGraph, "a source"),
            ("sums", 3, ErrorKind::InvalidGraph, "round_robin"),
            ("running", 3, ErrorKind::Unsupported, "a state by key"),
            ("sum", 3, ErrorKind::InvalidGraph, "partition forward"),
            ("count", 86, ErrorKind::InvalidGraph, "128 key groups"),
            ("count", 0, ErrorKind::InvalidGraph, "128 key groups"),
        ] {
            let error = running.rescale(node, to).unwrap_err();
            assert_eq!(error.kind(), kind, "{node}: {error}");
            assert!(error.to_string().contains(part), "{node}: {error}");
        }
        let controller = running.controller();
        assert!(controller.pause());
        assert_eq!(running.rescale("count", 3).unwrap_err().kind(), ErrorKind::Overloaded);
        assert!(controller.resume());
        assert_eq!(running.rescale("count", 3).unwrap().after, 3);
        open.raise();
        let report = running.wait();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(report.rescales.len(), 1);
        assert_eq!(
            sorted(counts.take()),
            (0..7).map(|rest| (rest, 14 + u64::from(rest < 2))).collect::<Vec<_>>()
        );
        assert_eq!(controller.rescale("count", 2).unwrap_err().kind(), ErrorKind::Cancelled);
    });
}

#[test]
fn a_drain_in_the_middle_of_a_change_is_a_drain() {
    watchdog(2 * MINUTE, "rescale-drained", || {
        let (temp, open) = (Temp::new("drained"), Arc::new(AtomicBool::new(false)));
        let middle = Arc::new(OnceLock::<JobController>::new());
        let flow = flow("drained", "local");
        let (gate, drains) = (Arc::clone(&open), Arc::clone(&middle));
        let counts = flow
            .source("numbers", 1, move |at| {
                // Nobody is there to be drained before the first attempt has begun.
                if let Some(job) = drains.get() {
                    job.drain(MINUTE);
                }
                Gated {
                    source: IterSource::new(share(at, MANY)),
                    steps: 4,
                    open: Arc::clone(&gate),
                }
            })
            .key_by("by_rest", |n| n % KEYS)
            .fold("count", || 0_u64, |sum, _| *sum += 1, |_, sum| Ok(sum))
            .parallelism(2)
            .collect("counts");
        let job = flow.build(Deployment::Threads).unwrap();
        let job = job
            .checkpoints(Checkpoints::in_folder(&temp.0).every(10 * MINUTE))
            .unwrap();
        let running = job.start().unwrap();
        until(|| running.progress()[0].packets_out > 0);
        assert!(middle.set(running.controller()).is_ok());
        assert_eq!(running.rescale("count", 3).unwrap().after, 3);
        let report = running.wait();
        assert_complete(&report, Outcome::Drained);
        // What came before the change flows out behind it.
        assert!(counts.take().into_iter().sum::<u64>() > 0, "{report:?}");
    });
}

#[test]
fn a_job_that_fails_and_changes_at_any_moment_gives_the_answer_of_one_that_does_not() {
    watchdog(4 * MINUTE, "rescale-chaos", || {
        let answer = expected();
        for (seed, kind) in (1_u64..).zip(KINDS) {
            let (temp, open) = (Temp::new("chaos"), Arc::new(AtomicBool::new(false)));
            let failing = Arc::new(AtomicU64::new(200 * seed));
            let (job, results) = failing_job(&format!("chaos-{seed}"), kind, FIRST, &open, &failing);
            let often = Attempts::within(1000, MINUTE).pauses(Duration::ZERO, Duration::ZERO);
            let running = job.checkpoints(temp.often().retries(often)).unwrap().start().unwrap();
            let mut made = 0;
            for round in 0..12_u32 {
                let (node, most) = [("order", 6), ("sums", 4), ("fold", 5), ("pairs", 3)][round as usize % 4];
                match running.rescale(node, 1 + (round + seed as u32) % most) {
                    Ok(_) => made += 1,
                    Err(error) => {
                        let kind = error.kind();
                        assert!(matches!(kind, ErrorKind::Cancelled | ErrorKind::Overloaded), "{error}");
                    }
                }
            }
            open.store(true, Ordering::Relaxed);
            let report = running.wait();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(report.rescales.len(), made);
            assert!(report.restarts > 0, "{report:?}");
            assert_eq!(results.take(), answer, "seed {seed} over {kind}");
        }
    });
}
