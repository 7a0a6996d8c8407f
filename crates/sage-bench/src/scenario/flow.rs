//! Producers send as fast as they can, consumers receive as fast as they can.

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::each_subject;
use crate::measure::{Better, Case, Group, Metric, Size};
use crate::payload::{Line, Payload};
use crate::subject::{Rx, Subject, Tx, fits};
use crate::system::{cpu_time, pin};

/// Throughput and what it costs.
pub(super) const fn metrics(scenario: &'static str) -> [Metric; 2] {
    [
        Metric {
            scenario,
            unit: "M items/s",
            better: Better::Higher,
        },
        Metric {
            scenario,
            unit: "CPU ns/item",
            better: Better::Lower,
        },
    ]
}

pub(super) fn groups() -> Vec<Group> {
    vec![
        group::<u64>("spsc", 1, 1),
        group::<Line>("spsc", 1, 1),
        group::<u64>("4x1", 4, 1),
        group::<Line>("4x1", 4, 1),
        group::<u64>("4x4", 4, 4),
        group::<Line>("4x4", 4, 4),
    ]
}

fn group<T: Payload>(scenario: &'static str, producers: usize, consumers: usize) -> Group {
    let mut cases = Vec::new();
    macro_rules! each {
        ($($subject:ident),*) => {$(
            if fits(<$subject as Subject>::SHAPE, producers, consumers) {
                cases.push(Case::new(<$subject as Subject>::NAME, <$subject as Subject>::ROLE, move |items| {
                    run::<$subject, T>(producers, consumers, items)
                }));
            }
        )*};
    }
    each_subject!(each);
    Group {
        size: Size::Items,
        item: T::NAME,
        metrics: metrics(scenario).into(),
        cases,
    }
}

/// When a thread was at work.
struct Shift {
    start: Instant,
    end: Instant,
    sum: u64,
}

/// One producer and one consumer have a processor each; more are left to the system.
fn run<S: Subject, T: Payload>(producers: usize, consumers: usize, items: u64) -> Vec<f64> {
    let pinned = producers == 1 && consumers == 1;
    let (txs, rxs) = S::open::<T>(producers, consumers);
    let start = Barrier::new(producers + consumers);
    let (sent, received) = (items / producers as u64, items / consumers as u64);
    let cpu = cpu_time();
    let shifts: Vec<(bool, Shift)> = thread::scope(|scope| {
        let mut threads = Vec::new();
        for mut tx in txs {
            let start = &start;
            threads.push(scope.spawn(move || {
                if pinned {
                    pin(0);
                }
                start.wait();
                let begun = Instant::now();
                for number in 0..sent {
                    tx.send(T::new(number));
                }
                (true, shift(begun, sent * sent.saturating_sub(1) / 2))
            }));
        }
        for mut rx in rxs {
            let start = &start;
            threads.push(scope.spawn(move || {
                if pinned {
                    pin(1);
                }
                start.wait();
                let begun = Instant::now();
                let mut sum = 0;
                for _ in 0..received {
                    sum += rx.recv().number();
                }
                (false, shift(begun, sum))
            }));
        }
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a thread of the scenario ends"))
            .collect()
    });
    let cpu = cpu_time() - cpu;
    let sum = |sent: bool| -> u64 {
        let of = shifts.iter().filter(|(producer, _)| *producer == sent);
        of.map(|(_, shift)| shift.sum).sum()
    };
    assert_eq!(sum(true), sum(false), "{} lost or changed items", S::NAME);
    let begun = shifts.iter().map(|(_, shift)| shift.start).min();
    let ended = shifts.iter().map(|(_, shift)| shift.end).max();
    let took = begun
        .zip(ended)
        .map_or(0.0, |(begun, ended)| (ended - begun).as_secs_f64());
    rates(items, took, cpu.as_secs_f64())
}

fn shift(start: Instant, sum: u64) -> Shift {
    Shift {
        start,
        end: Instant::now(),
        sum,
    }
}

/// The values of [`metrics`].
pub(super) fn rates(items: u64, seconds: f64, cpu_seconds: f64) -> Vec<f64> {
    vec![items as f64 / seconds / 1e6, cpu_seconds * 1e9 / items as f64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_delivers_everything_in_every_shape() {
        for group in groups() {
            for case in &group.cases {
                let values = (case.run)(512);
                assert!(values.iter().all(|value| *value > 0.0), "{}: {values:?}", case.subject);
            }
        }
    }
}
