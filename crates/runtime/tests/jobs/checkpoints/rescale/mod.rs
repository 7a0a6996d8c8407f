//! Jobs that go on from their checkpoints with more or fewer instances.

mod live;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use descriptor_core::{Error, ErrorKind};
use queue_testkit::{until, watchdog};
use router::Packet;
use runtime::ops::{AggregateFn, Collected, IterSource, WindowSpec};
use runtime::{Deployment, Job, JobHandle, KeyedState, NodeKind, OpResult, Operator, Outcome, State, TaskContext};

use super::rollback::Gated;
use super::{MINUTE, Temp, complete_beyond, number_of};
use crate::rig::{InProcess, KINDS, assert_complete, flow, share, sorted};

const EACH: u64 = 6000;
const KEYS: u64 = 97;
const PARTS: u64 = 2;

/// The number, and how many of its key came before.
type Seen = (u64, u64);

/// Fails unless the numbers of each key come in their order from each part of the source, with none missing and none twice.
#[derive(Default)]
struct InOrder {
    known: (KeyedState<[u64; PARTS as usize]>, KeyedState<u64>),
    /// Packets until the next panic; 0 for none.
    fuse: Arc<AtomicU64>,
    failing: Arc<AtomicU64>,
}

impl Operator<u64, Seen> for InOrder {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<Seen>) -> OpResult {
        let (number, key) = (packet.payload, packet.key().ok_or("no key")?);
        if self.fuse.load(Ordering::Relaxed) > 0 && self.fuse.fetch_sub(1, Ordering::Relaxed) == 1 {
            let next = self
                .failing
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(last / 2));
            self.fuse.store(next.unwrap_or_default() / 2, Ordering::Relaxed);
            panic!("a bad moment");
        }
        let (next, seen) = &mut self.known;
        let next = next.get_or_insert_with(key, || [0, 1].map(|part| first_of(number % KEYS, part)));
        let next = &mut next[(number % PARTS) as usize];
        if *next != number {
            return Err(format!("{number} instead of {next}").into());
        }
        *next += PARTS * KEYS;
        let seen = seen.get_or_insert_with(key, || 0);
        *seen += 1;
        let seen = *seen;
        ctx.emit((number, seen))
    }

    fn state(&mut self) -> State<'_> {
        State::by_key(&mut self.known)
    }
}

/// The first number of this key in this part of the source.
fn first_of(key: u64, part: u64) -> u64 {
    if key % PARTS == part { key } else { key + KEYS }
}

/// How many instances each of the keyed nodes has.
#[derive(Clone, Copy, Debug)]
struct Widths {
    order: u32,
    total: u32,
    sums: u32,
    pairs: u32,
}

const FIRST: Widths = Widths {
    order: 2,
    total: 3,
    sums: 2,
    pairs: 1,
};

#[derive(Clone)]
struct Results {
    seen: Collected<Seen>,
    running: Collected<Seen>,
    totals: Collected<Seen>,
    sums: Collected<(u64, u64, u64)>,
    pairs: Collected<(u64, u64, u64)>,
}

/// Every operator with state by key that there is, and one of our own.
fn job(name: &str, kind: &str, widths: Widths, open: &Arc<AtomicBool>) -> (Job<InProcess>, Results) {
    failing_job(name, kind, widths, open, &Arc::default())
}

