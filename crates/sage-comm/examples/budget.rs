//! The hot paths, one after the other on one thread, for `cargo xtask budget` to count their instructions.
//!
//! Every path runs twice inside [`measured`], a number of rounds and then twice as many, so that the difference holds
//! nothing but rounds. Prints that number in the first line and the names of the paths, in order, in the others. Nothing
//! here measures anything by itself.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::hint::black_box;
use std::io::Write as _;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use sage_comm::{
    Connection, ConnectionSpec, DescriptorRecord, DynQueue, Envelope, Inbox, KeyGroups, LocalQueue, Packet, Partition,
    Queue, QueueExt, QueueId, Received, Router, SageQueue, UpstreamId, Wait,
};

/// A whole number of times around every queue: each run starts where the one before did.
const ROUNDS: u64 = 2048;
const CAPACITY: usize = 1024;
const BATCH: usize = 64;
const TARGETS: u32 = 2;
const OPEN: &str = "nobody closes the queue";
const ROOM: &str = "room for all of a round";

type Rounds = Box<dyn FnMut(u64)>;
/// 64 bytes.
type Line = [u64; 8];

/// What is counted: the call of this function, with everything below it.
#[inline(never)]
fn measured(rounds: &mut dyn FnMut(u64), count: u64) {
    rounds(count);
}

fn paths() -> Vec<(&'static str, Rounds)> {
    vec![
        ("sage_queue 8 B: put and get", pair(sage(), |n| n)),
        ("sage_queue 64 B: put and get", pair(sage(), line)),
        ("sage_queue 8 B: put and get, dyn", pair(any(sage()), |n| n)),
        ("sage_queue 64 B: put and get, dyn", pair(any(sage()), line)),
        ("sage_queue 8 B: put and get, async and ready", ready(any(sage()))),
        ("sage_queue 8 B: batch of 64 put and got", batches(sage(), |n| n)),
        ("sage_queue 64 B: batch of 64 put and got", batches(sage(), line)),
        ("local 8 B: put and get", pair(local(), |n| n)),
        ("local 8 B: put and get, dyn", pair(any(local()), |n| n)),
        ("local 8 B: put and get, async and ready", ready(any(local()))),
        ("local 8 B: batch of 64 put and got", batches(local(), |n| n)),
        ("envelope: put and get, dyn", envelopes()),
        ("router: send round robin, get", sends(Partition::RoundRobin)),
        (
            "router: send by the hash of a fresh 8 B key, get",
            sends(Partition::Hash),
        ),
        (
            "hop of 64 round robin: push, flush, get, accept",
            hops(Partition::RoundRobin),
        ),
        ("hop of 64 by hash: push, flush, get, accept", hops(Partition::Hash)),
    ]
}

fn main() -> ExitCode {
    let mut text = format!("{ROUNDS}\n");
    for (name, mut rounds) in paths() {
        measured(&mut rounds, ROUNDS);
        measured(&mut rounds, 2 * ROUNDS);
        text.push_str(name);
        text.push('\n');
    }
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn sage<T: Send + 'static>() -> Arc<SageQueue<T>> {
    Arc::new(SageQueue::new(CAPACITY).expect("a capacity within the limits"))
}

fn local<T: Send + 'static>() -> Arc<LocalQueue<T>> {
    Arc::new(LocalQueue::new(Some(CAPACITY)).expect("a capacity within the limits"))
}

fn any<T: Send + 'static>(queue: Arc<impl Queue<T> + 'static>) -> DynQueue<T> {
    queue
}

fn line(number: u64) -> Line {
    [number; 8]
}

fn pair<T: Send + 'static, Q: Queue<T> + ?Sized + 'static>(queue: Arc<Q>, item: fn(u64) -> T) -> Rounds {
    Box::new(move |count| {
        for number in 0..count {
            assert!(queue.put(black_box(item(number))).is_ok(), "{OPEN}");
            black_box(queue.get().expect(OPEN));
        }
    })
}

/// Both futures are ready when they are first polled.
fn ready(queue: DynQueue<u64>) -> Rounds {
    Box::new(move |count| {
        let mut cx = Context::from_waker(Waker::noop());
        for number in 0..count {
            let put = pin!(queue.put_async(black_box(number))).poll(&mut cx);
            assert!(matches!(put, Poll::Ready(Ok(()))), "{ROOM}");
            let got = pin!(queue.get_async()).poll(&mut cx);
            assert!(matches!(got, Poll::Ready(Ok(_))), "{ROOM}");
            let _ = black_box(got);
        }
    })
}

