//! Many more threads than processors, for a long time: whether throughput holds, and whether every consumer gets on.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::flow::{metrics, rates};
use crate::measure::{Better, Case, Group, Metric, Size};
use crate::payload::Payload;
use crate::subject::{Rx, Subject, Tx};
use crate::system::cpu_time;

const SIDE: usize = 8;
/// Ends a consumer.
const STOP: u64 = u64::MAX;

pub(super) fn group() -> Group {
    let mut cases = Vec::new();
    macro_rules! each {
        ($($subject:ident),*) => {$(
            cases.push(Case::new(<$subject as Subject>::NAME, <$subject as Subject>::ROLE, run::<$subject>));
        )*};
    }
    {
        use crate::subject::{Local, Sage};
        each!(Sage, Local);
    }
    #[cfg(feature = "inproc")]
    {
        use crate::subject::{Crossbeam, CrossfireMpmc, Kanal};
        each!(Crossbeam, CrossfireMpmc, Kanal);
    }
    let [throughput, cost] = metrics("oversubscribed");
    let evenness = Metric {
        scenario: "oversubscribed, fastest / slowest",
        unit: "x",
        better: Better::Lower,
    };
    Group {
        size: Size::Millis,
        item: u64::NAME,
        metrics: vec![throughput, cost, evenness],
        cases,
    }
}

/// What one thread moved.
#[derive(Clone, Copy)]
struct Share {
    items: u64,
    sum: u64,
}

fn run<S: Subject>(millis: u64) -> Vec<f64> {
    let (mut txs, rxs) = S::open::<u64>(SIDE + 1, SIDE);
    let last = txs.pop();
    let (start, stop) = (Barrier::new(2 * SIDE + 1), AtomicBool::new(false));
    let (start, stop) = (&start, &stop);
    let (sent, got, took, cpu) = thread::scope(|scope| {
        let producers: Vec<_> = txs
            .into_iter()
            .map(|tx| scope.spawn(move || produce::<S>(tx, start, stop)))
            .collect();
        let consumers: Vec<_> = rxs
            .into_iter()
            .map(|rx| scope.spawn(move || consume::<S>(rx, start)))
            .collect();
        start.wait();
        let (cpu, begun) = (cpu_time(), Instant::now());
        thread::sleep(Duration::from_millis(millis));
        stop.store(true, Ordering::Relaxed);
        let sent: Vec<Share> = producers
            .into_iter()
            .map(|thread| thread.join().expect("a producer ends"))
            .collect();
        if let Some(mut tx) = last {
            (0..SIDE).for_each(|_| tx.send(STOP));
        }
        let got: Vec<Share> = consumers
            .into_iter()
            .map(|thread| thread.join().expect("a consumer ends"))
            .collect();
        (sent, got, begun.elapsed(), cpu_time() - cpu)
    });
    let total = |shares: &[Share]| shares.iter().map(|share| share.items).sum::<u64>();
    let sum = |shares: &[Share]| shares.iter().map(|share| share.sum).fold(0, u64::wrapping_add);
    assert_eq!(
        (total(&sent), sum(&sent)),
        (total(&got), sum(&got)),
        "{} lost or changed items",
        S::NAME
    );
    let (fastest, slowest) = (
        got.iter().map(|share| share.items).max(),
        got.iter().map(|share| share.items).min(),
    );
    let evenness = fastest.unwrap_or(0) as f64 / slowest.unwrap_or(0).max(1) as f64;
    let mut values = rates(total(&got), took.as_secs_f64(), cpu.as_secs_f64());
    values.push(evenness);
    values
}

fn produce<S: Subject>(mut tx: S::Tx<u64>, start: &Barrier, stop: &AtomicBool) -> Share {
    start.wait();
    let (mut items, mut sum) = (0, 0_u64);
    while !stop.load(Ordering::Relaxed) {
        tx.send(items);
        sum = sum.wrapping_add(items);
        items += 1;
    }
    Share { items, sum }
}

fn consume<S: Subject>(mut rx: S::Rx<u64>, start: &Barrier) -> Share {
    start.wait();
    let (mut items, mut sum) = (0, 0_u64);
    loop {
        let number = rx.recv();
        if number == STOP {
            return Share { items, sum };
        }
        sum = sum.wrapping_add(number);
        items += 1;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_subject_ends_with_nothing_lost() {
        for case in super::group().cases {
            let values = (case.run)(20);
            assert!(
                matches!(values.as_slice(), [rate, cost, uneven] if *rate > 0.0 && *cost >= 0.0 && *uneven >= 1.0),
                "{}: {values:?}",
                case.subject
            );
        }
    }
}
