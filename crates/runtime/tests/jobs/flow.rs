//! What goes in comes out, worked on: every operator, over many shapes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use std::time::Duration;

use runtime::ops::{AggregateFn, FnSource, IterSource, WindowSpec};
use runtime::{Deployment, Outcome, SourceStep};

use crate::rig::{Signal, assert_complete, flow, over_both, over_queues, share, sorted};

const SIZES: [usize; 3] = [1, 2, 1000];

#[test]
fn stateless_operators_over_every_shape() {
    over_both("stateless", |job, kind| {
        let expected = sorted(
            (0..300_u64)
                .map(|n| n * 3)
                .filter(|n| n % 2 == 0)
                .flat_map(|n| [n, n + 1]),
        );
        for parallelism in 1..=4 {
            for size in SIZES {
                let seen = Arc::new(AtomicU64::new(0));
                let counter = Arc::clone(&seen);
                let flow = flow(job, kind);
                let results = flow
                    .source("numbers", parallelism, |at| IterSource::new(share(at, 300)))
                    .map("triple", |n| n * 3)
                    .parallelism(5 - parallelism)
                    .buffer_size(size)
                    .filter("even", |n| n % 2 == 0)
                    .parallelism(parallelism)
                    .buffer_size(size)
                    .flat_map("pair", |n| [n, n + 1])
                    .buffer_size(size)
                    .inspect("count", move |_| {
                        counter.fetch_add(1, Ordering::Relaxed);
                    })
                    .parallelism(2)
                    .buffer_size(size)
                    .collect("results");
                let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
                assert_complete(&report, Outcome::Finished);
                assert_eq!(
                    sorted(results.take()),
                    expected,
                    "parallelism {parallelism}, size {size}"
                );
                assert_eq!(seen.load(Ordering::Relaxed), 300);
                let accepted = |edge| report.ledger.edge(edge).unwrap().accepted;
                assert_eq!(accepted("numbers -> triple"), 300);
                assert_eq!(accepted("even -> pair"), 150);
                assert_eq!(accepted("count -> results"), 300);
                let pair = report.node("pair").unwrap();
                assert_eq!((pair.packets_in, pair.packets_out), (150, 300));
            }
        }
    });
}

#[test]
fn reduce_and_fold_keep_one_state_per_key() {
    over_both("reduce-fold", |job, kind| {
        let mut sums = BTreeMap::<u64, u64>::new();
        (0..500_u64).for_each(|n| *sums.entry(n % 7).or_default() += n);
        for (parallelism, size) in [(1, 1), (2, 2), (3, 1000), (4, 1)] {
            let flow = flow(job, kind);
            let keyed = flow
                .source("numbers", 2, |at| IterSource::new(share(at, 500)))
                .map("pair", |n| (n % 7, n))
                .key_by("key", |pair| pair.0)
                .parallelism(2);
            let running = keyed
                .reduce("running", |sum, next| (sum.0, sum.1 + next.1))
                .parallelism(parallelism)
                .buffer_size(size)
                .collect("sums");
            let folded = keyed
                .fold(
                    "total",
                    || 0_u64,
                    |sum, pair| *sum += pair.1,
                    |key, sum| Ok((key.decode::<u64>()?, sum)),
                )
                .parallelism(parallelism)
                .buffer_size(size)
                .collect("totals");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let running = running.take();
            assert_eq!(running.len(), 500);
            let mut highest = BTreeMap::new();
            for (key, sum) in running {
                let highest = highest.entry(key).or_insert(sum);
                *highest = (*highest).max(sum);
            }
            assert_eq!(highest, sums);
            assert_eq!(folded.take().into_iter().collect::<BTreeMap<_, _>>(), sums);
        }
    });
}

#[test]
fn co_map_tells_its_ports_apart_and_shares_its_state() {
    over_both("co-map", |job, kind| {
        let flow = flow(job, kind);
        let numbers = flow.source("numbers", 2, |at| IterSource::new(share(at, 100)));
        let words = flow.source("words", 1, |_| IterSource::new((0..40).map(|n| format!("w{n}"))));
        let both = numbers.co_map(
            &words,
            "both",
            0_u64,
            |count, n| {
                *count += 1;
                (*count, format!("left {n}"))
            },
            |count, word| {
                *count += 1;
                (*count, format!("right {word}"))
            },
        );
        let results = both.buffer_size(2).collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let (counts, texts): (Vec<_>, Vec<_>) = results.take().into_iter().unzip();
        assert_eq!(sorted(counts), (1..=140).collect::<Vec<u64>>());
        let left = (0..100).map(|n| format!("left {n}"));
        assert_eq!(
            sorted(texts),
            sorted(left.chain((0..40).map(|n| format!("right w{n}"))))
        );
        assert_eq!(report.ledger.edge("numbers -> both[0]").unwrap().delivered, 100);
        assert_eq!(report.ledger.edge("words -> both[1]").unwrap().delivered, 40);
    });
}

