//! Operators that are called by the one before them: the same packets, accounts and reports as over queues.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use descriptor_core::DropCause;
use router::{Packet, PacketPartition};
use runtime::ops::IterSource;
use runtime::{Data, Deployment, ErrorPolicy, JobReport, NodeKind, OpResult, Operator, Outcome, TaskContext};

use crate::rig::{CHAINED, Signal, Witness, assert_complete, assert_cut_off, flow, hold, over_both, queues_of, share};

/// Where each packet was worked on, and whether its instance had a queue.
type Places = Arc<Mutex<Vec<(ThreadId, bool)>>>;

struct Look(Places);

impl<T: Data> Operator<T, T> for Look {
    fn process(&mut self, packet: Packet<T>, ctx: &mut TaskContext<T>) -> OpResult {
        let place = (thread::current().id(), ctx.input_descriptor().is_some());
        self.0.lock().unwrap().push(place);
        ctx.send_packet(packet)
    }
}

/// The threads that worked on a node, and whether it had queues.
fn places(places: &Places) -> (Vec<ThreadId>, bool) {
    let seen = std::mem::take(&mut *places.lock().unwrap());
    let queued = seen.iter().any(|(_, queued)| *queued);
    let mut threads: Vec<_> = seen.into_iter().map(|(thread, _)| thread).collect();
    threads.dedup();
    (threads, queued)
}

fn watched(name: &'static str, test: impl FnOnce() + Send + 'static) {
    queue_testkit::watchdog(Duration::from_secs(240), name, test);
}

#[test]
fn straight_edges_are_calls_unless_a_node_asks_for_a_queue() {
    watched("calls", || {
        for asks in ["nothing", "size", "type", "queue"] {
            let (first, second) = (Places::default(), Places::default());
            let (one, two) = (Arc::clone(&first), Arc::clone(&second));
            let flow = flow("calls", CHAINED);
            let numbers = flow.source("numbers", 1, |_| IterSource::new(0..50_u64));
            let looked = numbers.process("first", NodeKind::Map, move |_| Look(Arc::clone(&one)));
            let again = looked.process("second", NodeKind::Map, move |_| Look(Arc::clone(&two)));
            let again = match asks {
                "size" => again.buffer_size(7),
                "type" => again.queue("local"),
                "queue" => again.chain(false),
                _ => again,
            };
            let results = again.collect("results");
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            assert_complete(&report, Outcome::Finished);
            assert_eq!(results.take(), (0..50).collect::<Vec<_>>());
            let ((first, queued), (second, asked)) = (places(&first), places(&second));
            assert!(!queued && first.len() == 1 && second.len() == 1);
            assert_eq!(
                (asked, first != second),
                (asks != "nothing", asks != "nothing"),
                "{asks}"
            );
        }
    });
}

#[test]
fn a_long_row_of_operators_works_in_pieces() {
    watched("row", || {
        let flow = flow("row", CHAINED);
        let seen = Places::default();
        let mut stream = flow.source("numbers", 2, |at| IterSource::new(share(at, 100)));
        for number in 0..70 {
            let seen = Arc::clone(&seen);
            stream = stream
                .forward()
                .process(&format!("step{number}"), NodeKind::Map, move |_| {
                    Look(Arc::clone(&seen))
                })
                .parallelism(2);
        }
        let results = stream.collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        assert_eq!(results.len(), 100);
        assert!(
            report
                .nodes
                .iter()
                .all(|node| node.node == "numbers" || node.packets_in == 100)
        );
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        let threads: std::collections::HashSet<_> = seen.iter().map(|(thread, _)| *thread).collect();
        // A source and 31 operators, 32 operators, the last 7; twice.
        assert_eq!(threads.len(), 6);
    });
}

/// A job of every kind of straight edge, with losses on the way.
fn mixed(job: &str, kind: &str) -> (JobReport, Vec<u64>) {
    let flow = flow(job, kind);
    let numbers = flow.source("numbers", 2, |at| IterSource::new(share(at, 200)));
    let results = numbers
        .forward()
        .try_map("skips", |n| if n % 10 == 3 { Err("three") } else { Ok(n) })
        .parallelism(2)
        .on_error(ErrorPolicy::Skip)
        .forward()
        .try_map("lays_aside", |n| if n % 10 == 4 { Err("four") } else { Ok(n) })
        .parallelism(2)
        .on_error(ErrorPolicy::DeadLetter)
        .forward()
        .filter("even", |n| n % 2 == 0)
        .parallelism(2)
        .forward()
        .flat_map("twice", |n| [n, n])
        .parallelism(2)
        .key_by("key", |n| n % 7)
        .fold("sum", || 0, |sum: &mut u64, n| *sum += n, |_, sum| Ok(sum))
        .map("one_more", |n| n + 1)
        .collect("results");
    let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
    let mut results = results.take();
    results.sort();
    (report, results)
}

