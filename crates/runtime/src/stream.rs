//! One stream of a job that is being written down.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use descriptor_core::{Backends, DynQueue, TypeTag};
use graph::{Deployment, EdgeSpec, ErrorPolicy, NodeId, NodeKind, NodeSpec};
use router::{Envelope, Key, Packet, Partition};
use serde::Serialize;
use serde::de::DeserializeOwned;
use task::host::{self, Connector, OpenQueue, Output, Partitioner, Remake, Rules, TaskParts};

use crate::draft::Draft;
use crate::keyed_stream::KeyedStream;
use crate::ops::{self, Collected, Either};
use crate::{Data, Instance, OpError, Operator};
use crate::{OnNodeFailure, Restart};

/// The packets that one node sends, to be connected to more nodes.
///
/// Every method that adds a node returns the new node's stream. [`parallelism`](Self::parallelism) and the other
/// settings change the node the stream comes from; [`partition`](Self::partition) and its kin change how the *next* node
/// receives. A stream can be used more than once: each use gets a copy of every packet.
pub struct Stream<T: Data, B: Backends> {
    pub(crate) draft: Rc<RefCell<Draft<B>>>,
    node: NodeId,
    partition: Partition,
    partitioner: Option<Partitioner<T>>,
    item: PhantomData<fn() -> T>,
}

impl<T: Data, B: Backends> Clone for Stream<T, B> {
    fn clone(&self) -> Self {
        Self {
            draft: Rc::clone(&self.draft),
            node: self.node,
            partition: self.partition.clone(),
            partitioner: self.partitioner.clone(),
            item: PhantomData,
        }
    }
}

impl<T: Data, B: Backends> Stream<T, B> {
    pub(crate) fn new(draft: Rc<RefCell<Draft<B>>>, node: NodeId) -> Self {
        Self {
            draft,
            node,
            partition: Partition::RoundRobin,
            partitioner: None,
            item: PhantomData,
        }
    }

    /// How many instances the node has; 1 unless said otherwise.
    #[must_use]
    pub fn parallelism(self, instances: u32) -> Self {
        self.change(|node| node.parallelism = instances)
    }

    /// How many instances the node may ever be given, as far as it has state by key: this fixes into how many groups its
    /// keys fall, which go from instance to instance as a whole. Without it there are 128, enough for 85 instances, or
    /// as many as its parallelism needs.
    #[must_use]
    pub fn max_parallelism(self, instances: u32) -> Self {
        self.change(|node| node.max_parallelism = Some(instances))
    }

    /// How many packets the input queue of each instance holds; 1000 unless said otherwise. Asking for a size asks for
    /// the queue: [`chain(false)`](Self::chain) comes with it.
    #[must_use]
    pub fn buffer_size(self, packets: usize) -> Self {
        self.chain(false).change(|node| node.buffer_size = packets)
    }

    /// The encoded size in bytes of the largest packets that the node takes, where that is above 60,000: a queue between
    /// processes refuses what is larger than it was made for, and the job fails. Queues inside a process take any.
    #[must_use]
    pub fn item_bytes(self, largest: usize) -> Self {
        self.change(|node| node.item_bytes = Some(largest))
    }

    /// Whether the node before this one may call it, on its own thread and without a queue between them. It may unless
    /// this, [`buffer_size`](Self::buffer_size) or [`queue`](Self::queue) says otherwise.
    ///
    /// An edge is chained when every packet of an instance goes to one and the same instance in any case, and nothing
    /// else goes there: it is the only edge of its two nodes on that side, and a [`forward`](Self::forward), or a round
    /// robin between single instances. What a packet goes through is the same either way, and so are ledger and report;
    /// a call costs a hundredth of a hand-over between threads. Say `chain(false)` to give a slow operator a thread, and
    /// where packets ask for a partition of their own.
    #[doc(alias = "disable_chaining")]
    #[doc(alias = "start_new_chain")]
    #[must_use]
    pub fn chain(self, chain: bool) -> Self {
        if let Some(code) = self.draft.borrow_mut().code.get_mut(self.node.index()) {
            code.chain = chain;
        }
        self
    }

    /// Runs the node in the process that starts the job, and not in one of its workers: what its operator leaves in
    /// memory is there for the program to read. On threads this changes nothing.
    #[must_use]
    pub fn at_coordinator(self) -> Self {
        self.change(|node| node.workers = vec![Deployment::COORDINATOR])
    }

