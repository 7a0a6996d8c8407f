//! The job as one writes it on channels: the same threads, one bounded channel for each.

use std::collections::HashMap;
use std::thread;

use super::record::{Record, Tally, spread};

/// Records that a channel holds, as many as the input queue of an instance of ours.
const CAPACITY: usize = 1000;
/// Records in a vector, where vectors travel.
const BATCH: usize = 100;

/// One way to connect two threads.
pub(super) trait Link {
    type Out<T: Send>: Out<T> + Send;
    type In<T: Send>: Iterator<Item = T> + Send;

    fn open<T: Send>() -> (Self::Out<T>, Self::In<T>);
}

/// A sender for one of several threads; the channel ends when all of them are dropped.
pub(super) trait Out<T>: Sized {
    fn another(&self) -> Self;

    fn send(&mut self, item: T);
}

const OPEN: &str = "the receiver lives until all its senders are gone";

/// crossbeam-channel, one send per record.
pub(super) struct Crossbeam;

impl Link for Crossbeam {
    type Out<T: Send> = crossbeam_channel::Sender<T>;
    type In<T: Send> = crossbeam_channel::IntoIter<T>;

    fn open<T: Send>() -> (Self::Out<T>, Self::In<T>) {
        let (tx, rx) = crossbeam_channel::bounded(CAPACITY);
        (tx, rx.into_iter())
    }
}

impl<T> Out<T> for crossbeam_channel::Sender<T> {
    fn another(&self) -> Self {
        self.clone()
    }

    fn send(&mut self, item: T) {
        assert!(Self::send(self, item).is_ok(), "{OPEN}");
    }
}

/// flume, one send per record.
pub(super) struct Flume;

impl Link for Flume {
    type Out<T: Send> = flume::Sender<T>;
    type In<T: Send> = flume::IntoIter<T>;

    fn open<T: Send>() -> (Self::Out<T>, Self::In<T>) {
        let (tx, rx) = flume::bounded(CAPACITY);
        (tx, rx.into_iter())
    }
}

impl<T> Out<T> for flume::Sender<T> {
    fn another(&self) -> Self {
        self.clone()
    }

    fn send(&mut self, item: T) {
        assert!(Self::send(self, item).is_ok(), "{OPEN}");
    }
}

/// crossbeam-channel, one send per vector of records.
pub(super) struct CrossbeamVec;

impl Link for CrossbeamVec {
    type Out<T: Send> = Batches<T>;
    type In<T: Send> = std::iter::Flatten<crossbeam_channel::IntoIter<Vec<T>>>;

    fn open<T: Send>() -> (Self::Out<T>, Self::In<T>) {
        let (tx, rx) = crossbeam_channel::bounded(CAPACITY / BATCH);
        let batch = Vec::with_capacity(BATCH);
        (Batches { tx, batch }, rx.into_iter().flatten())
    }
}

/// Sends what is left when it is dropped.
pub(super) struct Batches<T> {
    tx: crossbeam_channel::Sender<Vec<T>>,
    batch: Vec<T>,
}

impl<T> Out<T> for Batches<T> {
    fn another(&self) -> Self {
        Self {
            tx: self.tx.clone(),
            batch: Vec::with_capacity(BATCH),
        }
    }

    fn send(&mut self, item: T) {
        self.batch.push(item);
        if self.batch.len() == BATCH {
            let full = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
            assert!(self.tx.send(full).is_ok(), "{OPEN}");
        }
    }
}

impl<T> Drop for Batches<T> {
    fn drop(&mut self) {
        if !self.batch.is_empty() {
            // A receiver that is gone was given up together with this sender.
            let _ = self.tx.send(std::mem::take(&mut self.batch));
        }
    }
}

/// Runs it over the records 0 to `items`.
pub(super) fn run<L: Link, R: Record>(workers: usize, items: u64) -> Tally {
    let mut numbers = 0..items;
    let steps = Steps {
        source: move || numbers.next().map(R::new),
        map: R::mapped,
        key: R::key,
        reduce: |count: &mut u64, _| *count += 1,
    };
    steps.run::<L, R, _>(workers, |counts| {
        let mut tally = Tally::default();
        counts.for_each(|count| tally.add(count));
        tally
    })
}

/// What the threads of a job do; the last step keeps a number for each key and sends it on.
pub(super) struct Steps<S, M, K, A> {
    pub(super) source: S,
    pub(super) map: M,
    pub(super) key: K,
    pub(super) reduce: A,
}

impl<S, M, K, A> Steps<S, M, K, A> {
    /// Runs them until the source has no more; `sink` makes the result of the numbers that come out.
    pub(super) fn run<L: Link, R: Send, O: Send>(self, workers: usize, sink: impl FnOnce(L::In<u64>) -> O + Send) -> O
    where
        S: FnMut() -> Option<R> + Send,
        M: Fn(R) -> R + Sync,
        K: Fn(&R) -> u64 + Sync,
        A: Fn(&mut u64, R) + Sync,
    {
        let (mut to_map, from_source) = links::<L, R>(workers);
        let (to_keys, from_map) = links::<L, R>(workers);
        let (to_count, from_keys) = links::<L, (u64, R)>(workers);
        let (to_sink, from_count) = L::open::<u64>();
        let Self {
            mut source,
            map,
            key,
            reduce,
        } = self;
        let (map, key, reduce) = (&map, &key, &reduce);
        thread::scope(|scope| {
            scope.spawn(move || {
                loop {
                    for out in &mut to_map {
                        let Some(record) = source() else { return };
                        out.send(record);
                    }
                }
            });
            for (input, mut out) in from_source.into_iter().zip(to_keys) {
                scope.spawn(move || {
                    for record in input {
                        out.send(map(record));
                    }
                });
            }
            for input in from_map {
                let mut outs: Vec<_> = to_count.iter().map(Out::another).collect();
                scope.spawn(move || {
                    for record in input {
                        let key = key(&record);
                        let place = spread(key) as usize % workers;
                        if let Some(out) = outs.get_mut(place) {
                            out.send((key, record));
                        }
                    }
                });
            }
            drop(to_count);
            for input in from_keys {
                let mut out = to_sink.another();
                scope.spawn(move || {
                    let mut numbers: HashMap<u64, u64> = HashMap::new();
                    for (key, record) in input {
                        let number = numbers.entry(key).or_insert(0);
                        reduce(number, record);
                        out.send(*number);
                    }
                });
            }
            drop(to_sink);
            let sink = scope.spawn(move || sink(from_count));
            sink.join().expect("the sink ends")
        })
    }
}

type Links<L, T> = (Vec<<L as Link>::Out<T>>, Vec<<L as Link>::In<T>>);

fn links<L: Link, T: Send>(count: usize) -> Links<L, T> {
    (0..count).map(|_| L::open()).unzip()
}