/// It panics whenever so many more packets have come, half as many each time, until there are none more to count.
fn failing_job(
    name: &str,
    kind: &str,
    widths: Widths,
    open: &Arc<AtomicBool>,
    failing: &Arc<AtomicU64>,
) -> (Job<InProcess>, Results) {
    let fuse = Arc::new(AtomicU64::new(failing.load(Ordering::Relaxed)));
    let failing = Arc::clone(failing);
    let flow = flow(name, kind);
    let open = Arc::clone(open);
    let numbers = flow.source("numbers", PARTS as u32, move |at| Gated {
        source: IterSource::new(share(at, EACH)).with_event_time(|n| *n, 0),
        steps: 4,
        open: Arc::clone(&open),
    });
    // One way from a part of the source to a key, so there is an order.
    let keyed = numbers
        .clone()
        .forward()
        .key_by("by_rest", |n| n % KEYS)
        .parallelism(PARTS as u32);
    let windows = WindowSpec::sliding(400, 200).unwrap();
    let results = Results {
        seen: keyed
            .process("order", NodeKind::Custom("order".into()), move |_| InOrder {
                fuse: Arc::clone(&fuse),
                failing: Arc::clone(&failing),
                ..InOrder::default()
            })
            .parallelism(widths.order)
            .collect("seen"),
        running: numbers
            .map("with_rest", |n| (n % KEYS, n))
            .key_by("by_rest_too", |(rest, _)| *rest)
            .reduce("total", |sum: &Seen, n| (sum.0, sum.1 + n.1))
            .parallelism(widths.total)
            .collect("running"),
        totals: keyed
            .fold(
                "fold",
                || 0,
                |sum: &mut u64, n| *sum += n,
                |key, sum| Ok((key.decode::<u64>()?, sum)),
            )
            .parallelism(widths.total)
            .collect("totals"),
        sums: keyed
            .window(
                "sums",
                windows,
                |n| *n,
                AggregateFn::new(|sum: &mut u64, n: u64| *sum += n, |into, from| *into += from),
                |end, key, sum| Ok((end, key.decode::<u64>()?, sum)),
            )
            .parallelism(widths.sums)
            .collect("sums_of_windows"),
        pairs: keyed
            .join(
                &keyed,
                "pairs",
                WindowSpec::tumbling(300).unwrap(),
                |n| *n,
                |n| *n,
                |end, a, b| (end, *a, *b),
            )
            .parallelism(widths.pairs)
            .collect("all_pairs"),
    };
    (flow.build(Deployment::Threads).unwrap(), results)
}

/// What comes out of all of it, in ascending order, whatever the widths are.
type Answer = (
    Vec<Seen>,
    BTreeMap<u64, (u64, usize)>,
    Vec<Seen>,
    Vec<(u64, u64, u64)>,
    Vec<(u64, u64, u64)>,
);

impl Results {
    fn take(&self) -> Answer {
        // Which of the running sums come depends on who is first; the last one of each key does not.
        let mut running = BTreeMap::new();
        for (rest, sum) in self.running.take() {
            let (last, count) = running.entry(rest).or_insert((0, 0));
            (*last, *count) = (sum.max(*last), *count + 1);
        }
        // Nor does it show which part of the source was first for a key.
        let seen = self.seen.take().into_iter().map(|(number, seen)| (number % KEYS, seen));
        (
            sorted(seen),
            running,
            sorted(self.totals.take()),
            sorted(self.sums.take()),
            sorted(self.pairs.take()),
        )
    }
}

/// The answer, without any of it.
fn expected() -> Answer {
    let (mut running, mut sums, mut pairs) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for n in 0..EACH {
        let (sum, count) = running.entry(n % KEYS).or_insert((0, 0));
        (*sum, *count) = (*sum + n, *count + 1);
        for end in WindowSpec::sliding(400, 200).unwrap().windows(n) {
            *sums.entry((end, n % KEYS)).or_insert(0) += n;
        }
        let end = (n / 300 + 1) * 300;
        let first = end - 300;
        pairs.extend(
            (first..end.min(EACH))
                .filter(|other| other % KEYS == n % KEYS)
                .map(|other| (end, n, other)),
        );
    }
    let totals = running.iter().map(|(rest, (sum, _))| (*rest, *sum)).collect();
    (
        sorted((0..EACH).map(|n| (n % KEYS, n / KEYS + 1))),
        running,
        totals,
        sums.into_iter().map(|((end, key), sum)| (end, key, sum)).collect(),
        sorted(pairs),
    )
}

/// Runs until there is a checkpoint behind the last one of which the sources had sent more.
fn run_on(temp: &Temp, running: JobHandle) {
    let controller = running.controller();
    until(|| controller.is_stopping() || controller.progress()[0].packets_out > 0);
    let numbers = temp
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix("checkpoint-")?.parse().ok())
        .max();
    let known: u64 = numbers.unwrap_or(0);
    until(|| controller.is_stopping() || complete_beyond(temp, known + 1));
    controller.abort();
    assert_cut_off_or_still(&running.wait());
}

