//! Instances that end their streams before their input ends.

use std::time::Duration;

use descriptor_core::DropCause;
use queue_testkit::{until, watchdog};
use router::Packet;
use runtime::ops::FnSource;
use runtime::{
    Deployment, ErrorPolicy, Instance, NodeKind, NodeState, OpResult, Operator, Outcome, Restart, SourceStep, State,
    TaskContext,
};

use crate::checkpoints::{MINUTE, Temp, complete_beyond, gated};
use crate::rig::{KINDS, Signal, assert_complete, assert_cut_off, flow, over_both};

/// Passes on the first packets and then says how many those were; wants no more.
struct First {
    most: u64,
    seen: u64,
}

impl First {
    const fn of(most: u64) -> Self {
        Self { most, seen: 0 }
    }
}

impl Operator<u64, u64> for First {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        self.seen += 1;
        if self.seen == self.most {
            ctx.send_stop_signal();
        }
        // Still before the stop.
        ctx.emit(packet.payload)
    }

    fn close(&mut self, ctx: &mut TaskContext<u64>) -> OpResult {
        ctx.emit(1_000_000 + self.seen)
    }

    fn state(&mut self) -> State<'_> {
        State::of(&mut self.seen)
    }
}

/// Says when its input has come to its end.
struct Last(Signal);

impl Operator<u64, ()> for Last {
    fn process(&mut self, _: Packet<u64>, _: &mut TaskContext<()>) -> OpResult {
        Ok(())
    }

    fn close(&mut self, _: &mut TaskContext<()>) -> OpResult {
        self.0.raise();
        Ok(())
    }
}

/// Numbers below `end`; behind the first `most` it waits until those downstream have ended.
fn patient(
    most: u64,
    end: u64,
    ended: &Signal,
) -> FnSource<impl FnMut(&mut TaskContext<u64>) -> OpResult<SourceStep> + use<>> {
    let (mut next, ended) = (0, ended.clone());
    FnSource::new(move |ctx: &mut TaskContext<u64>| {
        if next == most && ended.times() == 0 {
            return Ok(SourceStep::Idle(Duration::from_millis(5)));
        }
        if next == end {
            return Ok(SourceStep::Done);
        }
        ctx.emit(next)?;
        next += 1;
        Ok(SourceStep::More)
    })
}

#[test]
fn an_operator_ends_before_its_input_and_what_comes_later_is_counted() {
    over_both("early", |job, kind| {
        for on_error in [ErrorPolicy::Fail, ErrorPolicy::DeadLetter] {
            let ended = Signal::default();
            let flow = flow(job, kind);
            let at = ended.clone();
            let first = flow
                .source("numbers", 1, move |_| patient(20, 1_000, &at))
                .process("first", NodeKind::Map, |_| First::of(10))
                .on_error(on_error)
                .buffer_size(4);
            let (results, at) = (first.collect("results"), ended.clone());
            let _ = first.process("last", NodeKind::Sink, move |_| Last(at.clone()));
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(ended.times(), 1);
            let expected: Vec<u64> = (0..10).chain([1_000_010]).collect();
            assert_eq!(results.take(), expected, "{kind}");
            let edge = report.ledger.edge("numbers -> first").unwrap();
            assert_eq!((edge.accepted, edge.delivered), (1_000, 10), "{kind}");
            assert_eq!(edge.dropped.get(&DropCause::Closed), Some(&990), "{kind}");
            let node = report.node("first").unwrap();
            assert_eq!((node.packets_in, node.packets_out), (10, 11), "{kind}");
            assert_eq!(node.state, NodeState::Finished);
        }
    });
}

#[test]
fn one_of_several_ends_early_and_the_others_go_on() {
    over_both("early_one", |job, kind| {
        let flow = flow(job, kind);
        let results = flow
            .source("numbers", 3, |at| {
                runtime::ops::IterSource::new(crate::rig::share(at, 900))
            })
            .process("first", NodeKind::Map, |at: &Instance| {
                First::of(if at.index == 1 { 7 } else { u64::MAX })
            })
            .parallelism(3)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let edge = report.ledger.edge("numbers -> first").unwrap();
        assert_eq!(edge.dropped.get(&DropCause::Closed), Some(&293), "{kind}");
        let (results, totals): (Vec<u64>, Vec<u64>) = results.take().into_iter().partition(|n| *n < 1_000_000);
        assert_eq!((results.len(), totals.len()), (607, 3), "{kind}");
    });
}

#[test]
fn a_source_that_stops_itself_ends_and_is_not_begun_again() {
    over_both("early_source", |job, kind| {
        let flow = flow(job, kind);
        let results = flow
            .source("endless", 2, |_| {
                let mut next = 0_u64;
                FnSource::new(move |ctx: &mut TaskContext<u64>| {
                    ctx.emit(next)?;
                    next += 1;
                    if next == 100 {
                        ctx.send_stop_signal();
                        // Behind that there is room until the step ends.
                        ctx.emit(next)?;
                    }
                    Ok(SourceStep::More)
                })
            })
            .restart(Restart::always(5, MINUTE).pauses(Duration::ZERO, Duration::ZERO))
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(
            (results.take().len(), report.node("endless").unwrap().restarts),
            (202, 0)
        );
    });
}

#[test]
fn a_failure_in_the_last_call_is_a_failure() {
    over_both("early_panic", |job, kind| {
        struct Bad;
        impl Operator<u64, u64> for Bad {
            fn process(&mut self, _: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
                ctx.send_stop_signal();
                Ok(())
            }

            fn close(&mut self, _: &mut TaskContext<u64>) -> OpResult {
                panic!("not closed")
            }
        }
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| runtime::ops::IterSource::new(0..100_u64))
            .process("bad", NodeKind::Map, |_| Bad)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_cut_off(&report, Outcome::Failed);
        let [failure] = &report.failures[..] else {
            panic!("{:?}", report.failures);
        };
        assert_eq!(
            (failure.node.as_str(), failure.message.as_str(), failure.panicked),
            ("bad", "not closed", true)
        );
    });
}

#[test]
fn a_checkpoint_knows_who_has_ended_early() {
    watchdog(4 * MINUTE, "early-checkpoints", || {
        for kind in KINDS {
            let (temp, open) = (Temp::new("early"), Signal::default());
            let run = |again: bool| {
                let flow = flow(&format!("early-kept-{kind}"), kind);
                let results = gated(&flow, "numbers", 50, 100, &open)
                    .process("first", NodeKind::Map, |_| First::of(10))
                    .collect("results");
                let job = flow.build(Deployment::Threads).unwrap();
                let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
                if !again {
                    let controller = running.controller();
                    let results = || {
                        controller
                            .progress()
                            .iter()
                            .any(|it| it.node == "results" && it.packets_in == 11)
                    };
                    until(results);
                    // The next one but one is behind all that.
                    let names = temp.names();
                    let known = names
                        .iter()
                        .filter_map(|it| it.strip_prefix("checkpoint-")?.parse().ok())
                        .max();
                    let known = known.unwrap_or(0);
                    until(|| complete_beyond(&temp, known + 1));
                    controller.abort();
                }
                (running.wait(), results.take())
            };
            let (report, _) = run(false);
            assert_cut_off(&report, Outcome::Aborted);
            open.raise();
            let (report, results) = run(true);
            assert_complete(&report, Outcome::Finished);
            assert_eq!(results, (0..10).chain([1_000_010]).collect::<Vec<u64>>(), "{kind}");
            let edge = report.ledger.edge("numbers -> first").unwrap();
            assert_eq!(edge.dropped.get(&DropCause::Closed), Some(&edge.accepted), "{kind}");
        }
    });
}
