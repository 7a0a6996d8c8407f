//! A stream whose packets have keys.

use std::fmt;

use descriptor_core::Backends;
use graph::{ErrorPolicy, NodeKind};
use router::{Key, Partition};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ops::{self, Aggregate, WindowSpec};
use crate::stream::Stream;
use crate::{Data, Instance, OpResult, Operator};
use crate::{OnNodeFailure, Restart};

/// A stream whose packets have keys: the next node receives every key in one instance, in order.
///
/// Its operators keep state by key. The packets they send keep their key.
pub struct KeyedStream<T: Data, B: Backends> {
    stream: Stream<T, B>,
}

impl<T: Data, B: Backends> Clone for KeyedStream<T, B> {
    fn clone(&self) -> Self {
        Self {
            stream: self.stream.clone(),
        }
    }
}

impl<T: Data, B: Backends> KeyedStream<T, B> {
    pub(crate) fn new(stream: Stream<T, B>) -> Self {
        Self {
            stream: stream.partition(Partition::Hash),
        }
    }

    /// How many instances the node that makes the keys has.
    #[must_use]
    pub fn parallelism(self, instances: u32) -> Self {
        Self::new(self.stream.parallelism(instances))
    }

    /// How many packets the input queue of each of its instances holds.
    #[must_use]
    pub fn buffer_size(self, packets: usize) -> Self {
        Self::new(self.stream.buffer_size(packets))
    }

    /// What becomes of a packet whose key could not be made.
    #[must_use]
    pub fn on_error(self, policy: ErrorPolicy) -> Self {
        Self::new(self.stream.on_error(policy))
    }

    /// When an instance of the node that makes the keys is started again; see [`Stream::restart`].
    #[must_use]
    pub fn restart(self, restart: Restart) -> Self {
        Self::new(self.stream.restart(restart))
    }

    /// What an instance of the node that makes the keys does to the job when it has failed for good.
    #[must_use]
    pub fn on_failure(self, rule: OnNodeFailure) -> Self {
        Self::new(self.stream.on_failure(rule))
    }

    /// The type of the input queues of the node that makes the keys.
    #[must_use]
    pub fn queue(self, kind: &str) -> Self {
        Self::new(self.stream.queue(kind))
    }

    /// Whether the node that makes the keys may be called by the node before it; see [`Stream::chain`].
    #[must_use]
    pub fn chain(self, chain: bool) -> Self {
        Self::new(self.stream.chain(chain))
    }

    /// The same packets, keys and all, spread over the next node as an unkeyed stream's are.
    #[must_use]
    pub fn unkeyed(self) -> Stream<T, B> {
        self.stream.partition(Partition::RoundRobin)
    }

    /// Combines every packet with the last result of its key and sends the new result; the first packet of a key is its
    /// first result.
    pub fn reduce<F>(&self, name: &str, combine: F) -> Stream<T, B>
    where
        F: Fn(&T, T) -> T + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Reduce, move |_| ops::Reduce::new(combine.clone()))
    }

    /// Adds every packet to its key's state, which starts as `start()`, and sends one `finish(key, state)` per key when
    /// the input has ended.
    pub fn fold<S, Out, N, A, F>(&self, name: &str, start: N, add: A, finish: F) -> Stream<Out, B>
    where
        S: Serialize + DeserializeOwned + Send + 'static,
        Out: Data,
        N: Fn() -> S + Clone + Send + Sync + 'static,
        A: Fn(&mut S, T) + Clone + Send + Sync + 'static,
        F: Fn(&Key, S) -> OpResult<Out> + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Reduce, move |_| {
            ops::Fold::new(start.clone(), add.clone(), finish.clone()).kept()
        })
    }

    /// Aggregates by key over windows of event time, and sends one `finish(end of the window in ms, key, result)` per
    /// key and window that has packets, once event time has passed its end.
    pub fn window<G, Out, M, F>(
        &self,
        name: &str,
        spec: WindowSpec,
        time_ms: M,
        aggregate: G,
        finish: F,
    ) -> Stream<Out, B>
    where
        G: Aggregate<T, Acc: Serialize + DeserializeOwned + Send> + Clone + Sync,
        Out: Data,
        M: Fn(&T) -> u64 + Clone + Send + Sync + 'static,
        F: Fn(u64, &Key, G::Acc) -> OpResult<Out> + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Window, move |_| {
            ops::SlidingWindow::new(spec, time_ms.clone(), aggregate.clone(), finish.clone()).kept()
        })
    }

    /// Sends `pair(end of the window in ms, left, right)` for every two packets of the two streams that share key and
    /// window, once event time has passed the window's end.
    pub fn join<Other, Out, ML, MR, F>(
        &self,
        other: &KeyedStream<Other, B>,
        name: &str,
        spec: WindowSpec,
        left_ms: ML,
        right_ms: MR,
        pair: F,
    ) -> Stream<Out, B>
    where
        Other: Data,
        Out: Data,
        ML: Fn(&T) -> u64 + Clone + Send + Sync + 'static,
        MR: Fn(&Other) -> u64 + Clone + Send + Sync + 'static,
        F: Fn(u64, &T, &Other) -> Out + Clone + Send + Sync + 'static,
    {
        self.stream.process_with(&other.stream, name, NodeKind::Join, move |_| {
            ops::WindowJoin::new(spec, left_ms.clone(), right_ms.clone(), pair.clone())
        })
    }

    /// As [`Stream::co_map`], with the packets of one key of both streams in one instance.
    pub fn co_map<Other, Out, S, FA, FB>(
        &self,
        other: &KeyedStream<Other, B>,
        name: &str,
        state: S,
        left: FA,
        right: FB,
    ) -> Stream<Out, B>
    where
        Other: Data,
        Out: Data,
        S: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
        FA: Fn(&mut S, T) -> Out + Clone + Send + Sync + 'static,
        FB: Fn(&mut S, Other) -> Out + Clone + Send + Sync + 'static,
    {
        self.stream.co_map(&other.stream, name, state, left, right)
    }

    /// Any operator of your own. `make` is called once per instance.
    pub fn process<Out, Op, F>(&self, name: &str, kind: NodeKind, make: F) -> Stream<Out, B>
    where
        Out: Data,
        Op: Operator<T, Out>,
        F: Fn(&Instance) -> Op + Send + Sync + 'static,
    {
        self.stream.process(name, kind, make)
    }
}

impl<T: Data, B: Backends> fmt::Debug for KeyedStream<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedStream")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}
