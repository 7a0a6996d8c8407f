//! A pair of handles keeps the contract, on real threads.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::{ErrorKind, GetError, PutError, Wait};
use queue_sage::SageQueue;
use queue_testkit::watchdog;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn everything_arrives_in_order_at_any_capacity() {
    watchdog(LIMIT, "everything_arrives_in_order_at_any_capacity", || {
        for capacity in [1, 2, 3, 64, 1000] {
            let items = 20_000 + 20 * capacity as u64;
            let (mut producer, mut consumer) = SageQueue::pair(capacity).unwrap();
            let putting = thread::spawn(move || (0..items).for_each(|item| producer.put(item).unwrap()));
            assert!(consumer.iter().eq(0..items), "capacity {capacity}");
            putting.join().unwrap();
        }
    });
}

#[test]
fn batches_and_singles_mix() {
    watchdog(LIMIT, "batches_and_singles_mix", || {
        for capacity in [1, 3, 100] {
            let (mut producer, mut consumer) = SageQueue::pair(capacity).unwrap();
            let putting = thread::spawn(move || {
                for start in (0..30_000_u64).step_by(10) {
                    producer.put(start).unwrap();
                    let mut batch: VecDeque<u64> = (start + 1..start + 10).collect();
                    while !batch.is_empty() {
                        producer.put_batch(&mut batch, Wait::Forever).unwrap();
                    }
                }
            });
            let mut got = Vec::new();
            while let Ok(item) = consumer.get() {
                got.push(item);
                let _ = consumer.get_batch(&mut got, 7, Wait::Never);
            }
            assert!(got.into_iter().eq(0..30_000), "capacity {capacity}");
            putting.join().unwrap();
        }
    });
}

#[test]
fn the_capacity_is_exact_and_a_refused_item_comes_back() {
    for capacity in [1, 2, 3, 5] {
        let (mut producer, mut consumer) = SageQueue::pair(capacity).unwrap();
        assert_eq!((producer.capacity(), consumer.capacity()), (capacity, capacity));
        for item in 0..capacity {
            producer.try_put(item).unwrap();
            assert_eq!(consumer.depth(), item + 1);
        }
        assert!(matches!(producer.try_put(99), Err(PutError::Full(99))));
        let mut batch = VecDeque::from([7, 8]);
        assert!(matches!(
            producer.put_batch(&mut batch, Wait::Never),
            Err(PutError::Full(()))
        ));
        assert_eq!(batch, [7, 8]);
        assert!(consumer.drain().eq(0..capacity));
        assert!(matches!(consumer.try_get(), Err(GetError::Empty)));
    }
    let error = SageQueue::<u8>::pair(0).expect_err("no room at all");
    assert_eq!(error.kind(), ErrorKind::InvalidDescriptor);
}

#[test]
fn a_limit_is_waited_for() {
    let limit = Duration::from_millis(20);
    let (mut producer, mut consumer) = SageQueue::pair(1).unwrap();
    let begun = Instant::now();
    assert!(matches!(consumer.get_timeout(limit), Err(GetError::Empty)));
    producer.put(1).unwrap();
    assert!(matches!(producer.put_timeout(2, limit), Err(PutError::Full(2))));
    assert!(begun.elapsed() >= 2 * limit);
    assert_eq!(consumer.get_timeout(limit).unwrap(), 1, "it is as good as before");
}

/// Many times, as the race between the last put and the close is short.
#[test]
fn what_was_accepted_before_a_close_is_delivered() {
    watchdog(LIMIT, "what_was_accepted_before_a_close_is_delivered", || {
        for round in 0..500 {
            let (mut producer, mut consumer) = SageQueue::pair(4).unwrap();
            let monitor = consumer.monitor();
            let putting = thread::spawn(move || (0_u64..).take_while(|item| producer.put(*item).is_ok()).count());
            let closing = thread::spawn(move || {
                while monitor.totals().unwrap().put < round % 50 {
                    thread::yield_now();
                }
                monitor.close();
            });
            let got: Vec<u64> = consumer.iter().collect();
            let accepted = putting.join().unwrap() as u64;
            assert!(got.into_iter().eq(0..accepted), "{accepted} were accepted");
            assert!(matches!(consumer.try_get(), Err(GetError::Closed)));
            assert!(consumer.is_closed());
            closing.join().unwrap();
        }
    });
}

#[test]
fn dropping_an_end_tells_the_other_one() {
    watchdog(LIMIT, "dropping_an_end_tells_the_other_one", || {
        let (mut producer, mut consumer) = SageQueue::pair(2).unwrap();
        producer.put(1).unwrap();
        assert!(!consumer.is_abandoned() && !consumer.is_closed());
        drop(producer);
        assert!(consumer.is_abandoned());
        assert_eq!(consumer.get().unwrap(), 1, "what is inside is delivered");
        assert!(matches!(consumer.get(), Err(GetError::Closed)));

        let (mut producer, consumer) = SageQueue::pair(1).unwrap();
        producer.put(1).unwrap();
        let blocked = thread::spawn(move || (producer.put(2), producer.is_abandoned()));
        drop(consumer);
        assert!(matches!(blocked.join().unwrap(), (Err(PutError::Closed(2)), true)));
    });
}