    /// What becomes of a packet whose operator failed; the job fails unless said otherwise.
    #[must_use]
    pub fn on_error(self, policy: ErrorPolicy) -> Self {
        self.change(|node| node.on_error = policy)
    }

    /// When an instance that has ended is started again; never unless said otherwise. With another rule, instances have a
    /// thread and an input queue of their own.
    ///
    /// ```
    /// # use std::sync::atomic::{AtomicU32, Ordering};
    /// # use std::time::Duration;
    /// # use runtime::{Deployment, Flow, Restart, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
    /// #     }
    /// # }
    /// static TRIES: AtomicU32 = AtomicU32::new(0);
    /// let flow = Flow::new("halves", Builtin);
    /// let halves = flow
    ///     .source("numbers", 1, |_| ops::IterSource::new([2, 4, 6_u64]))
    ///     .try_map("half", |n| match TRIES.fetch_add(1, Ordering::Relaxed) {
    ///         1 => Err("a bad moment"),
    ///         _ => Ok(n / 2),
    ///     })
    ///     .restart(Restart::on_failure(3, Duration::from_secs(60)).pauses(Duration::ZERO, Duration::ZERO))
    ///     .collect("halves");
    /// let report = flow.build(Deployment::Threads)?.run()?.into_result()?;
    /// assert_eq!(halves.take(), [1, 2, 3]);
    /// assert_eq!(report.node("half").map(|node| node.restarts), Some(1));
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    #[must_use]
    pub fn restart(self, restart: Restart) -> Self {
        self.rule(|rules| rules.restart = restart)
    }

    /// What an instance that failed for good does to the job: ends it, unless said otherwise.
    #[must_use]
    pub fn on_failure(self, rule: OnNodeFailure) -> Self {
        self.rule(|rules| rules.on_failure = rule)
    }

    fn rule(self, change: impl FnOnce(&mut Rules)) -> Self {
        if let Some(code) = self.draft.borrow_mut().code.get_mut(self.node.index()) {
            change(&mut code.rules);
        }
        self
    }

    /// The type of the node's input queues, instead of the one the strategy would choose; with it comes
    /// [`chain(false)`](Self::chain).
    #[must_use]
    pub fn queue(self, kind: &str) -> Self {
        self.chain(false).change(|node| node.queue_kind = Some(kind.into()))
    }

    /// How packets find their instance of the next node: one after the other unless said otherwise.
    #[must_use]
    pub fn partition(mut self, partition: Partition) -> Self {
        self.partition = partition;
        self.partitioner = None;
        self
    }

    /// Packets go to the instance of the next node that `choose(key, packet, instances)` names, counted from 0. The name
    /// stands for the function in the plan: every process that builds this job must mean the same by it.
    ///
    /// A choice beyond the last instance is an error for the node's error policy.
    ///
    /// ```
    /// # use runtime::{Deployment, Flow, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
    /// #     }
    /// # }
    /// let flow = Flow::new("sizes", Builtin);
    /// let at = flow
    ///     .source("numbers", 1, |_| ops::IterSource::new([3_u64, 700, 4]))
    ///     .partition_by("large_apart", |_, packet, targets| if packet.payload > 99 { targets - 1 } else { 0 })
    ///     .process("where", runtime::NodeKind::Map, |at| {
    ///         let index = at.index;
    ///         ops::Map::new(move |number: u64| (number, index))
    ///     })
    ///     .parallelism(2)
    ///     .collect("at");
    /// flow.build(Deployment::Threads)?.run()?.into_result()?;
    /// let mut at = at.take();
    /// at.sort();
    /// assert_eq!(at, [(3, 0), (4, 0), (700, 1)]);
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    #[must_use]
    pub fn partition_by<F>(mut self, name: &str, choose: F) -> Self
    where
        F: Fn(Option<&Key>, &Packet<T>, usize) -> usize + Send + Sync + 'static,
    {
        self.partition = Partition::custom(name);
        self.partitioner = Some(Arc::new(choose));
        self
    }

    /// Every instance of the next node gets every packet.
    #[must_use]
    pub fn broadcast(self) -> Self {
        self.partition(Partition::Broadcast)
    }

