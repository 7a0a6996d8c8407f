//! The producers of a flow.

use std::collections::VecDeque;
use std::time::Duration;

use descriptor_core::{DynQueue, PutError, QueueExt, Wait};

use super::{Stamp, Verb};
use crate::{Dice, between, within_yields};

/// Batches have 1 to this many items.
const MOST: u64 = 24;

/// Puts `(number, 0)` to `(number, count - 1)` in this order.
pub(crate) fn from_thread(queue: &DynQueue<Stamp>, number: u32, count: u32, verb: Verb) {
    let mut dice = Dice::new(u64::from(number) << 8);
    let mut next = 0;
    while next < count {
        match verb.pick(&mut dice) {
            Verb::Try => {
                next += stored((number, next), queue.try_put((number, next)));
                std::thread::yield_now();
            }
            Verb::GiveUp => {
                let limit = Duration::from_micros(dice.below(200));
                next += stored((number, next), queue.put_timeout((number, next), limit));
            }
            Verb::Batch => {
                let wait = if dice.below(2) == 0 { Wait::Forever } else { Wait::Never };
                let mut items = batch(number, next, count, &mut dice);
                let result = queue.put_batch(&mut items, wait);
                assert!(
                    wait == Wait::Never || result.is_ok(),
                    "a batch that waits ended with {result:?}"
                );
                next += stored_batch(next, count, &items, result);
            }
            _ => match queue.put((number, next)) {
                Ok(()) => next += 1,
                Err(refusal) => panic!("a put that waits ended with {refusal:?}"),
            },
        }
    }
}

/// [`from_thread`] for a task. Says which items may be stored or not, because their futures were dropped.
pub(crate) async fn from_task(queue: &DynQueue<Stamp>, number: u32, count: u32, verb: Verb) -> Vec<Stamp> {
    let clean = queue.caps().clean_drop;
    let mut dice = Dice::new(u64::from(number) << 8 | 1);
    let mut doubtful = Vec::new();
    let mut next = 0;
    while next < count {
        match verb.pick(&mut dice) {
            Verb::Try => {
                next += stored((number, next), queue.try_put((number, next)));
                tokio::task::yield_now().await;
            }
            Verb::GiveUp => {
                let put = queue.put_async((number, next));
                let result = if dice.below(4) == 0 {
                    between(put, Duration::from_micros(dice.below(1500))).await
                } else {
                    within_yields(put, dice.below(6)).await
                };
                match result {
                    Some(result) => next += stored((number, next), result),
                    // A future that was dropped has stored nothing, so the same item is due again.
                    None if clean => {}
                    None => {
                        doubtful.push((number, next));
                        next += 1;
                    }
                }
            }
            Verb::Batch => {
                let mut items = batch(number, next, count, &mut dice);
                let result = if dice.below(2) == 0 {
                    Some(queue.put_batch_async(&mut items).await)
                } else {
                    within_yields(queue.put_batch_async(&mut items), dice.below(6)).await
                };
                match result {
                    Some(result) => next += stored_batch(next, count, &items, result),
                    None if clean => next += stored_batch(next, count, &items, Ok(0)),
                    None => {
                        next += items.len() as u32;
                        doubtful.extend(items);
                    }
                }
            }
            _ => match queue.put_async((number, next)).await {
                Ok(()) => next += 1,
                Err(refusal) => panic!("an awaited put ended with {refusal:?}"),
            },
        }
    }
    doubtful
}

fn batch(number: u32, next: u32, count: u32, dice: &mut Dice) -> VecDeque<Stamp> {
    let size = 1 + dice.below(MOST) as u32;
    (next..count.min(next + size)).map(|place| (number, place)).collect()
}

fn stored(item: Stamp, result: Result<(), PutError<Stamp>>) -> u32 {
    match result {
        Ok(()) => 1,
        Err(PutError::Full(back)) => {
            assert_eq!(back, item, "another item came back");
            0
        }
        Err(refusal) => panic!("a put into an open queue ended with {refusal:?}"),
    }
}

fn stored_batch(next: u32, count: u32, left: &VecDeque<Stamp>, result: Result<usize, PutError<()>>) -> u32 {
    let stored = match result {
        Ok(stored) => stored as u32,
        Err(PutError::Full(())) => 0,
        Err(refusal) => panic!("a batch into an open queue ended with {refusal:?}"),
    };
    assert!(
        next + stored <= count,
        "a batch of fewer than {stored} items stored {stored}"
    );
    if let Some((_, place)) = left.front() {
        assert_eq!(*place, next + stored, "the batch does not go on where it stopped");
    }
    stored
}
