//! The same between tasks of a tokio runtime with two workers.

use std::rc::Rc;
use std::time::Instant;

use tokio::runtime::Runtime;

use super::flow::{metrics, rates};
use crate::measure::{Case, Group, Size};
use crate::payload::{Line, Payload};
use crate::subject::{AsyncRx, AsyncSubject, AsyncTx, fits};
use crate::system::cpu_time;

pub(super) fn groups(runtime: &Rc<Runtime>) -> Vec<Group> {
    vec![
        group::<u64>(runtime, "async spsc", 1, 1),
        group::<Line>(runtime, "async spsc", 1, 1),
        group::<u64>(runtime, "async 4x1", 4, 1),
        group::<Line>(runtime, "async 4x1", 4, 1),
        group::<u64>(runtime, "async 4x4", 4, 4),
        group::<Line>(runtime, "async 4x4", 4, 4),
    ]
}

fn group<T: Payload>(runtime: &Rc<Runtime>, scenario: &'static str, producers: usize, consumers: usize) -> Group {
    let mut cases = Vec::new();
    macro_rules! each {
        ($($subject:ident),*) => {$(
            if fits(<$subject as AsyncSubject>::SHAPE, producers, consumers) {
                let runtime = Rc::clone(runtime);
                let (name, role) = (<$subject as AsyncSubject>::NAME, <$subject as AsyncSubject>::ROLE);
                cases.push(Case::new(name, role, move |items| {
                    run::<$subject, T>(&runtime, producers, consumers, items)
                }));
            }
        )*};
    }
    {
        use crate::subject::{Local, LocalDyn, Sage, SageDyn, SageHandles};
        each!(Sage, SageHandles, SageDyn, Local, LocalDyn);
    }
    #[cfg(feature = "inproc")]
    {
        use crate::subject::{
            AsyncChannel, CrossfireMpmc, CrossfireMpsc, CrossfireSpsc, Flume, Kanal, Thingbuf, Tokio,
        };
        each!(
            Flume,
            Kanal,
            CrossfireSpsc,
            CrossfireMpsc,
            CrossfireMpmc,
            AsyncChannel,
            Tokio,
            Thingbuf
        );
    }
    Group {
        size: Size::Items,
        item: T::NAME,
        metrics: metrics(scenario).into(),
        cases,
    }
}

fn run<S: AsyncSubject, T: Payload>(runtime: &Runtime, producers: usize, consumers: usize, items: u64) -> Vec<f64> {
    let (txs, rxs) = S::open::<T>(producers, consumers);
    let (sent, received) = (items / producers as u64, items / consumers as u64);
    let (cpu, begun) = (cpu_time(), Instant::now());
    let got: u64 = runtime.block_on(async {
        let mut senders = Vec::new();
        for mut tx in txs {
            senders.push(tokio::spawn(async move {
                for number in 0..sent {
                    tx.send(T::new(number)).await;
                }
            }));
        }
        let mut receivers = Vec::new();
        for mut rx in rxs {
            receivers.push(tokio::spawn(async move {
                let mut sum = 0;
                for _ in 0..received {
                    sum += rx.recv().await.number();
                }
                sum
            }));
        }
        for sender in senders {
            sender.await.expect("a task of the scenario ends");
        }
        let mut sum = 0;
        for receiver in receivers {
            sum += receiver.await.expect("a task of the scenario ends");
        }
        sum
    });
    let took = begun.elapsed().as_secs_f64();
    let cpu = (cpu_time() - cpu).as_secs_f64();
    let expected = producers as u64 * (sent * sent.saturating_sub(1) / 2);
    assert_eq!(got, expected, "{} lost or changed items", S::NAME);
    rates(items, took, cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_delivers_everything_in_every_shape() {
        for group in groups(&crate::scenario::runtime().expect("a runtime")) {
            for case in &group.cases {
                let values = (case.run)(512);
                assert!(values.iter().all(|value| *value > 0.0), "{}: {values:?}", case.subject);
            }
        }
    }
}