    /// Each instance sends to the instance of the same number.
    #[must_use]
    pub fn forward(self) -> Self {
        self.partition(Partition::Forward)
    }

    /// One packet out for each in.
    pub fn map<Out, F>(&self, name: &str, function: F) -> Stream<Out, B>
    where
        Out: Data,
        F: Fn(T) -> Out + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Map, move |_| ops::Map::new(function.clone()))
    }

    /// One packet out for each in, or an error for the node's error policy.
    pub fn try_map<Out, E, F>(&self, name: &str, function: F) -> Stream<Out, B>
    where
        Out: Data,
        E: Into<OpError>,
        F: Fn(T) -> Result<Out, E> + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Map, move |_| ops::TryMap::new(function.clone()))
    }

    /// The packets that pass the test.
    pub fn filter<F>(&self, name: &str, predicate: F) -> Self
    where
        F: Fn(&T) -> bool + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Filter, move |_| ops::Filter::new(predicate.clone()))
    }

    /// Any number of packets out for each in.
    pub fn flat_map<I, F>(&self, name: &str, function: F) -> Stream<I::Item, B>
    where
        I: IntoIterator<Item: Data>,
        F: Fn(T) -> I + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::FlatMap, move |_| ops::FlatMap::new(function.clone()))
    }

    /// Looks at every packet and passes it on.
    pub fn inspect<F>(&self, name: &str, function: F) -> Self
    where
        F: Fn(&T) + Clone + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Map, move |_| ops::Inspect::new(function.clone()))
    }

    /// Gives every packet a key; the next node receives each key in one instance.
    #[doc(alias = "keyby")]
    pub fn key_by<K, F>(&self, name: &str, key: F) -> KeyedStream<T, B>
    where
        K: Into<Key>,
        F: Fn(&T) -> K + Clone + Send + Sync + 'static,
    {
        let keyed = self.process(name, NodeKind::KeyBy, move |_| ops::KeyBy::new(key.clone()));
        KeyedStream::new(keyed)
    }

    /// As [`key_by`](Self::key_by), for keys that may fail to be made, such as those of [`Key::of`].
    pub fn try_key_by<K, E, F>(&self, name: &str, key: F) -> KeyedStream<T, B>
    where
        K: Into<Key>,
        E: Into<OpError>,
        F: Fn(&T) -> Result<K, E> + Clone + Send + Sync + 'static,
    {
        let keyed = self.process(name, NodeKind::KeyBy, move |_| ops::TryKeyBy::new(key.clone()));
        KeyedStream::new(keyed)
    }

    /// Meets another stream in one operator: `left` maps this stream's packets, `right` the other's, and both see the
    /// instance's state, which starts as a clone of `state`.
    #[doc(alias = "comap")]
    pub fn co_map<Other, Out, S, FA, FB>(
        &self,
        other: &Stream<Other, B>,
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
        self.process_with(other, name, NodeKind::CoMap, move |_| {
            ops::CoMap::new(state.clone(), left.clone(), right.clone()).kept()
        })
    }

    /// Hands every packet to a function and ends the stream.
    #[doc(alias = "sink")]
    pub fn for_each<F>(&self, name: &str, function: F) -> Stream<(), B>
    where
        F: FnMut(T) + Clone + Send + Sync + 'static,
    {
        self.sink(name, move |_| ops::ForEach::new(function.clone()))
    }

    /// Keeps every payload, to be read when the job has ended; on processes [in the one](Self::at_coordinator) that
    /// starts the job.
    pub fn collect(&self, name: &str) -> Collected<T> {
        let collect = ops::Collect::new();
        let collected = collect.collected();
        let _ = self.sink(name, move |_| collect.clone()).at_coordinator();
        collected
    }

    /// Puts every payload into a queue outside the job.
    pub fn into_queue(&self, name: &str, queue: DynQueue<T>) -> Stream<(), B> {
        self.sink(name, move |_| ops::QueueSink::new(queue.clone()))
    }

    /// Ends the stream in an operator of your own. `make` is called once per instance.
    pub fn sink<Op, F>(&self, name: &str, make: F) -> Stream<(), B>
    where
        Op: Operator<T, ()>,
        F: Fn(&Instance) -> Op + Send + Sync + 'static,
    {
        self.process(name, NodeKind::Sink, make)
    }

    /// Any operator of your own. `make` is called once per instance.
    pub fn process<Out, Op, F>(&self, name: &str, kind: NodeKind, make: F) -> Stream<Out, B>
    where
        Out: Data,
        Op: Operator<T, Out>,
        F: Fn(&Instance) -> Op + Send + Sync + 'static,
    {
        let inputs = vec![TypeTag::of::<T>()];
        let node = self.add::<T, Out, Op, F>(name, kind, inputs, make);
        self.connect(node, 0, Arc::new(OpenQueue::queue::<Envelope<T>>));
        Stream::new(Rc::clone(&self.draft), node)
    }

    /// Any operator of your own over two streams: this one comes in on the left, the other one on the right.
    pub fn process_with<Other, Out, Op, F>(
        &self,
        other: &Stream<Other, B>,
        name: &str,
        kind: NodeKind,
        make: F,
    ) -> Stream<Out, B>
    where
        Other: Data,
        Out: Data,
        Op: Operator<Either<T, Other>, Out>,
        F: Fn(&Instance) -> Op + Send + Sync + 'static,
    {
        let inputs = vec![TypeTag::of::<T>(), TypeTag::of::<Other>()];
        let node = self.add::<Either<T, Other>, Out, Op, F>(name, kind, inputs, make);
        self.connect(
            node,
            0,
            Arc::new(|queue| Ok(host::port(queue.queue()?, to_left::<T, Other>, from_left))),
        );
        other.connect(
            node,
            1,
            Arc::new(|queue| Ok(host::port(queue.queue()?, to_right::<T, Other>, from_right))),
        );
        Stream::new(Rc::clone(&self.draft), node)
    }

    fn add<In, Out, Op, F>(&self, name: &str, kind: NodeKind, inputs: Vec<TypeTag>, make: F) -> NodeId
    where
        In: Data,
        Out: Data,
        Op: Operator<In, Out>,
        F: Fn(&Instance) -> Op + Send + Sync + 'static,
    {
        let output = (kind != NodeKind::Sink).then(TypeTag::of::<Out>);
        let spec = NodeSpec {
            inputs,
            output,
            ..NodeSpec::new(name, kind)
        };
        let make: Remake<Op> = Arc::new(make);
        let made = Arc::clone(&make);
        let link = Box::new(move |parts: TaskParts<'_>, from| host::called::<In, Out, Op>(&made, from, parts));
        let build = Box::new(move |parts: TaskParts<'_>| host::operator::<In, Out, Op>(&make, parts));
        self.draft.borrow_mut().node::<In>(spec, build, Some(link))
    }

    pub(crate) fn connect(&self, to: NodeId, port: u16, connector: Connector<T>) {
        let spec = EdgeSpec::to_port(port, self.partition.clone());
        let name = match &self.partition {
            Partition::Custom(name) => Some(Arc::clone(name)),
            _ => None,
        };
        let output = Output {
            connector,
            partitioner: name.zip(self.partitioner.clone()),
        };
        self.draft.borrow_mut().edge(self.node, to, spec, output);
    }

    fn change(self, change: impl FnOnce(&mut NodeSpec)) -> Self {
        self.draft.borrow_mut().graph.change(self.node, change);
        self
    }
}

fn rewrap<T, U>(envelope: Envelope<T>, change: impl FnMut(T) -> U) -> Envelope<U> {
    let from = envelope.from;
    let event = envelope.event.map(change);
    Envelope { from, event }
}

fn to_left<A, B>(envelope: Envelope<A>) -> Envelope<Either<A, B>> {
    rewrap(envelope, Either::Left)
}

fn to_right<A, B>(envelope: Envelope<B>) -> Envelope<Either<A, B>> {
    rewrap(envelope, Either::Right)
}

fn from_left<A, B>(envelope: Envelope<Either<A, B>>) -> Envelope<A> {
    rewrap(envelope, |item| {
        item.either(|left| left, |_| unreachable!("a port gives back what it was given"))
    })
}

fn from_right<A, B>(envelope: Envelope<Either<A, B>>) -> Envelope<B> {
    rewrap(envelope, |item| {
        item.either(|_| unreachable!("a port gives back what it was given"), |right| right)
    })
}

impl<T: Data, B: Backends> fmt::Debug for Stream<T, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}
