//! A queue is moved to the server while threads and tasks use it: nothing is lost, nothing comes twice, and every consumer sees
//! the items of each producer in order.

mod common;

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

use common::{Folder, WATCH};
use descriptor_core::{DynQueue, ErrorKind, GetError, PutError, QueueExt, QueueId, Wait};
use queue_actor::{QueueManager, RayQueueSpec};
use queue_testkit::{Dice, join, spawn, spawn_many, until, watchdog};

/// Producer and number.
type Stamp = (u8, u32);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a task on this thread.
fn run<F: Future>(task: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(output) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

fn produce(queue: &DynQueue<Stamp>, producer: u8, count: u32) {
    let mut next = 0;
    while next < count {
        match producer % 4 {
            0 => {
                run(queue.put_async((producer, next))).expect("an open queue");
                next += 1;
            }
            1 => {
                let mut batch: VecDeque<Stamp> = (next..count.min(next + 5)).map(|number| (producer, number)).collect();
                next += queue.put_batch(&mut batch, Wait::Forever).expect("an open queue") as u32;
            }
            2 => match queue.try_put((producer, next)) {
                Ok(()) => next += 1,
                Err(PutError::Full(_)) => thread::yield_now(),
                Err(refusal) => panic!("{refusal:?}"),
            },
            _ => {
                queue.put((producer, next)).expect("an open queue");
                next += 1;
            }
        }
    }
}

/// Until it is closed and drained.
fn consume(queue: &DynQueue<Stamp>, consumer: usize) -> Vec<Stamp> {
    let mut got = Vec::new();
    loop {
        let end = match consumer % 4 {
            0 => run(queue.get_async()).map(|item| got.push(item)),
            1 => queue.get_batch(&mut got, 3, Wait::Forever).map(drop),
            2 => match queue.try_get() {
                Err(GetError::Empty) => {
                    thread::yield_now();
                    Ok(())
                }
                done => done.map(|item| got.push(item)),
            },
            _ => queue.get().map(|item| got.push(item)),
        };
        match end {
            Ok(()) => {}
            Err(GetError::Closed) => return got,
            Err(failure) => panic!("{failure:?}"),
        }
    }
}

fn check(producers: u8, each: u32, seen: Vec<Vec<Stamp>>) {
    for got in &seen {
        let mut last = vec![None; usize::from(producers)];
        for (producer, number) in got {
            let before = last[usize::from(*producer)].replace(*number);
            assert!(before < Some(*number), "{number} of {producer} after {before:?}");
        }
    }
    let mut all: Vec<Stamp> = seen.into_iter().flatten().collect();
    all.sort_unstable();
    let expected: Vec<Stamp> = (0..producers).flat_map(|it| (0..each).map(move |n| (it, n))).collect();
    assert_eq!(all, expected);
}

/// So many queues are moved, each at a random moment of its use.
fn moves_under_load(rounds: usize, producers: u8, consumers: usize, each: u32, capacities: &'static [usize]) {
    watchdog(WATCH * 2, "moving queues", move || {
        let folder = Folder::new();
        let manager = folder.manager();
        let mut dice = Dice::new(u64::from(producers) * 100 + consumers as u64);
        let mut in_time = 0;
        for round in 0..rounds {
            let id = QueueId::generated("q");
            let spec = RayQueueSpec::bounded(capacities[round % capacities.len()]);
            let queue = manager.open::<Stamp>(&id, &spec).expect("a queue");
            let left = Arc::new(AtomicUsize::new(usize::from(producers)));
            let putters = spawn_many(usize::from(producers), {
                let (queue, left) = (queue.clone(), Arc::clone(&left));
                move |producer| {
                    produce(&queue, producer as u8, each);
                    left.fetch_sub(1, Ordering::AcqRel);
                }
            });
            let getters = spawn_many(consumers, {
                let queue = queue.clone();
                move |consumer| consume(&queue, consumer)
            });
            dice.dawdle(20_000);
            let is_busy = left.load(Ordering::Acquire) > 0;
            if folder.call_out(&id) && is_busy {
                in_time += 1;
            }
            putters.into_iter().for_each(join);
            queue.flush(Wait::Forever).expect("a server");
            queue.close();
            check(producers, each, getters.into_iter().map(join).collect());
            drop(queue);
            manager.delete(id.as_str()).expect("a queue");
        }
        assert!(
            in_time * 10 >= rounds,
            "{in_time} of {rounds} were moved while they were used"
        );
    });
}

#[test]
fn one_to_one_keeps_the_order() {
    moves_under_load(500, 1, 1, 400, &[1, 2, 7, 64]);
}

#[test]
fn many_lose_nothing() {
    moves_under_load(300, 4, 4, 100, &[1, 3, 16, 256]);
}

#[test]
fn many_to_one_keep_their_order() {
    moves_under_load(300, 4, 1, 100, &[1, 5, 64]);
}

#[test]
fn those_who_sleep_go_on() {
    watchdog(WATCH, "sleepers", || {
        let folder = Folder::new();
        let manager = folder.manager();
        for round in 0..60 {
            let id = QueueId::generated("q");
            let queue = manager.open::<Stamp>(&id, &RayQueueSpec::bounded(1)).expect("a queue");
            let sleeper = spawn({
                let queue = queue.clone();
                move || match round % 2 {
                    0 => queue.get().expect("an item"),
                    _ => run(queue.get_async()).expect("an item"),
                }
            });
            let full = manager
                .open::<Stamp>(&QueueId::generated("q"), &RayQueueSpec::bounded(1))
                .expect("a queue");
            full.put((0, 0)).expect("room");
            assert!(folder.call_out(&id));
            queue.put((1, round)).expect("room");
            assert_eq!(join(sleeper), (1, round));
        }
    });
}

#[test]
fn a_put_that_waits_for_room_has_it_after_the_move() {
    watchdog(WATCH, "putters", || {
        let folder = Folder::new();
        let manager = folder.manager();
        for round in 0..60 {
            let id = QueueId::generated("q");
            let queue = manager.open::<Stamp>(&id, &RayQueueSpec::bounded(2)).expect("a queue");
            queue.put((0, 0)).expect("room");
            queue.put((0, 1)).expect("room");
            let sleeper = spawn({
                let queue = queue.clone();
                move || match round % 2 {
                    0 => queue.put((0, 2)).expect("room, some time"),
                    _ => run(queue.put_async((0, 2))).expect("room, some time"),
                }
            });
            assert!(folder.call_out(&id));
            let got: Vec<Stamp> = (0..3).map(|_| queue.get().expect("an item")).collect();
            join(sleeper);
            assert_eq!(got, [(0, 0), (0, 1), (0, 2)]);
        }
    });
}

#[test]
fn a_closed_queue_moves_closed_and_is_drained() {
    let folder = Folder::new();
    let id = QueueId::generated("q");
    let queue = folder
        .manager()
        .open::<u64>(&id, &RayQueueSpec::bounded(4))
        .expect("a queue");
    queue.put(1).expect("room");
    queue.close();
    assert!(folder.call_out(&id));
    assert!(queue.is_closed());
    assert!(matches!(queue.put(2), Err(PutError::Closed(2))));
    assert_eq!(queue.get().expect("what was put"), 1);
    assert!(matches!(queue.get(), Err(GetError::Closed)));
}

#[test]
fn the_numbers_go_on_after_the_move() {
    let folder = Folder::new();
    let manager = folder.manager();
    let queue = manager.get_or_create::<u64>("jobs/in", 8).expect("a queue");
    for item in 0..5 {
        queue.put(item).expect("room");
    }
    assert_eq!(queue.get().expect("an item"), 0);
    let before = manager.stats("jobs/in").expect("numbers");
    assert_eq!((before.put_total, before.get_total, before.depth), (5, 1, 4));
    let id = QueueId::new("jobs/in").expect("an id");
    assert!(folder.call_out(&id));
    until(|| !folder.call_out(&id));
    let totals = queue.totals().expect("totals");
    assert_eq!((totals.put, totals.get), (5, 1));
    let after = manager.stats("jobs/in").expect("numbers");
    assert_eq!(
        (
            after.put_total,
            after.get_total,
            after.depth,
            after.epoch,
            after.capacity
        ),
        (5, 1, 4, before.epoch, 8)
    );
}

/// Fails to be encoded when it says so.
#[derive(Debug, PartialEq, Eq)]
struct Shy(u32);

impl serde::Serialize for Shy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 % 10 {
            7 => Err(serde::ser::Error::custom("not today")),
            9 => panic!("shy"),
            _ => serializer.serialize_u32(self.0),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Shy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u32::deserialize(deserializer).map(Shy)
    }
}

