//! One producer and one consumer, proven by their handles.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{Error, GetError, Item, PutError, Queue, QueueCore, QueueExt, Wait};

use crate::SageQueue;
use crate::lane::Lane;

impl<T: Item> SageQueue<T> {
    /// A queue for exactly `capacity` items with one producer and one consumer: nobody else ever is at either side, so
    /// neither looks whether somebody is. Faster than a queue that is shared, under the same contract.
    ///
    /// The handles move between threads and are not copied. **Dropping one closes the queue**, because nobody can take
    /// its place: the consumer takes what is inside and is then told `Closed`, the producer is told so at once. (A queue
    /// that can be opened again stays open.) `is_abandoned` on the other handle says that this is why. Items that nobody
    /// will take are dropped with the last handle or [monitor](Producer::monitor), not before.
    ///
    /// ```
    /// use std::thread;
    ///
    /// use queue_sage::SageQueue;
    ///
    /// let (mut squares, mut results) = SageQueue::<u64>::pair(8)?;
    /// let worker = thread::spawn(move || {
    ///     for n in 1..=100 {
    ///         squares.put(n * n).expect("the consumer is there");
    ///     }
    /// }); // The producer is dropped here, and what it has put is still delivered.
    /// assert_eq!(results.iter().sum::<u64>(), 338_350);
    /// assert!(results.is_closed() && results.is_abandoned());
    /// # worker.join().expect("no panic");
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[doc(alias = "spsc")]
    pub fn pair(capacity: usize) -> Result<(Producer<T>, Consumer<T>), Error> {
        // SAFETY: the one producer and the one consumer made here are the only way to the calls that put and get. Both
        // take `&mut self`, also as long as a future or iterator of theirs lives, and neither can be copied. What
        // `monitor` gives out closes and looks. Leaned on by the models of handles, and by the compiler.
        let lane = Arc::new(unsafe { Lane::new(capacity) }?);
        Ok((
            Producer {
                lane: Arc::clone(&lane),
            },
            Consumer { lane },
        ))
    }
}

/// The only producer of a queue: see [`SageQueue::pair`].
///
/// There is one, and it does one thing at a time; the compiler says so:
///
/// ```compile_fail,E0599
/// let (producer, _consumer) = queue_sage::SageQueue::<u64>::pair(8).unwrap();
/// let another = producer.clone();
/// ```
///
/// ```compile_fail,E0499
/// let (mut producer, _consumer) = queue_sage::SageQueue::<u64>::pair(8).unwrap();
/// let first = producer.put_async(1);
/// let second = producer.put_async(2);
/// drop(first);
/// ```
pub struct Producer<T: Item> {
    lane: Arc<Lane<T>>,
}

/// The only consumer of a queue: see [`SageQueue::pair`].
///
/// There is one, and it does one thing at a time; the compiler says so:
///
/// ```compile_fail,E0599
/// let (_producer, consumer) = queue_sage::SageQueue::<u64>::pair(8).unwrap();
/// let another = consumer.clone();
/// ```
///
/// ```compile_fail,E0499
/// let (_producer, mut consumer) = queue_sage::SageQueue::<u64>::pair(8).unwrap();
/// let first = consumer.get_async();
/// let second = consumer.get_async();
/// drop(first);
/// ```
///
/// ```compile_fail,E0499
/// let (_producer, mut consumer) = queue_sage::SageQueue::<u64>::pair(8).unwrap();
/// let items = consumer.iter();
/// let item = consumer.get();
/// drop(items);
/// ```
pub struct Consumer<T: Item> {
    lane: Arc<Lane<T>>,
}

impl<T: Item> Producer<T> {
    /// Puts one item, waiting for room as long as it takes.
    ///
    /// # Errors
    /// `Closed`, with the item.
    #[inline]
    pub fn put(&mut self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Forever)
    }

    /// Puts one item if there is room.
    ///
    /// # Errors
    /// `Full` or `Closed`, with the item.
    #[inline]
    pub fn try_put(&mut self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Never)
    }

    /// Puts one item, waiting for room at least `limit`.
    ///
    /// # Errors
    /// `Full` or `Closed`, with the item.
    #[inline]
    pub fn put_timeout(&mut self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_within(item, limit.into())
    }

    /// Puts one item, waiting for room as `wait` says.
    ///
    /// # Errors
    /// `Full` or `Closed`, with the item.
    #[inline]
    pub fn put_within(&mut self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        self.lane.put_within(item, wait)
    }

    /// Puts from the front of `items`, waiting for room for the first one only; how many went in. The others stay.
    ///
    /// # Errors
    /// `Full` or `Closed` when there was an item and not even one went in.
    pub fn put_batch(&mut self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        self.lane.put_batch(items, wait)
    }

    /// As [`put`](Self::put), for a task. Dropped before it is ready, the future has stored nothing; forgotten instead
    /// (`mem::forget`), it also keeps the next wake-up of this end to itself.
    pub fn put_async(&mut self, item: T) -> impl Future<Output = Result<(), PutError<T>>> + Send {
        self.lane.put_async(item)
    }

    /// As [`put_batch`](Self::put_batch), for a task.
    pub fn put_batch_async<'a>(
        &'a mut self,
        items: &'a mut VecDeque<T>,
    ) -> impl Future<Output = Result<usize, PutError<()>>> + Send + use<'a, T> {
        self.lane.put_batch_async(items)
    }

    /// True when the consumer was dropped: what is inside now will not be taken.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        !self.lane.has_consumer()
    }
}