/// With all sources at their gates there may be nothing inside.
fn assert_cut_off_or_still(report: &runtime::JobReport) {
    assert_eq!(report.outcome, Outcome::Aborted, "{report:?}");
    report.ledger.check().unwrap();
}

#[test]
fn every_key_finds_its_state_and_its_order_however_often_nodes_get_other_instances() {
    watchdog(4 * MINUTE, "checkpoints-rescale", || {
        let answer = expected();
        for kind in KINDS {
            let temp = Temp::new("rescale");
            let widths = [(2, 3, 2, 1), (3, 1, 5, 2), (1, 2, 3, 7), (8, 5, 1, 4), (2, 3, 2, 1)];
            let name = format!("rescale-{kind}");
            let mut last = None;
            for (round, (order, total, sums, pairs)) in widths.into_iter().enumerate() {
                let widths = Widths {
                    order,
                    total,
                    sums,
                    pairs,
                };
                let open = Arc::new(AtomicBool::new(false));
                let (job, results) = job(&name, kind, widths, &open);
                let running = job.checkpoints(temp.often()).unwrap().start().unwrap();
                if round < 4 {
                    run_on(&temp, running);
                    continue;
                }
                open.store(true, Ordering::Relaxed);
                let report = running.wait();
                assert_complete(&report, Outcome::Finished);
                last = number_of(&report).0;
                assert_eq!(results.take(), answer, "over {kind}");
            }
            assert!(last.is_some_and(|number| number >= 5), "{last:?}");
            // Behind the end too: nothing is left to be done, by whoever has the keys now.
            let open = Arc::new(AtomicBool::new(true));
            let widths = Widths {
                order: 4,
                total: 1,
                sums: 3,
                pairs: 2,
            };
            let (job, results) = job(&name, kind, widths, &open);
            let report = job.checkpoints(temp.often()).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(
                report.node("order").map(|node| (node.packets_in, node.packets_out)),
                Some((0, 0))
            );
            assert_eq!(results.take(), answer, "over {kind}, at the end");
        }
    });
}

/// A job with a node of each sort that cannot be divided.
fn undivided(parts: u32, running: u32, sum: u32, buffer: usize, most: u32, temp: &Temp) -> Result<JobHandle, Error> {
    let flow = flow("undivided", "local");
    let keyed = flow
        .source("numbers", parts, |at| IterSource::new(share(at, 100)))
        .key_by("by_rest", |n| n % 7);
    let _ = keyed
        .co_map(&keyed, "running", 0_u64, |sum, n| *sum + n, |sum, n| *sum + n)
        .parallelism(running)
        .collect("all");
    let _ = keyed
        .fold("sum", || 0, |sum: &mut u64, n| *sum += n, |_, sum| Ok(sum))
        .parallelism(sum)
        .max_parallelism(most)
        .buffer_size(buffer)
        .collect("sums");
    flow.build(Deployment::Threads)?.checkpoints(temp.often())?.start()
}

#[test]
fn what_cannot_be_divided_is_refused_and_named() {
    watchdog(MINUTE, "checkpoints-undivided", || {
        let temp = Temp::new("undivided");
        assert_complete(&undivided(2, 2, 2, 100, 4, &temp).unwrap().wait(), Outcome::Finished);
        let refused = |job: Result<JobHandle, Error>, kind, parts: &[&str]| {
            let error = job.map(drop).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            for part in parts {
                assert!(error.to_string().contains(part), "{part}: {error}");
            }
        };
        let (graph, state) = (ErrorKind::Incompatible, ErrorKind::InvalidGraph);
        refused(
            undivided(3, 2, 3, 50, 4, &temp),
            graph,
            &[
                "node `numbers`: parallelism 3 against 2",
                "node `sum`: buffer size 50 against 100",
            ],
        );
        refused(
            undivided(2, 2, 2, 100, 100, &temp),
            graph,
            &["node `sum`: 256 key groups against 128"],
        );
        refused(
            undivided(2, 3, 3, 100, 4, &temp),
            state,
            &["error[not-divided] node `running`: expected a state by key"],
        );
        assert_complete(&undivided(2, 2, 3, 100, 85, &temp).unwrap().wait(), Outcome::Finished);
    });
}