#[test]
fn what_cannot_be_encoded_is_told_once_and_the_others_go() {
    let folder = Folder::new();
    let id = QueueId::generated("q");
    let queue = folder
        .manager()
        .open::<Shy>(&id, &RayQueueSpec::bounded(16))
        .expect("a queue");
    for item in 5..11 {
        queue.put(Shy(item)).expect("room");
    }
    assert!(folder.call_out(&id));
    // It is on its way; from the ring they would come as they are.
    until(|| !folder.call_out(&id));
    let mut kinds = Vec::new();
    let mut got = Vec::new();
    while got.len() < 4 {
        match queue.get() {
            Ok(Shy(item)) => got.push(item),
            Err(GetError::Failed(error)) => kinds.push(error.kind()),
            Err(end) => panic!("{end:?}"),
        }
    }
    assert_eq!(got, [5, 6, 8, 10]);
    assert_eq!(kinds, [ErrorKind::NotSerializable, ErrorKind::UserCode]);
}

#[test]
fn a_queue_deleted_in_use_is_stale() {
    let folder = Folder::new();
    let manager: QueueManager = folder.manager();
    let queue = manager.get_or_create::<u64>("q", 2).expect("a queue");
    queue.put(1).expect("room");
    let sleeper = spawn({
        let other = manager.get_or_create::<u64>("q", 2).expect("the same");
        move || {
            other.get().expect("the first");
            other.get()
        }
    });
    until(|| queue.is_empty());
    manager.delete("q").expect("a queue");
    let Err(GetError::Failed(error)) = join(sleeper) else {
        panic!("it is no more")
    };
    assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
    let Err(PutError::Failed(2, error)) = queue.put(2) else {
        panic!("it is no more")
    };
    assert_eq!(error.kind(), ErrorKind::StaleHandle, "{error}");
    assert!(!manager.exists("q").expect("an answer"));
    let fresh = manager.get_or_create::<u64>("q", 2).expect("another one");
    assert!(fresh.is_empty());
}
