//! One producer, one consumer, 64 items in one call, for those who have such a call on at least one side.

use std::collections::VecDeque;
use std::sync::Barrier;
use std::thread;
use std::time::Instant;

use super::flow::{metrics, rates};
use crate::measure::{Case, Group, Size};
use crate::payload::{Line, Payload};
use crate::subject::{BATCH, Rx, Subject, Tx};
use crate::system::{cpu_time, pin};

pub(super) fn groups() -> [Group; 2] {
    [group::<u64>(), group::<Line>()]
}

fn group<T: Payload>() -> Group {
    let mut cases = Vec::new();
    macro_rules! each {
        ($($subject:ident),*) => {$(
            cases.push(Case::new(<$subject as Subject>::NAME, <$subject as Subject>::ROLE, run::<$subject, T>));
        )*};
    }
    {
        use crate::subject::{Local, LocalDyn, Sage, SageDyn, SageHandles};
        each!(Sage, SageHandles, SageDyn, Local, LocalDyn);
    }
    #[cfg(feature = "inproc")]
    {
        use crate::subject::{Flume, Kanal, Rtrb};
        each!(Flume, Kanal, Rtrb);
    }
    Group {
        size: Size::Items,
        item: T::NAME,
        metrics: metrics("batch 64").into(),
        cases,
    }
}

fn run<S: Subject, T: Payload>(items: u64) -> Vec<f64> {
    let (txs, rxs) = S::open::<T>(1, 1);
    let (Some(mut tx), Some(mut rx)) = (txs.into_iter().next(), rxs.into_iter().next()) else {
        return Vec::new();
    };
    let start = Barrier::new(2);
    let cpu = cpu_time();
    let took = thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            start.wait();
            let mut batch = VecDeque::with_capacity(BATCH);
            let mut next = 0;
            while next < items {
                let end = items.min(next + BATCH as u64);
                batch.extend((next..end).map(T::new));
                tx.send_batch(&mut batch);
                next = end;
            }
        });
        let consumer = scope.spawn(|| {
            pin(1);
            start.wait();
            let begun = Instant::now();
            let mut out = Vec::with_capacity(crate::subject::CAPACITY);
            let mut next = 0;
            while next < items {
                rx.recv_batch(&mut out);
                for item in out.drain(..) {
                    assert_eq!(item.number(), next, "{} lost or swapped items", S::NAME);
                    next += 1;
                }
            }
            begun.elapsed()
        });
        consumer.join().expect("the consumer ends")
    });
    rates(items, took.as_secs_f64(), (cpu_time() - cpu).as_secs_f64())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_subject_delivers_in_order() {
        for case in super::groups().into_iter().flat_map(|group| group.cases) {
            let values = (case.run)(10_000);
            assert!(values.iter().all(|value| *value > 0.0), "{}: {values:?}", case.subject);
        }
    }
}