impl<T: Item> Consumer<T> {
    /// Takes the oldest item, waiting for one as long as it takes.
    ///
    /// # Errors
    /// `Closed` when the queue is closed and drained.
    #[inline]
    pub fn get(&mut self) -> Result<T, GetError> {
        self.get_within(Wait::Forever)
    }

    /// Takes the oldest item if there is one.
    ///
    /// # Errors
    /// `Empty`, and `Closed` when the queue is closed and drained.
    #[inline]
    pub fn try_get(&mut self) -> Result<T, GetError> {
        self.get_within(Wait::Never)
    }

    /// Takes the oldest item, waiting for one at least `limit`.
    ///
    /// # Errors
    /// `Empty`, and `Closed` when the queue is closed and drained.
    #[inline]
    pub fn get_timeout(&mut self, limit: Duration) -> Result<T, GetError> {
        self.get_within(limit.into())
    }

    /// Takes the oldest item, waiting for one as `wait` says.
    ///
    /// # Errors
    /// `Empty`, and `Closed` when the queue is closed and drained.
    #[inline]
    pub fn get_within(&mut self, wait: Wait) -> Result<T, GetError> {
        self.lane.get_within(wait)
    }

    /// Appends up to `max` items to `out`, waiting for the first one only; how many came.
    ///
    /// # Errors
    /// As [`get_within`](Self::get_within), when `max` is not 0 and not even one came.
    pub fn get_batch(&mut self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.lane.get_batch(out, max, wait)
    }

    /// As [`get`](Self::get), for a task. Dropped before it is ready, the future has taken nothing; forgotten instead
    /// (`mem::forget`), it also keeps the next wake-up of this end to itself.
    pub fn get_async(&mut self) -> impl Future<Output = Result<T, GetError>> + Send {
        self.lane.get_async()
    }

    /// As [`get_batch`](Self::get_batch), for a task.
    pub fn get_batch_async<'a>(
        &'a mut self,
        out: &'a mut Vec<T>,
        max: usize,
    ) -> impl Future<Output = Result<usize, GetError>> + Send + use<'a, T> {
        self.lane.get_batch_async(out, max)
    }

    /// Blocks for items until the queue is closed and drained.
    pub fn iter(&mut self) -> impl Iterator<Item = T> {
        self.lane.iter()
    }

    /// Takes what is there now and ends at the first `Empty`.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        self.lane.drain()
    }

    /// True when the producer was dropped: nothing will come beside what is inside now.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        !self.lane.has_producer()
    }
}

macro_rules! both_ends {
    ($handle:ident, $leave:ident) => {
        impl<T: Item> $handle<T> {
            /// Closes the queue for both ends: no put from here on, and gets until it is drained.
            pub fn close(&self) {
                self.lane.close();
            }

            /// True once the queue was closed, by a call or because a handle was dropped.
            #[must_use]
            pub fn is_closed(&self) -> bool {
                self.lane.is_closed()
            }

            /// Items inside.
            #[must_use]
            pub fn depth(&self) -> usize {
                self.lane.depth().unwrap_or(0)
            }

            /// The most items inside.
            #[must_use]
            pub fn capacity(&self) -> usize {
                self.lane.capacity().unwrap_or(0)
            }

            /// The queue without its items, for other threads: to watch it and to close it.
            #[must_use]
            pub fn monitor(&self) -> Arc<dyn QueueCore> {
                Arc::<Lane<T>>::clone(&self.lane)
            }
        }

        impl<T: Item> Drop for $handle<T> {
            fn drop(&mut self) {
                self.lane.$leave();
            }
        }

        impl<T: Item> fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($handle))
                    .field("capacity", &self.capacity())
                    .field("depth", &self.depth())
                    .field("closed", &self.is_closed())
                    .field("abandoned", &self.is_abandoned())
                    .finish()
            }
        }
    };
}

both_ends!(Producer, leave_by_producer);
both_ends!(Consumer, leave_by_consumer);
