//! What one producer and one consumer do.

use std::collections::VecDeque;
use std::time::Duration;

use descriptor_core::{DynQueue, QueueExt, Wait};

use crate::{Dice, End, Log, within_yields};

/// Long enough to be woken in, short enough to end now and then.
const MOMENT: Duration = Duration::from_micros(200);

/// The items of one producer, unique in the history: its number above, theirs below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Items {
    next: u64,
    end: u64,
}

impl Items {
    pub(super) const fn new(producer: u32, count: u64) -> Self {
        let first = (producer as u64) << 40;
        Self {
            next: first,
            end: first + count,
        }
    }

    const fn left(self) -> bool {
        self.next < self.end
    }

    fn some(self, dice: &mut Dice) -> Vec<u64> {
        (self.next..self.end.min(self.next + 1 + dice.below(9))).collect()
    }
}

/// A thread waits for ever, not at all, or a moment; after a refusal it comes back.
fn patience(dice: &mut Dice) -> Wait {
    match dice.below(8) {
        0 | 1 => Wait::Never,
        2 => MOMENT.into(),
        _ => Wait::Forever,
    }
}

pub(super) fn put_from_thread(queue: &DynQueue<u64>, mut log: Log, mut dice: Dice, mut items: Items) -> Log {
    while items.left() {
        let before = log.len();
        let wait = patience(&mut dice);
        let end = if dice.below(4) == 0 {
            let batch = items.some(&mut dice);
            let mut left: VecDeque<u64> = batch.iter().copied().collect();
            let invoked = log.now();
            let result = queue.put_batch(&mut left, wait);
            log.put_batch_ended(&batch, &left, invoked, result)
        } else {
            log.put(queue, items.next, wait)
        };
        match end {
            End::Ok => items.next += (log.len() - before) as u64,
            End::Closed => break,
            _ => dice.dawdle(50),
        }
    }
    log
}

pub(super) async fn put_from_task(queue: DynQueue<u64>, mut log: Log, mut dice: Dice, mut items: Items) -> Log {
    while items.left() {
        let before = log.len();
        let end = match dice.below(8) {
            0 => log.put(&queue, items.next, Wait::Never),
            1 | 2 => {
                let batch = items.some(&mut dice);
                let mut left: VecDeque<u64> = batch.iter().copied().collect();
                let invoked = log.now();
                let result = queue.put_batch_async(&mut left).await;
                log.put_batch_ended(&batch, &left, invoked, result)
            }
            3 => {
                let invoked = log.now();
                let yields = dice.below(3);
                match within_yields(queue.put_async(items.next), yields).await {
                    Some(result) => log.put_ended(items.next, invoked, result),
                    // Dropped: it did nothing, and the item is put again.
                    None => End::Full,
                }
            }
            _ => {
                let invoked = log.now();
                let result = queue.put_async(items.next).await;
                log.put_ended(items.next, invoked, result)
            }
        };
        match end {
            End::Ok => items.next += (log.len() - before) as u64,
            End::Closed => break,
            _ => tokio::task::yield_now().await,
        }
    }
    log
}

pub(super) fn get_from_thread(queue: &DynQueue<u64>, mut log: Log, mut dice: Dice) -> Log {
    let mut out = Vec::new();
    loop {
        let wait = patience(&mut dice);
        let end = if dice.below(4) == 0 {
            out.clear();
            let invoked = log.now();
            let result = queue.get_batch(&mut out, 1 + dice.below(9) as usize, wait);
            log.get_batch_ended(&out, invoked, result)
        } else {
            log.get(queue, wait)
        };
        match end {
            End::Ok => {}
            End::Closed => return log,
            _ => dice.dawdle(50),
        }
    }
}

pub(super) async fn get_from_task(queue: DynQueue<u64>, mut log: Log, mut dice: Dice) -> Log {
    let mut out = Vec::new();
    loop {
        let end = match dice.below(8) {
            0 => log.get(&queue, Wait::Never),
            1 | 2 => {
                out.clear();
                let invoked = log.now();
                let result = queue.get_batch_async(&mut out, 1 + dice.below(9) as usize).await;
                log.get_batch_ended(&out, invoked, result)
            }
            3 => {
                let invoked = log.now();
                let yields = dice.below(3);
                match within_yields(queue.get_async(), yields).await {
                    Some(result) => log.get_ended(invoked, result),
                    None => End::Empty,
                }
            }
            _ => {
                let invoked = log.now();
                let result = queue.get_async().await;
                log.get_ended(invoked, result)
            }
        };
        match end {
            End::Ok => {}
            End::Closed => return log,
            _ => tokio::task::yield_now().await,
        }
    }
}
