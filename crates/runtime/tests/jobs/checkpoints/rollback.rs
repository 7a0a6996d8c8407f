//! Jobs that fail and are cut off at any moment, over and over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use queue_testkit::{until, watchdog};
use router::Packet;
use runtime::ops::{AggregateFn, IterSource, WindowSpec};
use runtime::{
    Deployment, Job, KeyedState, NodeKind, OpResult, Operator, Outcome, Source, SourceStep, State, TaskContext,
};

use super::{MINUTE, Table, Temp, complete_beyond, number_of};
use crate::rig::{InProcess, KINDS, assert_complete, flow, share, sorted};

/// Panics when it has been counted down.
#[derive(Clone)]
struct Fuse(Arc<AtomicI64>);

impl Fuse {
    fn new(packets: i64) -> Self {
        Self(Arc::new(AtomicI64::new(packets)))
    }

    fn burn(&self) {
        assert!(self.0.fetch_sub(1, Ordering::Relaxed) != 0, "a bad moment");
    }
}

/// Numbers that are put out again with how many of their key came before: by heart.
#[derive(Default)]
struct Counting {
    seen: KeyedState<u64>,
}

impl Operator<(u64, u64), (u64, u64)> for Counting {
    fn process(&mut self, packet: Packet<(u64, u64)>, ctx: &mut TaskContext<(u64, u64)>) -> OpResult {
        let seen = self.seen.get_or_insert_with(packet.key().ok_or("no key")?, || 0);
        *seen += 1;
        let seen = *seen;
        ctx.emit((packet.payload.0, seen))
    }

    fn state(&mut self) -> State<'_> {
        State::of(&mut self.seen)
    }
}

type Count = (u64, u64);
type Sum = (u64, u64, u64);

/// A source that stops in the middle until it is let on; it sends barriers meanwhile.
pub(super) struct Gated<S> {
    pub(super) source: S,
    pub(super) steps: u32,
    pub(super) open: Arc<AtomicBool>,
}

impl<S: Source<u64>> Source<u64> for Gated<S> {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        if self.steps > 6 && !self.open.load(Ordering::Relaxed) {
            return Ok(SourceStep::Idle(Duration::from_millis(5)));
        }
        self.steps += 1;
        self.source.step(ctx)
    }

    fn close(&mut self, ctx: &mut TaskContext<u64>) -> OpResult {
        self.source.close(ctx)
    }

    fn position(&mut self) -> State<'_> {
        self.source.position()
    }
}

const EACH: u64 = 4000;

/// Two streams, one of them with event time, that meet behind sources, keys, own and built-in state, and windows.
fn job(
    name: &str,
    kind: &str,
    fuse: &Fuse,
    open: &Arc<AtomicBool>,
    counts: &Table<Count>,
    sums: &Table<Sum>,
) -> Job<InProcess> {
    let flow = flow(name, kind);
    let (burn, late_burn, open) = (fuse.clone(), fuse.clone(), Arc::clone(open));
    let keyed = flow
        .source("numbers", 2, move |at| Gated {
            source: IterSource::new(share(at, EACH)).with_event_time(|n| *n, 0),
            steps: 0,
            open: Arc::clone(&open),
        })
        .map("slow_start", move |n| {
            burn.burn();
            (n % 13, n)
        })
        .parallelism(2)
        .key_by("by_rest", |(rest, _)| *rest)
        .parallelism(3);
    let _ = keyed
        .process("count", NodeKind::Custom("count".into()), |_| Counting::default())
        .parallelism(2)
        .sink("counts", counts.sink())
        .parallelism(2);
    let _ = keyed
        .window(
            "sum",
            WindowSpec::sliding(400, 200).unwrap(),
            |(_, n)| *n,
            AggregateFn::new(
                |sum: &mut u64, (_, n): (u64, u64)| *sum += n,
                |into, from| *into += from,
            ),
            |end, key, sum| Ok((end, key.decode::<u64>()?, sum)),
        )
        .parallelism(2)
        .inspect("shaky", move |_| late_burn.burn())
        .sink("sums", sums.sink());
    flow.build(Deployment::Threads).unwrap()
}

/// The answer, without any of it.
fn expected() -> (Vec<Count>, Vec<Sum>) {
    let counts = (0..EACH).map(|n| (n % 13, n / 13 + 1));
    let mut sums = BTreeMap::new();
    for n in 0..EACH {
        for end in WindowSpec::sliding(400, 200).unwrap().windows(n) {
            *sums.entry((end, n % 13)).or_insert(0) += n;
        }
    }
    (
        sorted(counts),
        sums.into_iter().map(|((end, key), sum)| (end, key, sum)).collect(),
    )
}

/// Small numbers by chance that are the same with the same seed.
fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_job_that_fails_and_is_cut_off_again_and_again_gives_the_answer_of_one_that_is_not() {
    watchdog(4 * MINUTE, "checkpoints-rollback", || {
        let answer = expected();
        let mut restored = 0;
        for seed in 1..=20_u64 {
            let kind = KINDS[seed as usize % KINDS.len()];
            let (temp, counts, sums) = (Temp::new("rollback"), Table::new(), Table::new());
            let mut chances = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            for round in 0_u64.. {
                assert!(round < 200, "seed {seed}: it never comes to its end");
                let (first, open) = (round == 0, Arc::new(AtomicBool::new(round > 0)));
                // Each try may work for longer: one of them comes to the end, whatever chance says.
                let most = (chance(&mut chances) % (2000 + 1000 * round)) as i64;
                let fuse = Fuse::new(if first { -1 } else { most });
                let job = job(&format!("rollback-{seed}"), kind, &fuse, &open, &counts, &sums);
                let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
                let controller = running.controller();
                if first {
                    // However slow the disk is: there is one to go on from.
                    until(|| complete_beyond(&temp, 0));
                    controller.abort();
                } else if chance(&mut chances).is_multiple_of(3) {
                    let most = chance(&mut chances) % EACH;
                    let sent = || controller.progress()[0].packets_out;
                    until(|| controller.is_stopping() || controller.is_done() || sent() > most);
                    controller.abort();
                }
                let report = running.wait();
                restored += u32::from(number_of(&report).0.is_some());
                if report.outcome == Outcome::Finished {
                    assert_complete(&report, Outcome::Finished);
                    break;
                }
                report.ledger.check().unwrap();
            }
            assert_eq!((counts.rows(), sums.rows()), answer, "seed {seed} over {kind}");
        }
        assert!(restored >= 20, "only {restored} went on from a checkpoint");
    });
}

#[test]
fn a_job_that_has_come_to_its_end_ends_at_once_and_repeats_nothing() {
    watchdog(MINUTE, "checkpoints-over", || {
        for kind in KINDS {
            let (temp, counts, sums, never) = (Temp::new("over"), Table::new(), Table::new(), Fuse::new(-1));
            let run = || {
                let open = Arc::new(AtomicBool::new(true));
                let job = job(&format!("over-{kind}"), kind, &never, &open, &counts, &sums);
                job.checkpoints(temp.often()).unwrap().run().unwrap()
            };
            let (first, second) = (run(), run());
            assert_complete(&first, Outcome::Finished);
            assert_complete(&second, Outcome::Finished);
            assert_eq!(number_of(&second).0, number_of(&first).1);
            assert_eq!(second.node("count").map(|node| node.packets_in), Some(0));
            assert_eq!((counts.rows(), sums.rows()), expected());
            assert!(temp.names().len() <= 2, "{:?}", temp.names());
        }
    });
}
