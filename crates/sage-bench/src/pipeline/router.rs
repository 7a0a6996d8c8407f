//! What the router adds to a put, by one thread, on empty queues that have room.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sage_comm::{
    Connection, ConnectionSpec, DescriptorRecord, DynQueue, Envelope, Event, KeyGroups, Packet, Partition, QueueExt,
    QueueId, Router, SageQueue, UpstreamId, Wait,
};

use crate::measure::{Better, Case, Group, Metric, Role, Size};

/// Packets between two emptyings of the queues, which are not timed.
const RUN: u64 = 512;
const TARGETS: u32 = 2;
const ROOM: &str = "room for every packet of a run";

type Input = DynQueue<Envelope<u64>>;

pub(super) fn group() -> Group {
    Group {
        size: Size::Items,
        item: "8 B",
        metrics: vec![Metric {
            scenario: "router send",
            unit: "ns",
            better: Better::Lower,
        }],
        cases: vec![
            Case::new("bare put", Role::Ours, bare),
            Case::new("send, round robin", Role::Ours, |items| {
                routed(Partition::RoundRobin, items, send)
            }),
            Case::new("send, hash", Role::Ours, |items| routed(Partition::Hash, items, send)),
            Case::new("push and flush, round robin", Role::Ours, |items| {
                routed(Partition::RoundRobin, items, push)
            }),
            Case::new("push and flush, hash", Role::Ours, |items| {
                routed(Partition::Hash, items, push)
            }),
        ],
    }
}

/// The packet of a keyed edge has its key made anew, as behind a `key_by`.
fn packet(partition: &Partition, number: u64) -> Packet<u64> {
    let packet = Packet::new(number, 0);
    match partition {
        Partition::Hash => packet.with_key(number),
        _ => packet,
    }
}

fn bare(items: u64) -> Vec<f64> {
    let inputs = inputs();
    timed(items, &inputs, |from, to| {
        for number in from..to {
            let envelope = Envelope {
                from: UpstreamId(0),
                event: Event::Packet(packet(&Partition::RoundRobin, number)),
            };
            let at = number as usize % inputs.len();
            assert!(
                inputs.get(at).is_some_and(|queue| queue.put(envelope).is_ok()),
                "{ROOM}"
            );
        }
    })
}

/// As a caller who wants every packet on its way at once.
fn send(router: &mut Router<u64>, packet: Packet<u64>) {
    assert!(router.send(packet, Wait::Never).is_ok(), "{ROOM}");
}

/// As the runtime does.
fn push(router: &mut Router<u64>, packet: Packet<u64>) {
    if router.push(packet).expect(ROOM) {
        assert!(router.flush(Wait::Never).is_ok(), "{ROOM}");
    }
}

fn routed(partition: Partition, items: u64, each: impl Fn(&mut Router<u64>, Packet<u64>)) -> Vec<f64> {
    let inputs = inputs();
    let connections = inputs
        .iter()
        .zip(0..)
        .map(|(queue, index)| connection(index, queue))
        .collect();
    let groups = KeyGroups::for_parallelism(TARGETS).expect("a parallelism within the limits");
    let router = Router::builder("bench")
        .edge(partition.clone(), groups, connections)
        .build();
    let mut router = router.expect("an edge without findings");
    timed(items, &inputs, |from, to| {
        for number in from..to {
            each(&mut router, packet(&partition, number));
        }
        assert!(router.flush(Wait::Never).is_ok(), "{ROOM}");
    })
}

/// Nanoseconds per packet.
fn timed(items: u64, inputs: &[Input], mut run: impl FnMut(u64, u64)) -> Vec<f64> {
    let (mut sent, mut seen) = (0, 0);
    let mut took = Duration::ZERO;
    while sent < items {
        let end = items.min(sent + RUN);
        let begun = Instant::now();
        run(sent, end);
        took += begun.elapsed();
        sent = end;
        seen += inputs.iter().map(|queue| queue.drain().count() as u64).sum::<u64>();
    }
    assert_eq!(seen, items, "packets got lost");
    vec![took.as_nanos() as f64 / items as f64]
}

/// Each with room for a whole run, however uneven.
fn inputs() -> Vec<Input> {
    (0..TARGETS)
        .map(|_| Arc::new(SageQueue::new(RUN as usize).expect("a capacity within the limits")) as Input)
        .collect()
}

fn connection(index: u32, queue: &Input) -> Connection<u64> {
    let id = QueueId::new(format!("input_{index}")).expect("letters and a digit");
    let spec = ConnectionSpec {
        from: UpstreamId(0),
        broadcast_group: 0,
        parallel_index: index,
        target_name: format!("target_{index}"),
        target_type: "map".to_owned(),
        target_input_index: 0,
        descriptor: DescriptorRecord::new(id, "sage_queue").into(),
    };
    Connection::new(spec, Arc::clone(queue))
}
