//! Clause 14: the ends of a put, and what a queue says to what it cannot do.

use std::time::Duration;

use descriptor_core::{ErrorKind, GetError, PutError, QueueExt, RetryToken, Wait};

use crate::{Dice, Run, join, linger, spawn_many, within_yields};

/// Puts of every sort meet slow getters and a close. What was told Ok came out, nothing else did.
pub(crate) fn what_was_told_is_what_happened(run: &Run) {
    for round in 0..run.times(60) as u64 {
        let queue = run.queue::<u64>(2);
        let putters = spawn_many(3, {
            let queue = queue.clone();
            move |number| {
                let mut dice = Dice::new(round << 8 | number as u64);
                let mut stored = Vec::new();
                for item in (number as u64..).step_by(3) {
                    let put = match dice.below(3) {
                        0 => queue.try_put(item),
                        1 => queue.put_timeout(item, Duration::from_micros(dice.below(60))),
                        _ => queue.put(item),
                    };
                    match put {
                        Ok(()) => stored.push(item),
                        Err(PutError::Full(back)) => assert_eq!(back, item),
                        Err(PutError::Closed(back)) => {
                            assert_eq!(back, item);
                            return stored;
                        }
                        Err(refusal) => panic!("{refusal:?}"),
                    }
                }
                stored
            }
        });
        let getters = spawn_many(2, {
            let queue = queue.clone();
            move |_| queue.iter().collect::<Vec<_>>()
        });
        if round % 2 == 0 {
            linger();
        } else {
            Dice::new(round).dawdle(50_000);
        }
        queue.close();
        let mut stored: Vec<u64> = putters.into_iter().flat_map(join).collect();
        let mut taken: Vec<u64> = getters.into_iter().flat_map(join).collect();
        stored.sort_unstable();
        taken.sort_unstable();
        assert_eq!(
            taken, stored,
            "round {round}: items that came out, items that were told Ok"
        );
    }
}

/// A future is either ready or has done nothing; a put that was given up may be repeated.
pub(crate) fn a_put_given_up_can_be_repeated(run: &Run) {
    let queue = run.queue::<u64>(1);
    let count = run.times(2_000) as u64;
    crate::on_tokio(async move {
        let getter = tokio::spawn({
            let queue = queue.clone();
            async move {
                for expected in 0..count {
                    assert_eq!(queue.get_async().await.ok(), Some(expected));
                }
            }
        });
        let mut dice = Dice::new(14);
        for number in 0..count {
            while within_yields(queue.put_async(number), dice.below(3)).await.is_none() {
                tokio::task::yield_now().await;
            }
        }
        getter.await.expect("every item once and in order");
    });
}

pub(crate) fn flush_confirms(run: &Run) {
    let queue = run.queue::<u64>(3);
    assert!(queue.flush(Wait::Forever).is_ok());
    assert!(queue.put(1).is_ok());
    assert!(queue.flush(Wait::Forever).is_ok());
    queue.close();
    assert!(
        queue.flush(Wait::Forever).is_ok(),
        "what is stored stays confirmed after a close"
    );
    assert_eq!(queue.get().ok(), Some(1));
}

pub(crate) fn a_retry_is_refused_where_repeats_are_not_recognised(run: &Run) {
    let queue = run.queue::<u64>(1);
    let token = RetryToken {
        session: 1,
        sequence: 1,
    };
    match queue.retry(5, token, Wait::Forever) {
        Err(PutError::Failed(5, error)) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        other => panic!("a retry ended with {other:?}"),
    }
    assert!(queue.try_get().is_err(), "a refused retry stored its item");
}

pub(crate) fn a_lease_is_refused_where_there_are_none(run: &Run) {
    let queue = run.queue::<u64>(1);
    assert!(queue.put(1).is_ok());
    match queue.lease(Wait::Forever) {
        Err(GetError::Failed(error)) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        other => panic!("a lease ended with {other:?}"),
    }
    let mut out = Vec::new();
    assert!(matches!(
        queue.lease_batch(&mut out, 2, Wait::Forever),
        Err(GetError::Failed(_))
    ));
    assert_eq!(queue.get().ok(), Some(1), "a refused lease took the item");
}

pub(crate) fn it_says_what_the_subject_says(run: &Run) {
    let queue = run.queue::<u64>(1);
    assert_eq!(queue.caps(), run.caps(), "the abilities of the open queue");
    assert_eq!(queue.caps().bounded, queue.capacity().is_some());
}
