//! A try-send and a try-receive by one thread, nobody else there.

use std::hint::black_box;
use std::time::Instant;

use super::each_subject;
use crate::measure::{Better, Case, Group, Metric, Size};
use crate::payload::Payload;
use crate::subject::{Rx, Subject, Tx};

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
        metrics: vec![Metric {
            scenario: "pair",
            unit: "ns",
            better: Better::Lower,
        }],
        cases,
    }
}

fn run<S: Subject>(pairs: u64) -> Vec<f64> {
    let (txs, rxs) = S::open::<u64>(1, 1);
    let mut values = Vec::new();
    for (mut tx, mut rx) in txs.into_iter().zip(rxs) {
        let mut right = 0;
        let begun = Instant::now();
        for number in 0..pairs {
            right += u64::from(tx.try_send(black_box(number)));
            right += u64::from(rx.try_recv() == Some(number));
        }
        values.push(begun.elapsed().as_nanos() as f64 / pairs as f64);
        assert_eq!(right, 2 * pairs, "{} refused or changed an item", S::NAME);
    }
    values
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_subject_gives_back_what_it_took() {
        for case in super::group().cases {
            assert!(
                matches!((case.run)(4_096).as_slice(), [nanos] if *nanos > 0.0),
                "{}",
                case.subject
            );
        }
    }
}