#[test]
fn reports_and_books_are_those_of_queues() {
    watched("books", || {
        let (by_queues, expected) = mixed("books", "sage_queue");
        let (by_calls, results) = mixed("books", CHAINED);
        assert_eq!(results, expected);
        assert_eq!(by_calls.nodes, by_queues.nodes);
        assert_eq!(books(&by_calls), books(&by_queues));
        assert!(by_calls.is_complete() && by_queues.is_complete());
        assert_eq!(by_calls.node("skips").unwrap().skipped, 20);
        assert_eq!(by_calls.ledger.edge("skips -> lays_aside").unwrap().dead_lettered, 20);
    });
}

fn books(report: &JobReport) -> Vec<String> {
    report
        .ledger
        .edges()
        .iter()
        .map(|it| format!("{}: {}", it.edge, it.counts))
        .collect()
}

/// Fails in one place, among others that pass on.
struct Trap {
    springs: bool,
    panics: bool,
    moment: &'static str,
}

impl Trap {
    fn reach(&self, moment: &str) -> OpResult {
        if !self.springs || moment != self.moment {
            return Ok(());
        }
        assert!(!self.panics, "sprung at {moment}");
        Err(format!("sprung at {moment}").into())
    }
}

impl Operator<u64, u64> for Trap {
    fn open(&mut self, _: &mut TaskContext<u64>) -> OpResult {
        self.reach("open")
    }

    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        if packet.payload == 13 {
            self.reach("item")?;
        }
        // What is further down has ended; this one pretends not to have seen it.
        let _ = ctx.emit(packet.payload);
        Ok(())
    }

    fn watermark(&mut self, _: u64, _: &mut TaskContext<u64>) -> OpResult {
        self.reach("watermark")
    }

    fn close(&mut self, _: &mut TaskContext<u64>) -> OpResult {
        self.reach("close")
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        if self.moment == "drop" {
            let _ = self.reach("drop");
        }
    }
}

#[test]
fn a_failure_anywhere_in_a_chain_is_that_nodes_and_the_books_close() {
    watched("blame", || {
        for moment in ["open", "item", "watermark", "close", "drop"] {
            for (place, panics) in [(0, true), (1, true), (2, true), (0, false), (1, false), (2, false)] {
                if moment == "drop" && !panics {
                    continue;
                }
                blame(moment, place, panics);
            }
        }
    });
}

fn blame(moment: &'static str, place: usize, panics: bool) {
    let flow = flow("blame", CHAINED);
    // In one step, and enough of them that packets are handed on while each operator has one in hand.
    let mut stream = flow.source("numbers", 1, |_| {
        runtime::ops::FnSource::new(|ctx: &mut TaskContext<u64>| {
            (0..200).try_for_each(|number| ctx.emit(number))?;
            ctx.watermark(20)?;
            Ok(runtime::SourceStep::Done)
        })
    });
    for number in 0..3 {
        let make = move |_: &_| Trap {
            springs: number == place,
            panics,
            moment,
        };
        stream = stream.process(&format!("step{number}"), NodeKind::Map, make);
    }
    let _ = stream.collect("results");
    let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
    let about = format!("{moment} {place} {panics}: {report:?}");
    assert_cut_off(&report, Outcome::Failed);
    let [failure] = &report.failures[..] else {
        panic!("{about}");
    };
    assert_eq!(failure.instance, format!("step{place}_0"), "{about}");
    assert_eq!(
        (failure.message.clone(), failure.panicked),
        (format!("sprung at {moment}"), panics)
    );
    if moment == "item" {
        let before = ["numbers", "step0", "step1"][place];
        let edge = report.ledger.edge(&format!("{before} -> step{place}")).unwrap();
        assert_eq!(
            (edge.accepted, edge.delivered, edge.dropped[&DropCause::Failed]),
            (14, 13, 1),
            "{about}"
        );
        for earlier in 0..place {
            let before = ["numbers", "step0"][earlier];
            let edge = report.ledger.edge(&format!("{before} -> step{earlier}")).unwrap();
            // An error it has swallowed is no loss of its own; a panic takes the packet in hand along.
            let aborted = panics.then_some(&1);
            assert_eq!(edge.dropped.get(&DropCause::Aborted), aborted, "{about}");
        }
    }
}