#[test]
fn windows_count_what_a_plain_loop_counts() {
    over_both("windows", |job, kind| {
        let spec = WindowSpec::sliding(40, 10).unwrap();
        let mut expected = BTreeMap::<(u64, u64), u64>::new();
        for n in 0..600_u64 {
            spec.windows(n)
                .for_each(|end| *expected.entry((end, n % 5)).or_default() += 1);
        }
        for parallelism in 1..=4 {
            let flow = flow(job, kind);
            let counts = flow
                .source("numbers", 2, |at| {
                    IterSource::new(share(at, 600)).with_event_time(|n| *n, 0)
                })
                .key_by("key", |n| n % 5)
                .window(
                    "count",
                    spec,
                    |n| *n,
                    AggregateFn::new(
                        |count: &mut u64, _| *count += 1,
                        |into: &mut u64, from: &u64| *into += from,
                    ),
                    |end, key, count| Ok((end, key.decode::<u64>()?, count)),
                )
                .parallelism(parallelism)
                .buffer_size(2)
                .collect("counts");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let counts = counts.take();
            assert_eq!(counts.len(), expected.len(), "each window fires once per key");
            let counts: BTreeMap<_, _> = counts
                .into_iter()
                .map(|(end, key, count)| ((end, key), count))
                .collect();
            assert_eq!(counts, expected);
        }
    });
}

#[test]
fn three_streams_join_in_a_chain() {
    over_both("join", |job, kind| {
        let spec = WindowSpec::tumbling(10).unwrap();
        let flow = flow(job, kind);
        let stream = |name: &'static str, end: u64, step: usize| {
            flow.source(name, 1, move |_| {
                IterSource::new((0..end).step_by(step)).with_event_time(|n| *n, 0)
            })
            .key_by(&format!("key-{name}"), |n| n % 3)
        };
        let (a, b, c) = (stream("a", 60, 1), stream("b", 60, 2), stream("c", 40, 5));
        let joined = a
            .join(&b, "a-b", spec, |n| *n, |n| *n, |_, a, b| (*a, *b))
            .parallelism(2)
            .buffer_size(1)
            .key_by("again", |pair| pair.0 % 3)
            .join(&c, "ab-c", spec, |pair| pair.0, |n| *n, |_, ab, c| (ab.0, ab.1, *c))
            .parallelism(3)
            .collect("triples");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let mut expected = Vec::new();
        for a in 0..60_u64 {
            for b in (0..60).step_by(2).filter(|b| a / 10 == b / 10 && a % 3 == b % 3) {
                let matching = (0..40).step_by(5).filter(|c| a / 10 == c / 10 && a % 3 == c % 3);
                expected.extend(matching.map(|c| (a, b, c)));
            }
        }
        assert!(!expected.is_empty());
        assert_eq!(sorted(joined.take()), expected);
    });
}

#[test]
fn a_stream_used_twice_gives_each_its_own_copy_and_meets_again_without_a_deadlock() {
    over_both("diamond", |job, kind| {
        for (parallelism, size) in [(1, 1), (2, 1), (3, 2), (2, 1000)] {
            let flow = flow(job, kind);
            let numbers = flow.source("numbers", 1, |_| IterSource::new(0..400_u64));
            let slow = numbers.map("left", |n| n).parallelism(parallelism).buffer_size(size);
            let fast = numbers.flat_map("right", |n| [n, n]).buffer_size(size);
            let all = slow
                .co_map(&fast, "meet", (), |(), n| (0_u8, n), |(), n| (1_u8, n))
                .buffer_size(size)
                .collect("all");
            let straight = numbers.buffer_size(size).collect("straight");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(
                straight.take(),
                (0..400).collect::<Vec<_>>(),
                "one instance to one: in order"
            );
            let expected = (0..400).flat_map(|n| [(0, n), (1, n), (1, n)]);
            assert_eq!(sorted(all.take()), sorted(expected));
            assert_eq!(report.node("numbers").unwrap().packets_out, 400);
            assert_eq!(report.ledger.totals().accepted, 400 * 3 + 400 + 800 + 1200);
        }
    });
}

/// Whoever sends sees where the load of the next queue is going: that is what it is sampled for.
#[test]
fn a_sender_sees_the_trend_of_a_queue_that_fills() {
    over_queues("trend", |job, kind| {
        let (done, seen) = (Signal::default(), Arc::new(AtomicU64::new(0)));
        let (flow, ended, found) = (flow(job, kind), done.clone(), Arc::clone(&seen));
        let _ = flow
            .source("numbers", 1, move |_| {
                let (done, seen, mut looks) = (done.clone(), Arc::clone(&seen), 0_u64);
                FnSource::new(move |ctx| {
                    let info = ctx.routing_info();
                    let mut targets = info.groups.iter().flat_map(|group| &group.targets);
                    let rises = targets.any(|target| target.load_trend > 0.05);
                    if rises || looks == 200 {
                        seen.store(u64::from(rises), Ordering::Relaxed);
                        done.raise();
                        return Ok(SourceStep::Done);
                    }
                    looks += 1;
                    if looks <= 10 {
                        // One by one, each of them an item of a queue of twelve.
                        ctx.emit(looks)?;
                    }
                    Ok(SourceStep::Idle(Duration::from_millis(50)))
                })
            })
            .for_each("wait", move |_| ended.wait_for(1))
            .buffer_size(200);
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(
            found.load(Ordering::Relaxed),
            1,
            "the queue filled, and no trend was seen"
        );
    });
}