fn batches<T: Send + Copy + 'static>(queue: Arc<impl Queue<T> + 'static>, item: fn(u64) -> T) -> Rounds {
    let template = [item(1); BATCH];
    let mut items: VecDeque<T> = VecDeque::with_capacity(BATCH);
    let mut out = Vec::with_capacity(BATCH);
    Box::new(move |count| {
        for _ in 0..count {
            // What the peer of a real batch does with its items is not ours: here it fills the buffer with one copy, and empties it.
            items.extend(black_box(&template));
            assert!(queue.put_batch(&mut items, Wait::Forever).is_ok(), "{OPEN}");
            assert!(items.is_empty(), "{ROOM}");
            assert_eq!(queue.get_batch(&mut out, BATCH, Wait::Forever).ok(), Some(BATCH));
            black_box(&out);
            out.clear();
        }
    })
}

/// What the router has to be compared with.
fn envelopes() -> Rounds {
    let queue = input();
    let from = UpstreamId(0);
    Box::new(move |count| {
        for number in 0..count {
            let event = sage_comm::Event::Packet(Packet::new(black_box(number), 0));
            assert!(queue.put(Envelope { from, event }).is_ok(), "{OPEN}");
            assert!(black_box(queue.get()).is_ok(), "{OPEN}");
        }
    })
}

/// One packet at a time; the queue it went to is emptied at once.
fn sends(partition: Partition) -> Rounds {
    let (mut router, inputs) = routed(&partition);
    Box::new(move |count| {
        for number in 0..count {
            let packet = packet(&partition, black_box(number));
            assert!(router.send(packet, Wait::Never).is_ok(), "{ROOM}");
            let got = inputs.iter().filter(|queue| black_box(queue.try_get()).is_ok()).count();
            assert_eq!(got, 1);
        }
    })
}

/// What the runtime does between two operators, without its threads.
fn hops(partition: Partition) -> Rounds {
    let (mut router, inputs) = routed(&partition);
    let mut inbox = Inbox::new([UpstreamId(0)]).expect("one connection");
    let mut out = Vec::with_capacity(BATCH);
    Box::new(move |count| {
        for _ in 0..count {
            for offset in 0..BATCH as u64 {
                // The same keys in each round, so that rounds are alike.
                let packet = packet(&partition, black_box(offset));
                router.push(packet).expect(ROOM);
            }
            assert!(router.flush(Wait::Never).is_ok(), "{ROOM}");
            for queue in &inputs {
                while queue.get_batch(&mut out, BATCH, Wait::Never).is_ok() {}
            }
            assert_eq!(out.len(), BATCH, "packets got lost");
            for envelope in out.drain(..) {
                let received = inbox.accept(envelope);
                assert!(matches!(black_box(received), Received::Packet(_)));
            }
        }
    })
}

/// As behind a `key_by`: the key is made anew.
fn packet(partition: &Partition, number: u64) -> Packet<u64> {
    let packet = Packet::new(number, 0);
    match partition {
        Partition::Hash => packet.with_key(number),
        _ => packet,
    }
}

fn input() -> DynQueue<Envelope<u64>> {
    sage()
}

fn routed(partition: &Partition) -> (Router<u64>, Vec<DynQueue<Envelope<u64>>>) {
    let inputs: Vec<_> = (0..TARGETS).map(|_| input()).collect();
    let connections = inputs.iter().zip(0..).map(|(queue, index)| {
        let spec = ConnectionSpec {
            from: UpstreamId(0),
            broadcast_group: 0,
            parallel_index: index,
            target_name: format!("target_{index}"),
            target_type: "map".to_owned(),
            target_input_index: 0,
            descriptor: DescriptorRecord::new(QueueId::generated("sage_queue"), "sage_queue").into(),
        };
        Connection::new(spec, Arc::clone(queue))
    });
    let groups = KeyGroups::for_parallelism(TARGETS).expect("a parallelism within the limits");
    let router = Router::builder("budget")
        .edge(partition.clone(), groups, connections.collect())
        .build();
    (router.expect("an edge without findings"), inputs)
}
