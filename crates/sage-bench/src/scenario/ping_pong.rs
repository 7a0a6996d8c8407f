//! One item there and back over two queues, between two threads on a processor each.

use std::thread;
use std::time::{Duration, Instant};

use super::each_subject;
use crate::measure::{Better, Case, Group, Metric, Size};
use crate::payload::Payload;
use crate::stats::quantile;
use crate::subject::{Rx, Subject, Tx};
use crate::system::pin;

/// Ends the echo.
const STOP: u64 = u64::MAX;
/// A subject that sleeps every time needs longer than one that does not: this many milliseconds are enough of it.
const LONGEST: Duration = Duration::from_millis(50);

pub(super) fn group() -> Group {
    let mut cases = Vec::new();
    macro_rules! each {
        ($($subject:ident),*) => {$(
            cases.push(Case::new(<$subject as Subject>::NAME, <$subject as Subject>::ROLE, run::<$subject>));
        )*};
    }
    each_subject!(each);
    Group {
        size: Size::Items,
        item: u64::NAME,
        metrics: latencies("ping-pong p50", "ping-pong p99").into(),
        cases,
    }
}

/// Median and 99th percentile, in nanoseconds.
pub(crate) const fn latencies(p50: &'static str, p99: &'static str) -> [Metric; 2] {
    [
        Metric {
            scenario: p50,
            unit: "ns",
            better: Better::Lower,
        },
        Metric {
            scenario: p99,
            unit: "ns",
            better: Better::Lower,
        },
    ]
}

/// The values of [`latencies`].
pub(crate) fn percentiles(mut nanos: Vec<f64>) -> Vec<f64> {
    nanos.sort_by(f64::total_cmp);
    [0.5, 0.99]
        .into_iter()
        .map(|part| quantile(&nanos, part).unwrap_or(f64::NAN))
        .collect()
}

fn run<S: Subject>(trips: u64) -> Vec<f64> {
    let (there_tx, there_rx) = S::open::<u64>(1, 1);
    let (back_tx, back_rx) = S::open::<u64>(1, 1);
    let nanos = thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            for (mut rx, mut tx) in there_rx.into_iter().zip(back_tx) {
                loop {
                    let number = rx.recv();
                    if number == STOP {
                        break;
                    }
                    tx.send(number);
                }
            }
        });
        let caller = scope.spawn(|| {
            pin(0);
            let mut nanos = Vec::with_capacity(trips as usize);
            for (mut tx, mut rx) in there_tx.into_iter().zip(back_rx) {
                let begun = Instant::now();
                for number in 0..trips {
                    let sent = Instant::now();
                    tx.send(number);
                    assert_eq!(rx.recv(), number, "{} answered something else", S::NAME);
                    nanos.push(sent.elapsed().as_nanos() as f64);
                    if begun.elapsed() > LONGEST {
                        break;
                    }
                }
                tx.send(STOP);
            }
            nanos
        });
        caller.join().expect("the caller ends")
    });
    percentiles(nanos)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_subject_answers() {
        for case in super::group().cases {
            let values = (case.run)(16);
            assert!(
                matches!(values.as_slice(), [p50, p99] if p50 <= p99),
                "{}",
                case.subject
            );
        }
    }
}
