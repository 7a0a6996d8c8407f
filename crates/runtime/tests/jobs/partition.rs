//! Which instance gets what, and what a packet keeps on its way.

use std::collections::{BTreeMap, BTreeSet};

use router::Packet;
use runtime::ops::{Either, IterSource};
use runtime::{Deployment, NodeKind, OpResult, Operator, Outcome, Source, SourceStep, TaskContext};

use crate::rig::{Witness, assert_complete, flow, over_both, share, sorted};

#[test]
fn broadcast_gives_every_instance_every_packet() {
    over_both("broadcast", |job, kind| {
        let flow = flow(job, kind);
        let seen = Witness::new();
        let numbers = flow.source("numbers", 2, |at| IterSource::new(share(at, 200)));
        let _ = numbers
            .broadcast()
            .sink("all", seen.sink())
            .parallelism(3)
            .buffer_size(2);
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let seen = seen.take();
        for instance in 0..3 {
            let items = seen.iter().filter(|it| it.instance == instance).map(|it| it.item);
            assert_eq!(sorted(items), (0..200).collect::<Vec<u64>>());
        }
        assert_eq!(report.ledger.totals().accepted, 600);
    });
}

#[test]
fn forward_stays_with_the_instance_of_the_same_number() {
    over_both("forward", |job, kind| {
        let flow = flow(job, kind);
        let seen = Witness::new();
        let numbers = flow.source("numbers", 3, |at| IterSource::new(share(at, 300)));
        let _ = numbers
            .forward()
            .sink("same", seen.sink())
            .parallelism(3)
            .buffer_size(1);
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let seen = seen.take();
        assert_eq!(seen.len(), 300);
        assert!(seen.iter().all(|it| it.item % 3 == u64::from(it.instance)));
    });
}

#[test]
fn round_robin_spreads_evenly() {
    over_both("round-robin", |job, kind| {
        let flow = flow(job, kind);
        let seen = Witness::new();
        let numbers = flow.source("numbers", 2, |at| IterSource::new(share(at, 240)));
        let _ = numbers.sink("each", seen.sink()).parallelism(4).buffer_size(2);
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let mut shares = BTreeMap::<u32, u32>::new();
        seen.take()
            .iter()
            .for_each(|it| *shares.entry(it.instance).or_default() += 1);
        assert_eq!(shares, BTreeMap::from([(0, 60), (1, 60), (2, 60), (3, 60)]));
    });
}

#[test]
fn hash_keeps_every_key_in_one_instance_and_in_order() {
    over_both("hash", |job, kind| {
        for parallelism in 1..=4 {
            let flow = flow(job, kind);
            let seen = Witness::new();
            let keyed = flow
                .source("numbers", 1, |_| IterSource::new(0..1000_u64))
                .key_by("key", |n| format!("user-{}", n % 20))
                .buffer_size(1);
            let _ = keyed
                .process("each", NodeKind::Sink, seen.sink())
                .parallelism(parallelism)
                .buffer_size(3);
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            let (mut homes, mut last) = (BTreeMap::new(), BTreeMap::new());
            for it in seen.take() {
                let user = it.item % 20;
                assert_eq!(it.key.unwrap().decode::<String>().unwrap(), format!("user-{user}"));
                assert_eq!(*homes.entry(user).or_insert(it.instance), it.instance);
                let before = last.insert(user, it.item);
                assert!(
                    before.is_none_or(|before| before < it.item),
                    "{before:?} before {}",
                    it.item
                );
            }
            assert_eq!(last.into_values().collect::<Vec<_>>(), (980..1000).collect::<Vec<_>>());
            let used: BTreeSet<u32> = homes.into_values().collect();
            assert_eq!(
                used.len() > 1,
                parallelism > 1,
                "20 keys do not all meet in one of {parallelism}"
            );
        }
    });
}

/// Emits packets that carry their own timestamp as payload.
struct Stamped(u64);

impl Source<u64> for Stamped {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        for stamp in 1..=self.0 {
            ctx.send_packet(Packet::new(stamp, stamp))?;
        }
        Ok(SourceStep::Done)
    }
}

#[test]
fn the_timestamp_of_the_source_survives_every_hop() {
    over_both("timestamps", |job, kind| {
        let flow = flow(job, kind);
        let seen = Witness::new();
        let _ = flow
            .source("stamped", 1, |_| Stamped(100))
            .map("map", |n| n)
            .parallelism(2)
            .filter("filter", |_| true)
            .flat_map("double", |n| [n, n])
            .inspect("look", |_| ())
            .key_by("key", |n| n % 4)
            .parallelism(2)
            .reduce("latest", |_, next| next)
            .parallelism(2)
            .try_map("still", Ok::<u64, std::fmt::Error>)
            .sink("seen", seen.sink());
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let seen = seen.take();
        assert_eq!(seen.len(), 200);
        for it in seen {
            assert_eq!(it.timestamp, it.item);
            assert_eq!(it.key.unwrap().decode::<u64>().unwrap(), it.item % 4);
        }
    });
}

/// Sends on which port each packet came in by.
struct Ports;

impl Operator<Either<u64, String>, (u16, bool)> for Ports {
    fn process(&mut self, packet: Packet<Either<u64, String>>, ctx: &mut TaskContext<(u16, bool)>) -> OpResult {
        let port = packet.input_index();
        ctx.emit((port, u32::from(port) == packet.payload.port()))
    }
}

#[test]
fn packets_know_the_port_they_came_in_by() {
    over_both("ports", |job, kind| {
        let flow = flow(job, kind);
        let numbers = flow.source("numbers", 1, |_| IterSource::new(0..30_u64));
        let words = flow.source("words", 1, |_| IterSource::new((0..20).map(|n| n.to_string())));
        let seen = Witness::new();
        let _ = numbers
            .process_with(&words, "ports", NodeKind::Custom("ports".into()), |_| Ports)
            .buffer_size(1)
            .sink("seen", seen.sink());
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let seen = seen.take();
        assert!(
            seen.iter().all(|it| it.item.1 && it.port == 0),
            "the next hop has one port again"
        );
        let right = seen.iter().filter(|it| it.item.0 == 1).count();
        assert_eq!((seen.len(), right), (50, 20));
    });
}
