//! Code of the user that fails, wherever it runs: a report, never a hang, and closed books.

use std::sync::Arc;

use descriptor_core::{Backends, DropCause};
use queue_testkit::until;
use router::{Envelope, Packet};
use runtime::ops::{FnSource, IterSource, TryMap};
use runtime::{Deployment, ErrorPolicy, NodeKind, OpResult, Operator, Outcome, Source, SourceStep, TaskContext};

use crate::rig::{
    InProcess, Signal, assert_complete, assert_cut_off, flow, over_both, over_queues, queues_of, share, sorted,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    Open,
    Item(u64),
    Close,
    Drop,
}

/// Passes on, and fails at one moment.
struct Trap {
    moment: Moment,
    panics: bool,
    // The instance that is made but not sprung.
    armed: bool,
}

impl Trap {
    fn reach(&self, moment: Moment) -> OpResult {
        if !self.armed || moment != self.moment {
            return Ok(());
        }
        assert!(!self.panics, "sprung at {moment:?}");
        Err(format!("sprung at {moment:?}").into())
    }
}

impl Operator<u64, u64> for Trap {
    fn open(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.reach(Moment::Open)
    }

    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        self.reach(Moment::Item(packet.payload))?;
        ctx.emit(packet.payload)
    }

    fn close(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.reach(Moment::Close)
    }
}

impl Source<u64> for Trap {
    fn open(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.reach(Moment::Open)
    }

    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        for item in 0..500 {
            self.reach(Moment::Item(item))?;
            ctx.emit(item)?;
        }
        Ok(SourceStep::Done)
    }

    fn close(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.reach(Moment::Close)
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        if self.moment == Moment::Drop {
            let _ = self.reach(Moment::Drop);
        }
    }
}

const MOMENTS: [(Moment, bool); 7] = [
    (Moment::Open, false),
    (Moment::Open, true),
    (Moment::Item(13), false),
    (Moment::Item(13), true),
    (Moment::Close, false),
    (Moment::Close, true),
    (Moment::Drop, true),
];

#[test]
fn a_failing_operator_ends_the_job_with_a_report() {
    over_both("trap", |job, kind| {
        for (moment, panics) in MOMENTS {
            let flow = flow(job, kind);
            let _ = flow
                .source("numbers", 1, |_| IterSource::new(0..1000_u64))
                .process("trap", NodeKind::Map, move |at| Trap {
                    moment,
                    panics,
                    armed: at.index == 1,
                })
                .parallelism(2)
                .buffer_size(2)
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_cut_off(&report, Outcome::Failed);
            let [failure] = &report.failures[..] else {
                panic!("{:?}", report.failures);
            };
            assert_eq!((failure.node.as_str(), failure.instance.as_str()), ("trap", "trap_1"));
            assert_eq!(
                (failure.message.clone(), failure.panicked),
                (format!("sprung at {moment:?}"), panics)
            );
            let edge = report.ledger.edge("numbers -> trap").unwrap();
            let failed = edge.dropped.get(&DropCause::Failed).copied().unwrap_or_default();
            assert_eq!(failed, u64::from(matches!(moment, Moment::Item(_))), "{edge}");
            let error = report.into_result().unwrap_err().to_string();
            assert!(error.contains("trap_1"), "{error}");
        }
    });
}

#[test]
fn a_failing_source_ends_the_job_with_a_report() {
    over_both("trap-source", |job, kind| {
        for (moment, panics) in MOMENTS {
            let flow = flow(job, kind);
            let trap = flow.source("trap", 2, move |at| Trap {
                moment,
                panics,
                armed: at.index == 0,
            });
            let _ = trap.map("map", |n: u64| n).buffer_size(2).collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_cut_off(&report, Outcome::Failed);
            let [failure] = &report.failures[..] else {
                panic!("{:?}", report.failures);
            };
            assert_eq!((failure.instance.as_str(), failure.panicked), ("trap_0", panics));
            assert_eq!(failure.message, format!("sprung at {moment:?}"));
        }
    });
}

#[test]
fn a_failing_sink_frees_everybody_who_waits_for_it() {
    over_both("trap-sink", |job, kind| {
        let flow = flow(job, kind);
        let endless = |_: &_| {
            FnSource::new(|ctx: &mut TaskContext<u64>| {
                ctx.emit(7)?;
                Ok(SourceStep::More)
            })
        };
        let mut seen = 0;
        let _ = flow
            .source("endless", 2, endless)
            .map("map", |n| n)
            .parallelism(2)
            .buffer_size(1)
            .for_each("sink", move |_| {
                seen += 1;
                assert!(seen < 50, "enough");
            })
            .buffer_size(1);
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_cut_off(&report, Outcome::Failed);
        assert_eq!(
            (report.failures[0].node.as_str(), report.failures[0].message.as_str()),
            ("sink", "enough")
        );
        assert!(report.failures[0].panicked);
        assert_eq!(report.failures[0].to_string(), "`sink_0` panicked: enough");
    });
}

#[test]
fn a_panic_while_operators_are_made_starts_nothing() {
    over_both("trap-maker", |job, kind| {
        let (opened, alive) = (Signal::default(), Arc::new(()));
        let (signal, kept) = (opened.clone(), Arc::clone(&alive));
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 2, move |_| {
                let (signal, kept) = (signal.clone(), Arc::clone(&kept));
                FnSource::new(move |_: &mut TaskContext<u64>| {
                    signal.raise();
                    assert_eq!(*kept, ());
                    Ok(SourceStep::Done)
                })
            })
            .process("trap", NodeKind::Map, |at| {
                assert!(at.index != 1, "cannot be made");
                TryMap::new(OpResult::<u64>::Ok)
            })
            .parallelism(2)
            .collect("results");
        let error = flow
            .build(Deployment::Threads)
            .unwrap()
            .start()
            .map(drop)
            .unwrap_err()
            .to_string();
        assert!(error.contains("trap_1") && error.contains("cannot be made"), "{error}");
        assert_eq!(opened.times(), 0);
        assert_eq!(Arc::strong_count(&alive), 1, "what was made is gone");
        assert_eq!(queues_of(job), [""; 0]);
    });
}

