//! Counters and the ledger: nothing is missed by them, and nothing that is missing is missed.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod common;

use std::sync::Arc;
use std::thread;

use common::{PlainQueue, within_a_minute};
use queue_core::{
    Counter, DropCause, EdgeCounts, EdgeReport, ErrorKind, Ledger, LedgerReport, Queue, QueueCore, QueueStats,
};

#[test]
fn a_counter_misses_nothing_under_many_threads() {
    let counter = Arc::new(Counter::new());
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let counter = Arc::clone(&counter);
            thread::spawn(move || (0..100_000).for_each(|_| counter.add(3)))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(counter.get(), 8 * 100_000 * 3);
}

#[test]
fn the_numbers_of_a_queue_are_its_own() {
    let queue = PlainQueue::new(Some(4));
    (0..3).for_each(|item: u8| queue.put(item).unwrap());
    queue.get().unwrap();
    queue.close();
    let stats = QueueStats::of(&queue);
    let expected = QueueStats {
        depth: Some(2),
        capacity: Some(4),
        put_total: Some(3),
        get_total: Some(1),
        closed: true,
        leases: None,
    };
    assert_eq!(stats, expected);
    assert_eq!(stats.load(), Some(0.5));
    let json = serde_json::to_string(&stats).unwrap();
    assert_eq!(
        json,
        r#"{"depth":2,"capacity":4,"put_total":3,"get_total":1,"closed":true,"leases":null}"#
    );
    assert_eq!(serde_json::from_str::<QueueStats>(&json).unwrap(), stats);
    assert_eq!(QueueStats::of(&PlainQueue::<u8>::new(None)).load(), None);
}

/// Moves items through a queue with two producers and two consumers, each counting per batch; one in `skip` items is
/// taken and counted nowhere.
fn run_edge(ledger: &Arc<Ledger>, name: &'static str, skip: Option<u64>) {
    let queue = Arc::new(PlainQueue::<u64>::new(Some(32)));
    let producers: Vec<_> = (0..2_u64)
        .map(|producer| {
            let (queue, edge) = (Arc::clone(&queue), ledger.edge(name));
            thread::spawn(move || {
                for batch in 0..100 {
                    let mut items = (0..10).map(|n| producer * 1000 + batch * 10 + n).collect();
                    let mut accepted = 0;
                    while accepted < 10 {
                        accepted += queue.put_batch(&mut items, queue_core::Wait::Forever).unwrap();
                    }
                    edge.accept(10);
                }
            })
        })
        .collect();
    let consumers: Vec<_> = (0..2)
        .map(|_| {
            let (queue, edge) = (Arc::clone(&queue), ledger.edge(name));
            thread::spawn(move || {
                let mut items = Vec::new();
                while queue.get_batch(&mut items, 7, queue_core::Wait::Forever).is_ok() {
                    let lost = items
                        .iter()
                        .filter(|item| skip.is_some_and(|skip| *item % skip == 0))
                        .count();
                    let late = items.iter().filter(|item| *item % 50 == 1).count();
                    edge.drop_items(DropCause::Late, late as u64);
                    edge.deliver((items.len() - late - lost) as u64);
                    items.clear();
                }
            })
        })
        .collect();
    producers.into_iter().for_each(|thread| thread.join().unwrap());
    queue.close();
    consumers.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_planted_loss_is_caught_and_an_honest_edge_balances() {
    within_a_minute(|| {
        let ledger = Arc::new(Ledger::new());
        run_edge(&ledger, "honest", None);
        let report = ledger.report(|_| 0);
        report.check().unwrap();
        let counts = report.edge("honest").unwrap();
        assert_eq!((counts.accepted, counts.delivered), (2000, 1960));
        assert_eq!(counts.dropped[&DropCause::Late], 40);

        run_edge(&ledger, "leaky", Some(1000));
        let error = ledger.report(|_| 0).check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        let text = error.to_string();
        for part in [
            "`leaky`",
            "2000 accepted",
            "1958 delivered",
            "40 dropped (late)",
            "lost=2",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    });
}

fn counts(accepted: u64, delivered: u64) -> EdgeCounts {
    EdgeCounts {
        accepted,
        delivered,
        ..EdgeCounts::default()
    }
}

fn report(edges: &[(&str, EdgeCounts)]) -> LedgerReport {
    LedgerReport::new(edges.iter().map(|(edge, counts)| EdgeReport {
        edge: (*edge).to_owned(),
        counts: counts.clone(),
    }))
}

#[test]
fn one_item_too_many_is_caught_as_well() {
    let error = report(&[("a", counts(5, 6))]).check().unwrap_err();
    assert!(error.to_string().contains("surplus=1"), "{error}");
    let both = report(&[("a", counts(5, 6)), ("b", counts(5, 4))]);
    assert!(both.totals().balances(), "in sum they cancel out");
    let error = both.check().unwrap_err();
    assert!(error.to_string().contains("more_edges=1"), "{error}");
}

#[test]
fn an_edge_between_two_processes_balances_in_the_merged_books() {
    let producer = report(&[("a -> b", counts(10, 0)), ("x", counts(1, 1))]);
    let mut consumed = counts(0, 7);
    consumed.in_flight = 1;
    consumed.dead_lettered = 1;
    consumed.dropped.insert(DropCause::Failed, 1);
    consumed.redelivered = 4;
    let consumer = report(&[("a -> b", consumed)]);
    assert!(producer.check().is_err() && consumer.check().is_err());
    let merged = LedgerReport::merge([producer, consumer]);
    merged.check().unwrap();
    assert_eq!(merged.edges().len(), 2);
    assert_eq!(merged.totals().accepted, 11);
    assert_eq!(merged.edge("a -> b").unwrap().redelivered, 4);
}

#[test]
fn a_report_travels_and_its_totals_are_not_believed() {
    let written = report(&[("a", counts(3, 2)), ("b", counts(1, 1))]);
    let mut json = serde_json::to_value(&written).unwrap();
    assert_eq!(serde_json::from_value::<LedgerReport>(json.clone()).unwrap(), written);
    json["totals"]["delivered"] = 99.into();
    let read: LedgerReport = serde_json::from_value(json).unwrap();
    assert_eq!(read.totals().delivered, 3, "two and one");
    assert_eq!(read, written);
    let huge = LedgerReport::merge([report(&[("a", counts(u64::MAX, 1))]), report(&[("a", counts(9, 1))])]);
    assert_eq!(huge.edge("a").unwrap().accepted, u64::MAX);
    assert!(huge.check().is_err());
}

#[test]
fn every_cause_is_counted_under_its_own_name() {
    let ledger = Ledger::new();
    let edge = ledger.edge("e");
    for (n, cause) in DropCause::ALL.into_iter().enumerate() {
        edge.drop_items(cause, n as u64 + 1);
        let name = serde_json::to_string(&cause).unwrap();
        assert_eq!(name, format!("{:?}", cause.as_str()));
    }
    edge.accept(28);
    edge.duplicate(3);
    let report = ledger.report(|_| 0);
    report.check().unwrap();
    let dropped = &report.edge("e").unwrap().dropped;
    assert!(
        DropCause::ALL
            .into_iter()
            .enumerate()
            .all(|(n, cause)| dropped[&cause] == n as u64 + 1)
    );
    assert_eq!(report.totals().duplicated, 3);
}
