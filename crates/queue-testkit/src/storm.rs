//! Threads and tasks that use one queue in every way and write down what happened.

mod actors;

use descriptor_core::DynQueue;

use crate::{Clock, Dice, History, Log, join, on_tokio, spawn};

/// One round on one queue, as its seed decides: who takes part, by which calls, and when the queue is closed.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The queue's capacity.
    pub capacity: usize,
    producers: u32,
    consumers: u32,
    /// Items of each producer.
    each: u64,
    /// Whether somebody closes the queue while producers are still at work.
    early: bool,
    dice: Dice,
}

/// Whether the actor is a thread; the others are tasks.
const fn is_thread(dice: &mut Dice) -> bool {
    dice.below(2) == 0
}

impl Storm {
    /// A round of about `operations` successful calls, with a capacity of 1 to 64.
    #[must_use]
    pub fn new(seed: u64, operations: usize) -> Self {
        let mut dice = Dice::new(seed);
        let capacity = match dice.below(4) {
            0 => 1 + dice.below(2),
            1 => 1 + dice.below(8),
            _ => 1 + dice.below(64),
        };
        let producers = 1 + dice.below(4) as u32;
        let consumers = 1 + dice.below(4) as u32;
        Self {
            capacity: capacity as usize,
            producers,
            consumers,
            each: (operations as u64 / 2).div_ceil(producers.into()),
            early: dice.below(4) == 0,
            dice,
        }
    }

    /// Runs the round on a new queue of this [`capacity`](Self::capacity), which is closed and drained by it.
    ///
    /// # Panics
    /// When a call ends in a way no history has a word for, such as a failure.
    #[must_use]
    pub fn rage(mut self, queue: &DynQueue<u64>) -> History {
        let clock = Clock::start();
        let mut roll = self.dice.clone();
        let logs = on_tokio(async {
            let (mut threads, mut producing, mut consuming) = (Vec::new(), Vec::new(), Vec::new());
            for actor in 0..self.consumers {
                let (queue, dice) = (queue.clone(), Dice::new(self.dice.roll()));
                let log = Log::new(self.producers + actor, clock);
                if is_thread(&mut roll) {
                    threads.push(spawn(move || actors::get_from_thread(&queue, log, dice)));
                } else {
                    consuming.push(tokio::spawn(actors::get_from_task(queue, log, dice)));
                }
            }
            let mut putters = Vec::new();
            for actor in 0..self.producers {
                let (queue, dice, log) = (queue.clone(), Dice::new(self.dice.roll()), Log::new(actor, clock));
                let items = actors::Items::new(actor, self.each);
                if is_thread(&mut roll) {
                    putters.push(spawn(move || actors::put_from_thread(&queue, log, dice, items)));
                } else {
                    producing.push(tokio::spawn(actors::put_from_task(queue, log, dice, items)));
                }
            }
            let mut closer = Log::new(self.producers + self.consumers, clock);
            if self.early {
                // Somewhere in the middle, which no verdict depends on.
                for _ in 0..roll.below(self.each.max(1)) {
                    tokio::task::yield_now().await;
                }
                closer.close(queue);
            }
            let mut logs = ended(producing).await;
            logs.extend(putters.into_iter().map(join));
            closer.close(queue);
            logs.extend(ended(consuming).await);
            logs.extend(threads.into_iter().map(join));
            logs.push(closer);
            logs
        });
        History::merge(Some(self.capacity), true, logs)
    }
}

async fn ended(tasks: Vec<tokio::task::JoinHandle<Log>>) -> Vec<Log> {
    let mut logs = Vec::new();
    for task in tasks {
        match task.await {
            Ok(log) => logs.push(log),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
    logs
}