#[test]
fn a_close_is_no_leaving() {
    let (producer, consumer) = SageQueue::<u8>::pair(1).unwrap();
    consumer.close();
    assert!(producer.is_closed() && !producer.is_abandoned() && !consumer.is_abandoned());
    assert_eq!(
        format!("{producer:?}"),
        "Producer { capacity: 1, depth: 0, closed: true, abandoned: false }"
    );
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn items_left_inside_are_dropped_once_with_the_last_end() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (mut producer, mut consumer) = SageQueue::pair(4).unwrap();
    for _ in 0..4 {
        producer.put(Counted(Arc::clone(&dropped))).unwrap();
    }
    drop(consumer.get());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    drop(consumer);
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "the queue is still there");
    drop(producer.put(Counted(Arc::clone(&dropped))));
    assert_eq!(dropped.load(Ordering::Relaxed), 2, "refused");
    drop(producer);
    assert_eq!(dropped.load(Ordering::Relaxed), 5);
}

#[test]
fn a_dropped_future_did_it_or_nothing() {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut producer, mut consumer) = SageQueue::pair(1).unwrap();
    {
        let mut get = std::pin::pin!(consumer.get_async());
        assert!(get.as_mut().poll(&mut cx).is_pending());
    }
    assert!(matches!(
        std::pin::pin!(producer.put_async(1)).poll(&mut cx),
        Poll::Ready(Ok(()))
    ));
    {
        let mut put = std::pin::pin!(producer.put_async(2));
        assert!(put.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(consumer.depth(), 1);
    assert!(matches!(
        std::pin::pin!(consumer.get_async()).poll(&mut cx),
        Poll::Ready(Ok(1))
    ));
    assert!(matches!(consumer.try_get(), Err(GetError::Empty)));
}

/// Nobody ends its wait, and its borrow is over: the handle is as good as before.
#[test]
fn a_forgotten_future_did_nothing() {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut producer, mut consumer) = SageQueue::pair(1).unwrap();
    let mut get = Box::pin(consumer.get_async());
    assert!(get.as_mut().poll(&mut cx).is_pending());
    std::mem::forget(get);
    producer.try_put(1).unwrap();
    let mut put = Box::pin(producer.put_async(2));
    assert!(put.as_mut().poll(&mut cx).is_pending());
    std::mem::forget(put);
    assert_eq!(consumer.try_get().unwrap(), 1);
    producer.try_put(3).unwrap();
    drop(producer);
    assert!(consumer.iter().eq([3]));
}

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Drops its task instead of running it, on the thread that wakes it.
struct Killer(Mutex<Option<Job>>);

impl Wake for Killer {
    fn wake(self: Arc<Self>) {
        let job = self.0.lock().unwrap().take();
        drop(job);
    }
}

/// A task that owns a handle, after its first step.
fn doomed(job: impl Future<Output = ()> + Send + 'static) -> Arc<Killer> {
    let killer = Arc::new(Killer(Mutex::new(None)));
    let waker = Waker::from(Arc::clone(&killer));
    let mut job: Job = Box::pin(job);
    assert!(job.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    *killer.0.lock().unwrap() = Some(job);
    killer
}

/// A wake-up is foreign code that runs inside of a put, a get or a close, and may drop the other handle there.
#[test]
fn an_end_may_be_dropped_inside_of_a_call_of_the_other() {
    watchdog(LIMIT, "an_end_may_be_dropped_inside_of_a_call_of_the_other", || {
        let (mut producer, mut consumer) = SageQueue::pair(2).unwrap();
        let killer = doomed(async move { drop(consumer.get_async().await) });
        producer.put(1).unwrap();
        assert!(killer.0.lock().unwrap().is_none());
        assert!(producer.is_abandoned() && producer.depth() == 1);
        assert!(matches!(producer.put(2), Err(PutError::Closed(2))));

        let (mut producer, mut consumer) = SageQueue::pair(1).unwrap();
        producer.put(1).unwrap();
        let killer = doomed(async move { drop(producer.put_async(2).await) });
        assert_eq!(consumer.get().unwrap(), 1);
        assert!(killer.0.lock().unwrap().is_none());
        assert!(consumer.is_abandoned());
        assert!(matches!(consumer.get(), Err(GetError::Closed)));

        let (producer, mut consumer) = SageQueue::<u8>::pair(1).unwrap();
        let killer = doomed(async move { drop(consumer.get_async().await) });
        producer.close();
        assert!(killer.0.lock().unwrap().is_none() && producer.is_abandoned());
    });
}

struct Brittle(Arc<AtomicUsize>, bool);

impl Drop for Brittle {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(!self.1, "an item that panics");
    }
}

#[test]
fn an_item_that_panics_takes_no_other_with_it() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (mut producer, consumer) = SageQueue::pair(3).unwrap();
    for panics in [false, true, false] {
        producer.put(Brittle(Arc::clone(&dropped), panics)).unwrap();
    }
    drop(consumer);
    let panicked = thread::spawn(move || drop(producer)).join();
    assert!(panicked.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 3);
}

/// The handles wander from thread to thread.
#[test]
fn handles_move_between_threads() {
    watchdog(LIMIT, "handles_move_between_threads", || {
        let (mut producer, mut consumer) = SageQueue::pair(3).unwrap();
        for round in 0..200_u64 {
            let putting = thread::spawn(move || {
                (0..10).for_each(|item| producer.put(10 * round + item).unwrap());
                producer
            });
            let getting = thread::spawn(move || {
                let got: Vec<u64> = (0..10).map(|_| consumer.get().unwrap()).collect();
                (consumer, got)
            });
            producer = putting.join().unwrap();
            let (back, got) = getting.join().unwrap();
            consumer = back;
            assert!(got.into_iter().eq(10 * round..10 * round + 10));
        }
    });
}
