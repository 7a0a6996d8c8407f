//! What the router adds to a bare put: nanoseconds per packet, median of nine rounds.
//!
//! `cargo run --release --example send_cost -p router`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use descriptor_core::{DescriptorRecord, DynQueue, Error, QueueId, Wait};
use queue_sage::SageQueue;
use router::{Connection, ConnectionSpec, Envelope, Event, KeyGroups, Packet, Partition, Router, UpstreamId};

const ROUNDS: usize = 9;
const PACKETS: u64 = 400_000;
const BATCH: usize = 256;

type Input = DynQueue<Envelope<u64>>;

fn main() -> Result<(), Error> {
    println!("{PACKETS} packets of u64 into sage_queue, drained by the same thread, batches of {BATCH}");
    report("bare put", |queues| bare_put(&queues[0]))?;
    report("router send, round robin of 4", |queues| {
        send(Partition::RoundRobin, queues, false)
    })?;
    report("router send, hash of 4", |queues| send(Partition::Hash, queues, true))?;
    report("bare put_batch", |queues| bare_batch(&queues[0]))?;
    report("router push + flush, round robin of 4", |queues| {
        push(Partition::RoundRobin, queues, false)
    })?;
    report("router push + flush, hash of 4, keys made on the way", |queues| {
        push(Partition::Hash, queues, true)
    })
}

fn report(what: &str, mut run: impl FnMut(&[Input]) -> Result<(), Error>) -> Result<(), Error> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let queues = (0..4)
            .map(|_| SageQueue::new(2 * BATCH).map(|queue| Arc::new(queue) as Input))
            .collect::<Result<Vec<_>, _>>()?;
        let start = Instant::now();
        run(&queues)?;
        rounds.push(start.elapsed().as_nanos() as f64 / PACKETS as f64);
    }
    rounds.sort_by(f64::total_cmp);
    println!("{:7.1} ns  {what}", rounds[ROUNDS / 2]);
    Ok(())
}

fn drain(queues: &[Input], out: &mut Vec<Envelope<u64>>) {
    for queue in queues {
        while queue.get_batch(out, BATCH, Wait::Never).is_ok() {
            black_box(&out);
            out.clear();
        }
    }
}

fn packet(number: u64) -> Packet<u64> {
    Packet::new(number, 0)
}

fn bare_put(queue: &Input) -> Result<(), Error> {
    let mut out = Vec::with_capacity(BATCH);
    for number in 0..PACKETS {
        queue.put(Envelope {
            from: UpstreamId(0),
            event: Event::Packet(packet(number)),
        })?;
        if number % BATCH as u64 == 0 {
            drain(std::slice::from_ref(queue), &mut out);
        }
    }
    Ok(())
}

fn bare_batch(queue: &Input) -> Result<(), Error> {
    let (mut items, mut out) = (VecDeque::with_capacity(BATCH), Vec::with_capacity(BATCH));
    for number in 0..PACKETS {
        items.push_back(Envelope {
            from: UpstreamId(0),
            event: Event::Packet(packet(number)),
        });
        if items.len() == BATCH {
            queue.put_batch(&mut items, Wait::Forever)?;
            drain(std::slice::from_ref(queue), &mut out);
        }
    }
    Ok(())
}

fn send(partition: Partition, queues: &[Input], keyed: bool) -> Result<(), Error> {
    let (mut router, mut out) = (router(partition, queues)?, Vec::with_capacity(BATCH));
    for number in 0..PACKETS {
        router.send(made(number, keyed), Wait::Forever)?;
        if number % BATCH as u64 == 0 {
            drain(queues, &mut out);
        }
    }
    Ok(())
}

fn push(partition: Partition, queues: &[Input], keyed: bool) -> Result<(), Error> {
    let (mut router, mut out) = (router(partition, queues)?, Vec::with_capacity(BATCH));
    for number in 0..PACKETS {
        if router.push(made(number, keyed))? {
            router.flush(Wait::Forever)?;
            drain(queues, &mut out);
        }
    }
    Ok(router.flush(Wait::Forever)?)
}

fn made(number: u64, keyed: bool) -> Packet<u64> {
    if keyed {
        packet(number).with_key(number)
    } else {
        packet(number)
    }
}

fn router(partition: Partition, queues: &[Input]) -> Result<Router<u64>, Error> {
    let connections = queues.iter().zip(0..).map(|(queue, index)| {
        let descriptor = DescriptorRecord::new(QueueId::new(format!("input_{index}"))?, "sage_queue");
        let spec = ConnectionSpec {
            from: UpstreamId(0),
            broadcast_group: 0,
            parallel_index: index,
            target_name: format!("sink_{index}"),
            target_type: "sink".into(),
            target_input_index: 0,
            descriptor: descriptor.into(),
        };
        Ok(Connection::new(spec, queue.clone()))
    });
    let connections = connections.collect::<Result<_, Error>>()?;
    Router::builder("source")
        .batch_limit(BATCH)
        .edge(partition, KeyGroups::default(), connections)
        .build()
}