#[test]
fn a_slow_operator_in_a_chain_does_not_outlive_an_abort() {
    struct Held(Signal);
    impl Operator<u64, u64> for Held {
        fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
            self.0.raise();
            hold(ctx);
            ctx.emit(packet.payload)
        }
    }
    watched("held", || {
        let holding = Signal::default();
        let at = holding.clone();
        let flow = flow("held", CHAINED);
        let results = flow
            .source("numbers", 1, |_| IterSource::new(0..))
            .process("held", NodeKind::Map, move |_| Held(at.clone()))
            .collect("results");
        let handle = flow.build(Deployment::Threads).unwrap().start().unwrap();
        holding.wait_for(1);
        assert_eq!(queues_of("held"), [""; 0]);
        handle.abort();
        let report = handle.wait();
        assert_cut_off(&report, Outcome::Aborted);
        assert_eq!(holding.times(), 1, "the packets behind it were let go");
        assert!(results.is_empty());
        assert_eq!(report.node("held").unwrap().unsent, 1);
    });
}

#[test]
fn a_packet_may_ask_only_for_what_comes_to_the_same() {
    over_both("wish", |job, kind| {
        for (parallelism, wish) in [
            (1, PacketPartition::RoundRobin),
            (1, PacketPartition::Broadcast),
            (2, PacketPartition::Forward),
            (2, PacketPartition::Rescale),
            (2, PacketPartition::Broadcast),
        ] {
            let seen = Witness::new();
            let flow = flow(job, kind);
            let _ = flow
                .source("numbers", parallelism, |at| IterSource::new(share(at, 10)))
                .forward()
                .process("wish", NodeKind::Map, move |_| Wish(wish))
                .parallelism(parallelism)
                .forward()
                .sink("seen", seen.sink())
                .parallelism(parallelism);
            let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
            if kind == CHAINED && (parallelism, wish) == (2, PacketPartition::Broadcast) {
                assert_cut_off(&report, Outcome::Failed);
                assert!(
                    report.failures[0].message.contains("chain(false)"),
                    "{:?}",
                    report.failures
                );
                assert_eq!(report.failures[0].node, "wish");
            } else {
                assert_complete(&report, Outcome::Finished);
                let copies = if wish == PacketPartition::Broadcast {
                    parallelism as usize
                } else {
                    1
                };
                assert_eq!(seen.take().len(), 10 * copies);
            }
        }
    });
}

struct Wish(PacketPartition);

impl Operator<u64, u64> for Wish {
    fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
        ctx.send_packet(packet.with_partition(self.0))
    }
}

#[test]
fn a_chain_says_where_it_leads() {
    struct Info(Arc<Mutex<Option<router::RoutingInfo>>>);
    impl Operator<u64, u64> for Info {
        fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
            ctx.emit(packet.payload)
        }

        fn close(&mut self, ctx: &mut TaskContext<u64>) -> OpResult {
            *self.0.lock().unwrap() = Some(ctx.routing_info());
            Ok(())
        }
    }
    over_both("info", |job, kind| {
        let info = Arc::new(Mutex::new(None));
        let at = Arc::clone(&info);
        let flow = flow(job, kind);
        let _ = flow
            .source("numbers", 1, |_| IterSource::new(0..10_u64))
            .process("info", NodeKind::Map, move |_| Info(Arc::clone(&at)))
            .collect("results");
        let report = flow.build(Deployment::Threads).unwrap().run().unwrap();
        assert_complete(&report, Outcome::Finished);
        let info = info.lock().unwrap().take().unwrap();
        let target = &info.groups[0].targets[0];
        assert_eq!(
            (info.router.as_str(), target.target_name.as_str()),
            ("info_0", "results_0")
        );
        assert_eq!(target.queue_id.as_str(), format!("{job}/input_results_0"));
        assert_eq!(target.packets.routed, 10);
    });
}