#[test]
fn skipped_packets_are_counted_and_the_others_arrive() {
    over_both("skip", |job, kind| {
        let flow = flow(job, kind);
        let results = flow
            .source("numbers", 2, |at| IterSource::new(share(at, 1000)))
            .try_map("picky", |n| if n % 10 == 0 { Err("a multiple of ten") } else { Ok(n) })
            .parallelism(3)
            .buffer_size(2)
            .on_error(ErrorPolicy::Skip)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let edge = report.ledger.edge("numbers -> picky").unwrap();
        assert_eq!(
            (edge.accepted, edge.delivered, edge.dropped[&DropCause::Failed]),
            (1000, 900, 100)
        );
        assert_eq!(report.node("picky").unwrap().skipped, 100);
        assert_eq!(
            sorted(results.take()),
            (0..1000).filter(|n| n % 10 != 0).collect::<Vec<_>>()
        );
    });
}

/// Says that its packet came too late, and fails on it all the same.
struct TwoMinds;

impl Operator<u64, u64> for TwoMinds {
    fn process(&mut self, _packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        ctx.count_dropped(DropCause::Late, 1);
        Err("and it failed".into())
    }
}

#[test]
fn a_packet_is_lost_once_whatever_is_said_of_it() {
    over_both("two-minds", |job, kind| {
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..10_u64))
            .process("minds", NodeKind::Map, |_| TwoMinds)
            .on_error(ErrorPolicy::Skip)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let edge = report.ledger.edge("numbers -> minds").unwrap();
        assert_eq!((edge.dropped.len(), edge.dropped[&DropCause::Failed]), (1, 10));
    });
}

#[test]
fn dead_letters_say_what_failed_and_why() {
    over_both("dead-letters", |job, kind| {
        for _ in 0..2 {
            let flow = flow(job, kind);
            let results = flow
                .source("words", 1, |_| IterSource::new(["a", "b\"c", "d"].map(String::from)))
                .key_by("key", |word| word.clone())
                .process("picky", NodeKind::Map, |_| {
                    TryMap::new(|word: String| if word.len() > 1 { Err("too long") } else { Ok(word) })
                })
                .parallelism(2)
                .on_error(ErrorPolicy::DeadLetter)
                .collect("results");
            let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
            let letters = Arc::clone(handle.dead_letters().unwrap());
            let report = handle.wait();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(report.ledger.edge("key -> picky").unwrap().dead_lettered, 1);
            assert_eq!(report.node("picky").unwrap().skipped, 1);
            assert_eq!(sorted(results.take()), ["a", "d"]);
            let letter = letters.get().unwrap();
            assert_eq!((letter.node.as_str(), letter.error.as_str()), ("picky", "too long"));
            assert!(letter.instance.starts_with("picky_") && letter.timestamp > 0);
            assert_eq!(
                (letter.item.as_str(), letter.key.as_deref()),
                (r#""b\"c""#, Some(r#""b\"c""#))
            );
            // No letter of the run before, and the end of the job is the end of the letters.
            assert!(letters.get().is_err());
        }
    });
}

#[test]
fn more_dead_letters_than_there_is_room_for_fail_the_job() {
    over_both("overflow", |job, kind| {
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..10_500_u64))
            .try_map("never", |_| Err::<u64, _>("never"))
            .on_error(ErrorPolicy::DeadLetter)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_cut_off(&report, Outcome::Failed);
        assert!(
            report.failures[0].message.contains("dead-letter queue is full"),
            "{:?}",
            report.failures
        );
        let edge = report.ledger.edge("numbers -> never").unwrap();
        assert_eq!((edge.dead_lettered, edge.dropped[&DropCause::Failed]), (10_000, 1));
    });
}

#[test]
fn a_queue_closed_from_outside_is_a_failure_and_no_hang() {
    over_queues("closed", |job, kind| {
        let flow = flow(job, kind);
        let (started, release) = (Signal::default(), Signal::default());
        let (signal, latch) = (started.clone(), release.clone());
        let _ = flow
            .source("numbers", 1, move |_| {
                let (signal, latch) = (signal.clone(), latch.clone());
                FnSource::new(move |_: &mut TaskContext<u64>| {
                    signal.raise();
                    latch.wait_for(1);
                    Ok(SourceStep::Idle(std::time::Duration::from_secs(3600)))
                })
            })
            .map("map", |n| n)
            .collect("results");
        let built = flow.build(Deployment::Threads).unwrap();
        let record = built.plan().queues()[0].record.clone();
        let handle = built.start().unwrap();
        started.wait_for(1);
        let queue = InProcess
            .registry::<Envelope<u64>>()
            .for_worker(0)
            .open(&record)
            .unwrap();
        queue.close();
        drop(queue);
        release.raise();
        let controller = handle.controller();
        until(|| controller.is_done());
        let report = handle.wait();
        assert_cut_off(&report, Outcome::Failed);
        assert!(report.failures[0].message.contains("closed"), "{:?}", report.failures);
    });
}
