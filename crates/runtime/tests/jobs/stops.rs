//! A node ends when all its upstreams have ended, behind their data, however unevenly they end.

use queue_testkit::Dice;
use router::Packet;
use runtime::ops::IterSource;
use runtime::{Deployment, Instance, NodeKind, OpResult, Operator, Outcome, Source, SourceStep, TaskContext};

use crate::rig::{Signal, assert_complete, flow, over_both, share, sorted};

/// One instance of many that begins only when so many others have come to their end.
struct Uneven {
    items: Vec<u64>,
    wait_for: u64,
    ended: Signal,
}

impl Source<u64> for Uneven {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        self.ended.wait_for(self.wait_for);
        self.items.drain(..).try_for_each(|item| ctx.emit(item))?;
        Ok(SourceStep::Done)
    }

    fn close(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.ended.raise();
        Ok(())
    }
}

#[test]
fn no_upstream_is_cut_off_by_the_end_of_another() {
    over_both("uneven", |job, kind| {
        for (parallelism, size) in [(2, 1), (2, 1000), (3, 1), (3, 2), (3, 1000)] {
            let ended = Signal::default();
            let flow = flow(job, kind);
            // Each instance waits for those before it, so they end strictly one after the other.
            let results = flow
                .source("uneven", parallelism, move |at: &Instance| Uneven {
                    items: share(at, 90).collect(),
                    wait_for: at.index.into(),
                    ended: ended.clone(),
                })
                .map("map", |n| n)
                .buffer_size(size)
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(sorted(results.take()), (0..90).collect::<Vec<_>>());
        }
    });
}

/// Passes on; instance 1 works only when the other instances have ended.
struct Laggard {
    at: Instance,
    ended: Signal,
}

impl Operator<u64, u64> for Laggard {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        if self.at.index == 1 {
            self.ended.wait_for(u64::from(self.at.parallelism) - 1);
        }
        ctx.emit(packet.payload)
    }

    fn close(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult {
        self.ended.raise();
        Ok(())
    }
}

#[test]
fn thirty_of_thirty_arrive_past_one_slow_instance_of_three() {
    over_both("thirty", |job, kind| {
        let ended = Signal::default();
        let flow = flow(job, kind);
        let results = flow
            .source("batch", 1, |_| IterSource::new(0..30_u64))
            .process("slow", NodeKind::Map, move |at| Laggard {
                at: at.clone(),
                ended: ended.clone(),
            })
            .parallelism(3)
            .map("one", |n| n)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(sorted(results.take()), (0..30).collect::<Vec<_>>());
    });
}

#[test]
fn two_by_three_with_one_slow_instance() {
    over_both("two-by-three", |job, kind| {
        let ended = Signal::default();
        let flow = flow(job, kind);
        let results = flow
            .source("numbers", 2, |at| IterSource::new(share(at, 120)))
            .process("slow", NodeKind::Map, move |at| Laggard {
                at: at.clone(),
                ended: ended.clone(),
            })
            .parallelism(3)
            .map("two", |n| n)
            .parallelism(2)
            .buffer_size(1)
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(sorted(results.take()), (0..120).collect::<Vec<_>>());
    });
}

#[test]
fn nothing_is_lost_over_hundreds_of_shapes() {
    over_both("shapes", |job, kind| {
        for seed in 0..200 {
            let mut dice = Dice::new(seed);
            let mut any = |most: u64| 1 + dice.below(most);
            let (sources, first, second) = (any(3) as u32, any(3) as u32, any(3) as u32);
            let sizes = [any(4), any(4), any(50)].map(|size| size as usize);
            // Some instances emit nothing, most are far from even.
            let counts: Vec<u64> = (0..sources).map(|_| (any(4) - 1) * any(60)).collect();
            let expected: Vec<(u32, u64)> = (0..sources)
                .zip(&counts)
                .flat_map(|(source, count)| (0..*count).map(move |n| (source, n)))
                .collect();
            let flow = flow(job, kind);
            let numbers = flow.source("numbers", sources, move |at| {
                let source = at.index;
                IterSource::new((0..counts[source as usize]).map(move |n| (source, n)))
            });
            let all = numbers
                .map("first", |it| it)
                .parallelism(first)
                .buffer_size(sizes[0])
                .map("second", |it| it)
                .parallelism(second)
                .buffer_size(sizes[1]);
            let results = all
                .co_map(&numbers, "meet", (), |(), it| it, |(), it| it)
                .buffer_size(sizes[2])
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let twice = expected.iter().flat_map(|it| [*it, *it]);
            assert_eq!(sorted(results.take()), sorted(twice), "seed {seed}");
        }
    });
}

/// Emits nothing, after a while.
struct Silent(u32);

impl Source<u64> for Silent {
    fn step(&mut self, _ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        self.0 += 1;
        Ok(if self.0 < 10 {
            SourceStep::More
        } else {
            SourceStep::Done
        })
    }
}

#[test]
fn sources_of_nothing_and_of_one_item_end_like_others() {
    over_both("few", |job, kind| {
        for items in [0, 1_u64] {
            let flow = flow(job, kind);
            let silent = flow.source("silent", 2, |_| Silent(0));
            let few = flow.source("few", 1, move |_| IterSource::new(0..items));
            let results = few
                .map("map", |n| n)
                .parallelism(3)
                .co_map(&silent, "both", (), |(), n| n, |(), n| n);
            let results = results.parallelism(2).collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(results.take(), (0..items).collect::<Vec<_>>());
            assert_eq!(report.ledger.totals().accepted, items * 3);
        }
    });
}
