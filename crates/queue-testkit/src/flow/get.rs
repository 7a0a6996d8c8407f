//! The consumers of a flow.

use std::time::Duration;

use descriptor_core::{DynQueue, GetError, QueueExt, Wait};

use super::{Stamp, Verb};
use crate::{Dice, between, within_yields};

/// Batches have 1 to this many items.
const MOST: u64 = 24;

/// Takes until the queue is closed and drained.
pub(crate) fn from_thread(queue: &DynQueue<Stamp>, number: u64, verb: Verb) -> Vec<Stamp> {
    let mut dice = Dice::new(number << 40);
    let mut out = Vec::new();
    loop {
        let (result, may_be_empty) = match verb.pick(&mut dice) {
            Verb::Try => {
                std::thread::yield_now();
                (queue.try_get().map(|item| out.push(item)), true)
            }
            Verb::GiveUp => {
                let limit = Duration::from_micros(dice.below(200));
                (queue.get_timeout(limit).map(|item| out.push(item)), true)
            }
            Verb::Batch => {
                let wait = if dice.below(2) == 0 { Wait::Forever } else { Wait::Never };
                (
                    batch(&mut out, &mut dice, |out, most| queue.get_batch(out, most, wait)),
                    wait == Wait::Never,
                )
            }
            _ => (queue.get().map(|item| out.push(item)), false),
        };
        if ended(result, may_be_empty) {
            return out;
        }
    }
}

/// [`from_thread`] for a task.
pub(crate) async fn from_task(queue: &DynQueue<Stamp>, number: u64, verb: Verb) -> Vec<Stamp> {
    let mut dice = Dice::new(number << 40 | 1);
    let mut out = Vec::new();
    loop {
        let (result, may_be_empty) = match verb.pick(&mut dice) {
            Verb::Try => {
                tokio::task::yield_now().await;
                (queue.try_get().map(|item| out.push(item)), true)
            }
            Verb::GiveUp => {
                let get = queue.get_async();
                let result = if dice.below(4) == 0 {
                    between(get, Duration::from_micros(dice.below(1500))).await
                } else {
                    within_yields(get, dice.below(6)).await
                };
                (result.unwrap_or(Err(GetError::Empty)).map(|item| out.push(item)), true)
            }
            Verb::Batch => {
                let most = 1 + dice.below(MOST) as usize;
                let before = out.len();
                let result = if dice.below(2) == 0 {
                    Some(queue.get_batch_async(&mut out, most).await)
                } else {
                    within_yields(queue.get_batch_async(&mut out, most), dice.below(6)).await
                };
                let gave_up = result.is_none();
                let result = result.unwrap_or(Err(GetError::Empty));
                assert_eq!(
                    result.as_ref().map_or(0, |taken| *taken),
                    out.len() - before,
                    "a batch miscounts"
                );
                (result.map(drop), gave_up)
            }
            _ => (queue.get_async().await.map(|item| out.push(item)), false),
        };
        if ended(result, may_be_empty) {
            return out;
        }
    }
}

fn batch(
    out: &mut Vec<Stamp>,
    dice: &mut Dice,
    take: impl FnOnce(&mut Vec<Stamp>, usize) -> Result<usize, GetError>,
) -> Result<(), GetError> {
    let most = 1 + dice.below(MOST) as usize;
    let before = out.len();
    let result = take(out, most);
    let taken = out.len() - before;
    assert_eq!(result.as_ref().map_or(0, |taken| *taken), taken, "a batch miscounts");
    assert!(taken <= most, "a batch of at most {most} took {taken}");
    result.map(drop)
}

fn ended(result: Result<(), GetError>, may_be_empty: bool) -> bool {
    match result {
        Ok(()) => false,
        Err(GetError::Closed) => true,
        Err(GetError::Empty) if may_be_empty => false,
        Err(failure) => panic!("a get ended with {failure:?}"),
    }
}
