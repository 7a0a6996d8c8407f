//! From a send to the receiver that slept for it.

use std::thread;
use std::time::{Duration, Instant};

use super::each_subject;
use super::ping_pong::{latencies, percentiles};
use crate::measure::{Case, Group, Role, Size};
use crate::payload::Payload;
use crate::subject::{Rx, Subject, Tx};
use crate::system::pin;

/// Long enough for every receiver to have given up spinning.
const PAUSE: Duration = Duration::from_millis(1);
/// Wake-ups per round: each costs a pause.
const MOST: u64 = 32;

pub(super) fn group() -> Group {
    let mut cases = Vec::new();
    macro_rules! each {
        ($($subject:ident),*) => {$(
            // Who never sleeps is never woken.
            if <$subject as Subject>::ROLE != Role::Spins {
                cases.push(Case::new(<$subject as Subject>::NAME, <$subject as Subject>::ROLE, run::<$subject>));
            }
        )*};
    }
    each_subject!(each);
    Group {
        size: Size::Items,
        item: u64::NAME,
        metrics: latencies("wake-up p50", "wake-up p99").into(),
        cases,
    }
}

/// The items are the moments they were sent, in nanoseconds since the start.
fn run<S: Subject>(wakes: u64) -> Vec<f64> {
    let wakes = wakes.min(MOST);
    let (txs, rxs) = S::open::<u64>(1, 1);
    let base = Instant::now();
    let since = move || base.elapsed().as_nanos() as u64;
    let nanos = thread::scope(|scope| {
        scope.spawn(move || {
            pin(0);
            for mut tx in txs {
                for _ in 0..wakes {
                    thread::sleep(PAUSE);
                    tx.send(since());
                }
            }
        });
        let sleeper = scope.spawn(move || {
            pin(1);
            let mut nanos = Vec::new();
            for mut rx in rxs {
                for _ in 0..wakes {
                    let sent = rx.recv();
                    nanos.push(since().saturating_sub(sent) as f64);
                }
            }
            nanos
        });
        sleeper.join().expect("the sleeper ends")
    });
    percentiles(nanos)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_subject_wakes() {
        for case in super::group().cases {
            let values = (case.run)(2);
            assert!(values.iter().all(|nanos| *nanos > 0.0), "{}", case.subject);
        }
    }
}
