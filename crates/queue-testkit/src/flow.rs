//! Producers and consumers of every sort on one queue, and the verdict on what came out.

mod get;
mod put;
mod verdict;

use std::panic::resume_unwind;
use std::thread::JoinHandle;

use descriptor_core::DynQueue;

use crate::{Dice, Run, join, on_tokio, spawn};

/// One item of a flow: its producer and its place among that producer's items.
pub type Stamp = (u32, u32);

/// By which calls an actor works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verb {
    /// Waits as long as it takes.
    Wait,
    /// Never waits and comes back later.
    Try,
    /// Waits a random moment, gives up, and comes back: a timeout of a thread, a dropped future of a task.
    GiveUp,
    /// Moves batches of random sizes.
    Batch,
    /// All of these in random order.
    Any,
}

impl Verb {
    fn pick(self, dice: &mut Dice) -> Self {
        match self {
            Self::Any => match dice.below(4) {
                0 => Self::Wait,
                1 => Self::Try,
                2 => Self::GiveUp,
                _ => Self::Batch,
            },
            one => one,
        }
    }
}

/// A producer or a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A thread of its own.
    Thread(Verb),
    /// A task on a runtime with two workers.
    Task(Verb),
}

/// Some producers, some consumers, one queue.
#[derive(Clone, Debug)]
pub struct Flow {
    /// The queue's capacity.
    pub capacity: Option<usize>,
    /// Who puts.
    pub producers: Vec<Actor>,
    /// Who gets.
    pub consumers: Vec<Actor>,
    /// Items of all producers together, before the run's scale.
    pub items: usize,
}

impl Flow {
    /// A queue of this capacity with nobody at it.
    #[must_use]
    pub const fn new(capacity: usize, items: usize) -> Self {
        Self {
            capacity: Some(capacity),
            producers: Vec::new(),
            consumers: Vec::new(),
            items,
        }
    }

    /// More producers.
    #[must_use]
    pub fn put(mut self, count: usize, actor: Actor) -> Self {
        self.producers.extend(std::iter::repeat_n(actor, count));
        self
    }

    /// More consumers.
    #[must_use]
    pub fn get(mut self, count: usize, actor: Actor) -> Self {
        self.consumers.extend(std::iter::repeat_n(actor, count));
        self
    }

    /// No capacity.
    #[must_use]
    pub const fn unbounded(mut self) -> Self {
        self.capacity = None;
        self
    }

    /// Moves all items, closes the queue when the producers are done, and lets the consumers drain it.
    ///
    /// # Panics
    /// When an item is lost, comes twice, was never put, or overtakes an older one of its producer in the eyes of one
    /// consumer (where the queue promises an order), and when a call ends in a way it must not.
    pub fn check(&self, run: &Run) {
        let queue = run.open::<Stamp>(self.capacity);
        let each = (run.times(self.items) / self.producers.len().max(1)).max(1) as u32;
        let sent = vec![each; self.producers.len()];
        let (received, doubtful) = on_tokio(async {
            let consumers: Vec<_> = (1..)
                .zip(&self.consumers)
                .map(|(number, actor)| consume(*actor, queue.clone(), number))
                .collect();
            let producers: Vec<_> = (0..)
                .zip(&self.producers)
                .map(|(number, actor)| produce(*actor, queue.clone(), number, each))
                .collect();
            let mut doubtful = Vec::new();
            for producer in producers {
                doubtful.extend(producer.end().await);
            }
            queue.close();
            let mut received = Vec::new();
            for consumer in consumers {
                received.push(consumer.end().await);
            }
            (received, doubtful)
        });
        verdict::exact(&sent, &received, &doubtful);
        if run.caps().ordered {
            verdict::ordered(&received);
        }
        assert!(
            queue.depth().is_none_or(|depth| depth == 0),
            "a drained queue has a depth"
        );
    }
}

enum Working<R> {
    Thread(JoinHandle<R>),
    Task(tokio::task::JoinHandle<R>),
}

impl<R> Working<R> {
    async fn end(self) -> R {
        match self {
            Self::Thread(thread) => join(thread),
            Self::Task(task) => match task.await {
                Ok(result) => result,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => resume_unwind(panic),
                    Err(cancelled) => panic!("{cancelled}"),
                },
            },
        }
    }
}

fn produce(actor: Actor, queue: DynQueue<Stamp>, number: u32, count: u32) -> Working<Vec<Stamp>> {
    match actor {
        Actor::Thread(verb) => Working::Thread(spawn(move || {
            put::from_thread(&queue, number, count, verb);
            Vec::new()
        })),
        Actor::Task(verb) => Working::Task(tokio::spawn(async move {
            put::from_task(&queue, number, count, verb).await
        })),
    }
}

fn consume(actor: Actor, queue: DynQueue<Stamp>, number: u64) -> Working<Vec<Stamp>> {
    match actor {
        Actor::Thread(verb) => Working::Thread(spawn(move || get::from_thread(&queue, number, verb))),
        Actor::Task(verb) => Working::Task(tokio::spawn(async move { get::from_task(&queue, number, verb).await })),
    }
}
