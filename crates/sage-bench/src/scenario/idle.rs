//! Consumers that wait for items that do not come: what that costs. Who polls shows here.

use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::measure::{Better, Case, Group, Metric, Role, Size};
use crate::payload::Payload;
use crate::subject::{AsyncRx, AsyncSubject, AsyncTx, Local, Rx, Sage, Subject, Tx};
use crate::system::{cpu_time, settle};

const CONSUMERS: usize = 100;

pub(super) fn group(runtime: &Rc<Runtime>) -> Group {
    let task = |run: fn(&Runtime, u64) -> Vec<f64>| {
        let runtime = Rc::clone(runtime);
        move |millis| run(&runtime, millis)
    };
    Group {
        size: Size::Millis,
        item: u64::NAME,
        metrics: vec![Metric {
            scenario: "idle",
            unit: "% of a processor",
            better: Better::Lower,
        }],
        cases: vec![
            Case::new("sage_queue", Role::Ours, threads::<Sage>),
            Case::new("sage_queue, tokio", Role::Ours, task(tasks::<Sage>)),
            Case::new("local", Role::Ours, threads::<Local>),
            Case::new("local, tokio", Role::Ours, task(tasks::<Local>)),
        ],
    }
}

/// Processor time while nothing happens, in percent of the time that passed.
fn idle(millis: u64) -> Vec<f64> {
    settle();
    let (cpu, begun) = (cpu_time(), Instant::now());
    thread::sleep(Duration::from_millis(millis));
    let (cpu, took) = (cpu_time() - cpu, begun.elapsed());
    vec![100.0 * cpu.as_secs_f64() / took.as_secs_f64()]
}

/// In the end every consumer gets an item, so all of them were there.
const SUM: u64 = (CONSUMERS * (CONSUMERS - 1) / 2) as u64;

fn threads<S: Subject>(millis: u64) -> Vec<f64> {
    let (txs, rxs) = S::open::<u64>(1, CONSUMERS);
    let (values, sum) = thread::scope(|scope| {
        let consumers: Vec<_> = rxs.into_iter().map(|mut rx| scope.spawn(move || rx.recv())).collect();
        let values = idle(millis);
        for mut tx in txs {
            (0..CONSUMERS as u64).for_each(|number| tx.send(number));
        }
        let got = consumers
            .into_iter()
            .map(|consumer| consumer.join().expect("a consumer ends"));
        (values, got.sum::<u64>())
    });
    assert_eq!(sum, SUM, "{} lost or changed items", S::NAME);
    values
}

fn tasks<S: AsyncSubject>(runtime: &Runtime, millis: u64) -> Vec<f64> {
    let (txs, rxs) = S::open::<u64>(1, CONSUMERS);
    let consumers: Vec<_> = rxs
        .into_iter()
        .map(|mut rx| runtime.spawn(async move { rx.recv().await }))
        .collect();
    let values = idle(millis);
    let sum = runtime.block_on(async {
        for mut tx in txs {
            for number in 0..CONSUMERS as u64 {
                tx.send(number).await;
            }
        }
        let mut sum = 0;
        for consumer in consumers {
            sum += consumer.await.expect("a consumer ends");
        }
        sum
    });
    assert_eq!(sum, SUM, "{} lost or changed items", S::NAME);
    values
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_consumer_wakes_up_in_the_end() {
        let runtime = crate::scenario::runtime().expect("a runtime");
        for case in super::group(&runtime).cases {
            let values = (case.run)(10);
            assert!(
                matches!(values.as_slice(), [percent] if *percent >= 0.0),
                "{}: {values:?}",
                case.subject
            );
        }
    }
}
