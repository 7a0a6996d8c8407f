//! Watermarks through a job, and packets that come behind them.

use std::sync::{Arc, Mutex};

use descriptor_core::DropCause;
use router::Packet;
use runtime::ops::{AggregateFn, FnSource, WindowSpec};
use runtime::{Deployment, NodeKind, OpResult, Operator, Outcome, Source, SourceStep, TaskContext};

use crate::rig::{Signal, assert_complete, flow, over_both, sorted};

#[test]
fn late_items_are_in_the_ledger() {
    over_both("late", |job, kind| {
        let flow = flow(job, kind);
        let counts = flow
            .source("times", 1, |_| {
                FnSource::new(|ctx: &mut TaskContext<u64>| {
                    for time in [1, 5, 12] {
                        ctx.emit(time)?;
                    }
                    ctx.watermark(20)?;
                    for time in [3, 25, 19, 20] {
                        ctx.emit(time)?;
                    }
                    Ok(SourceStep::Done)
                })
            })
            .key_by("key", |_| 0_u64)
            .window(
                "count",
                WindowSpec::tumbling(10).unwrap(),
                |time| *time,
                AggregateFn::new(
                    |count: &mut u64, _| *count += 1,
                    |into: &mut u64, from: &u64| *into += from,
                ),
                |end, _, count| Ok((end, count)),
            )
            .parallelism(2)
            .collect("counts");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(sorted(counts.take()), [(10, 2), (20, 1), (30, 2)]);
        let edge = report.ledger.edge("key -> count").unwrap();
        assert_eq!(
            (edge.accepted, edge.delivered, edge.dropped[&DropCause::Late]),
            (7, 5, 2)
        );
    });
}

/// Two sources that announce times in an order the test fixes: each step waits for what the sink has seen.
struct Announcer {
    first: bool,
    announced: Signal,
    seen: Signal,
}

impl Source<u64> for Announcer {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        if self.first {
            ctx.watermark(100)?;
            ctx.flush()?;
            self.announced.raise();
            // It goes on until the sink has seen what held it back.
            self.seen.wait_for(3);
        } else {
            self.announced.wait_for(1);
            for (number, time) in (1..).zip([7, 50]) {
                ctx.watermark(time)?;
                ctx.flush()?;
                self.seen.wait_for(number);
            }
        }
        Ok(SourceStep::Done)
    }
}

struct Times {
    seen: Signal,
    log: Arc<Mutex<Vec<u64>>>,
}

impl Operator<u64, ()> for Times {
    fn process(&mut self, _packet: Packet<u64>, _ctx: &mut TaskContext<()>) -> OpResult {
        Ok(())
    }

    fn watermark(&mut self, time: u64, _ctx: &mut TaskContext<()>) -> OpResult {
        self.log.lock().unwrap().push(time);
        self.seen.raise();
        Ok(())
    }
}

#[test]
fn event_time_is_that_of_the_slowest_upstream_that_still_sends() {
    over_both("slowest", |job, kind| {
        let (announced, seen) = (Signal::default(), Signal::default());
        let log = Arc::new(Mutex::new(Vec::new()));
        let (signal, times) = (seen.clone(), Arc::clone(&log));
        let flow = flow(job, kind);
        let _ = flow
            .source("announcers", 2, move |at| Announcer {
                first: at.index == 0,
                announced: announced.clone(),
                seen: seen.clone(),
            })
            .forward()
            .map("map", |n: u64| n)
            .parallelism(2)
            .process("times", NodeKind::Sink, move |_| Times {
                seen: signal.clone(),
                log: Arc::clone(&times),
            });
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(
            *log.lock().unwrap(),
            [7, 50, 100],
            "100 counts once the other source has ended"
        );
    });
}
