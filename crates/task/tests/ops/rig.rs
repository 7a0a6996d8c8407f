//! One operator instance between the test and a queue.

use std::sync::Arc;

use descriptor_core::{DropCause, DynQueue};
use queue_local::LocalQueue;
use router::{Envelope, Event, Key, Packet};
use task::{Data, OpResult, Operator, Source, SourceStep, TaskContext};

/// The context an operator works with, and the queue behind it.
pub(crate) struct Rig<Out: Data> {
    pub(crate) ctx: TaskContext<Out>,
    queue: DynQueue<Envelope<Out>>,
    dropped: Vec<(DropCause, u64)>,
}

impl<Out: Data> Rig<Out> {
    pub(crate) fn new() -> Self {
        let queue: DynQueue<Envelope<Out>> = Arc::new(LocalQueue::new(None).expect("an unbounded queue"));
        Self {
            ctx: TaskContext::detached(Arc::clone(&queue)).expect("an edge into a queue"),
            queue,
            dropped: Vec::new(),
        }
    }

    /// Lets `operator` handle `packet` as a task would.
    pub(crate) fn feed<In: Data>(&mut self, operator: &mut impl Operator<In, Out>, packet: Packet<In>) -> OpResult {
        self.ctx.drive(operator, packet)
    }

    /// Runs `source` to its end, which comes without a pause.
    pub(crate) fn run(&mut self, source: &mut impl Source<Out>) -> OpResult {
        source.open(&mut self.ctx)?;
        while source.step(&mut self.ctx)? != SourceStep::Done {}
        source.close(&mut self.ctx)
    }

    /// What came out since the last look.
    pub(crate) fn events(&mut self) -> Vec<Event<Out>> {
        self.ctx.flush().expect("an unbounded queue");
        std::iter::from_fn(|| self.queue.try_get().ok())
            .map(|envelope| envelope.event)
            .collect()
    }

    /// The packets among it.
    pub(crate) fn packets(&mut self) -> Vec<Packet<Out>> {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Packet(packet) => Some(packet),
                _ => None,
            })
            .collect()
    }

    /// Their payloads.
    pub(crate) fn payloads(&mut self) -> Vec<Out> {
        self.packets().into_iter().map(|packet| packet.payload).collect()
    }

    /// How many packets the operator said it dropped for this cause.
    pub(crate) fn dropped(&mut self, cause: DropCause) -> u64 {
        self.dropped.extend(self.ctx.drops());
        let of_cause = self.dropped.iter().filter(|(known, _)| *known == cause);
        of_cause.map(|(_, count)| count).sum()
    }
}

/// A packet without a key, made at the moment 7.
pub(crate) fn plain<T>(payload: T) -> Packet<T> {
    Packet::new(payload, 7)
}

/// A packet with a key, made at the moment 7.
pub(crate) fn keyed<T>(key: impl Into<Key>, payload: T) -> Packet<T> {
    plain(payload).with_key(key)
}
