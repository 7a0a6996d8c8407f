//! Real queues and connections for the tests.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use descriptor_core::{DescriptorRecord, DynQueue, Item, QueueExt, QueueId};
use queue_local::LocalQueue;
use queue_sage::SageQueue;
use router::{
    Connection, ConnectionSpec, Envelope, Event, KeyGroups, Packet, Partition, Router, RouterBuilder, UpstreamId,
};

pub(crate) type Input<T> = DynQueue<Envelope<T>>;

pub(crate) fn sage<T: Item>(capacity: usize) -> Input<T> {
    Arc::new(SageQueue::new(capacity).unwrap())
}

pub(crate) fn local<T: Item>(capacity: usize) -> Input<T> {
    Arc::new(LocalQueue::new(Some(capacity)).unwrap())
}

/// Queues of both kinds, in turn.
pub(crate) fn inputs<T: Item>(count: usize, capacity: usize) -> Vec<Input<T>> {
    (0..count)
        .map(|index| {
            if index % 2 == 0 {
                sage(capacity)
            } else {
                local(capacity)
            }
        })
        .collect()
}

pub(crate) fn connection<T: Item>(from: u32, group: u16, index: u32, queue: &Input<T>) -> Connection<T> {
    let spec = ConnectionSpec {
        from: UpstreamId(from),
        broadcast_group: group,
        parallel_index: index,
        target_name: format!("target_{group}_{index}"),
        target_type: "map".into(),
        target_input_index: group,
        descriptor: DescriptorRecord::new(QueueId::new(format!("input_{group}_{index}")).unwrap(), "local").into(),
    };
    Connection::new(spec, queue.clone())
}

/// All connections from one sender to `queues`.
pub(crate) fn edge<T: Item>(from: u32, group: u16, queues: &[Input<T>]) -> Vec<Connection<T>> {
    queues
        .iter()
        .zip(0..)
        .map(|(queue, index)| connection(from, group, index, queue))
        .collect()
}

pub(crate) fn router<T: Item + Clone>(partition: Partition, queues: &[Input<T>]) -> Router<T> {
    with(Router::builder("sender"), partition, 0, queues).build().unwrap()
}

pub(crate) fn with<T: Item + Clone>(
    builder: RouterBuilder<T>,
    partition: Partition,
    group: u16,
    queues: &[Input<T>],
) -> RouterBuilder<T> {
    builder.edge(partition, KeyGroups::default(), edge(0, group, queues))
}

/// The packets that are in the queue now.
pub(crate) fn packets<T: Item>(queue: &Input<T>) -> Vec<Packet<T>> {
    queue
        .drain()
        .filter_map(|envelope| match envelope.event {
            Event::Packet(packet) => Some(packet),
            _ => None,
        })
        .collect()
}

/// Their payloads.
pub(crate) fn payloads<T: Item>(queue: &Input<T>) -> Vec<T> {
    packets(queue).into_iter().map(|packet| packet.payload).collect()
}

/// Fails instead of hanging.
pub(crate) fn watched<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, finished) = channel();
    let worker = thread::spawn(move || done.send(work()).is_ok());
    match finished.recv_timeout(Duration::from_secs(120)) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("hangs"),
        Err(RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(_) => panic!("ended without a result"),
        },
    }
}
