//! The key of the packet at hand, and state by key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use router::{Key, Packet};
use runtime::ops::{IterSource, Reduce};
use runtime::{Deployment, ErrorPolicy, NodeKind, OpResult, Operator, Outcome, TaskContext};

use crate::rig::{Witness, assert_complete, assert_cut_off, flow, over_both, share, sorted};

type Log = Arc<Mutex<Vec<(&'static str, Option<Key>)>>>;

/// Writes down the key it sees at every call, and fails on odd numbers.
struct KeyLog(Log);

impl KeyLog {
    fn note(&self, call: &'static str, ctx: &TaskContext<u64>) {
        self.0.lock().unwrap().push((call, ctx.key().cloned()));
    }
}

impl Operator<u64, u64> for KeyLog {
    fn open(&mut self, ctx: &mut TaskContext<u64>) -> OpResult {
        self.note("open", ctx);
        Ok(())
    }

    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        self.note("process", ctx);
        assert_eq!(packet.key(), Some(&Key::from(packet.payload)));
        if packet.payload % 2 == 1 {
            return Err("odd".into());
        }
        ctx.emit(packet.payload)
    }

    fn watermark(&mut self, _time: u64, ctx: &mut TaskContext<u64>) -> OpResult {
        self.note("watermark", ctx);
        Ok(())
    }

    fn close(&mut self, ctx: &mut TaskContext<u64>) -> OpResult {
        self.note("close", ctx);
        Ok(())
    }
}

#[test]
fn the_key_is_there_during_a_packet_and_gone_after_it_even_after_a_failure() {
    over_both("key-log", |job, kind| {
        for last in [5, 6_u64] {
            let log = Log::default();
            let inner = Arc::clone(&log);
            let flow = flow(job, kind);
            let results = flow
                .source("numbers", 1, move |_| {
                    IterSource::new(0..=last).with_event_time(|n| *n, 0)
                })
                .key_by("key", |n| *n)
                .process("log", NodeKind::Map, move |_| KeyLog(Arc::clone(&inner)))
                .on_error(ErrorPolicy::Skip)
                .collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(results.take(), (0..=last).step_by(2).collect::<Vec<_>>());
            let log = log.lock().unwrap();
            let of = |call| log.iter().filter(move |it| it.0 == call).map(|it| it.1.clone());
            assert!(of("process").eq((0..=last).map(|n| Some(Key::from(n)))));
            assert!(of("open").eq([None]) && of("close").eq([None]));
            assert!(of("watermark").count() > 0 && of("watermark").all(|key| key.is_none()));
        }
    });
}

#[test]
fn keyed_state_counts_each_key_by_itself() {
    over_both("key-counts", |job, kind| {
        let flow = flow(job, kind);
        let counts = flow
            .source("numbers", 2, |_| IterSource::new(0..100_u64))
            .map("one", |n| (n % 10, 1_u64))
            .key_by("key", |it| it.0)
            .reduce("count", |sum, next| (sum.0, sum.1 + next.1))
            .parallelism(3)
            .collect("counts");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let expected = (0..10).flat_map(|key| (1..=20).map(move |count| (key, count)));
        assert_eq!(sorted(counts.take()), expected.collect::<Vec<_>>());
    });
}

#[test]
fn a_packet_without_a_key_is_refused_with_a_remedy() {
    over_both("no-key", |job, kind| {
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..10_u64))
            .process("sum", NodeKind::Custom("sum".into()), |_| {
                Reduce::new(|sum: &u64, next: u64| sum + next)
            })
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_cut_off(&report, Outcome::Failed);
        let failure = &report.failures[0];
        assert!(
            failure.message.contains("without") && failure.message.contains("key_by"),
            "{failure}"
        );
        assert!(!failure.panicked);
    });
}

#[test]
fn zero_empty_and_false_are_keys_like_others() {
    over_both("falsy", |job, kind| {
        let keys: [fn() -> Key; 4] = [
            || Key::from(0_u64),
            || Key::from(""),
            || Key::from(false),
            || Key::from(()),
        ];
        for key in keys {
            let seen = Witness::new();
            let flow = flow(job, kind);
            let _ = flow
                .source("ones", 2, |_| IterSource::new([1_u64; 20]))
                .key_by("key", move |_| key())
                .reduce("sum", |sum, next| sum + next)
                .parallelism(3)
                .sink("seen", seen.sink());
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let seen = seen.take();
            assert!(seen.iter().all(|it| it.key == Some(key())));
            assert_eq!(
                sorted(seen.iter().map(|it| it.item)),
                (1..=40).collect::<Vec<_>>(),
                "one state"
            );
        }
    });
}

#[test]
fn one_key_of_two_streams_meets_in_one_instance() {
    over_both("key-meets", |job, kind| {
        let flow = flow(job, kind);
        let seen = Witness::new();
        // Each stream has the key in a place of its own.
        let users = flow
            .source("users", 2, |at| IterSource::new(share(at, 40)))
            .key_by("user", |n| n % 20);
        let events = flow
            .source("events", 1, |_| IterSource::new((0..80_u64).map(|n| (n, n % 20))))
            .key_by("user_of_event", |event| event.1);
        let _ = users
            .co_map(&events, "both", (), |(), n| (0_u8, n % 20), |(), event| (1, event.1))
            .parallelism(3)
            .forward()
            .sink("seen", seen.sink())
            .parallelism(3);
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let mut homes = BTreeMap::<u64, Vec<(u8, u32)>>::new();
        for it in seen.take() {
            homes.entry(it.item.1).or_default().push((it.item.0, it.instance));
        }
        assert_eq!(homes.len(), 20);
        for (key, of_key) in &homes {
            let home = of_key[0].1;
            assert!(
                of_key.iter().all(|(_, instance)| *instance == home),
                "{key}: {of_key:?}"
            );
            let of_users = of_key.iter().filter(|(stream, _)| *stream == 0).count();
            assert_eq!((of_users, of_key.len()), (2, 6), "{key}: {of_key:?}");
        }
        assert!(
            homes.values().any(|of_key| of_key[0].1 != homes[&0][0].1),
            "20 keys do not all meet in one of 3"
        );
    });
}
