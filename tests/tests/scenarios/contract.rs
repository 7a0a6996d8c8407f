//! The contract as a user meets it: the same code over both built-in types, in threads and in tasks.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::{FutureExt, SinkExt, StreamExt};
use sage_comm::{ErrorKind, GetError, PutError, QueueExt, Wait};

use crate::support::{both, open, within_a_minute};

fn on_tokio<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

#[test]
fn put_and_get_refuse_at_once_after_a_while_or_never() {
    within_a_minute(|| {
        for uri in both("contract/sync", 2) {
            let queue = open::<String>(&uri).unwrap();
            assert!(queue.is_empty() && queue.try_get().unwrap_err().is_empty());
            queue.put("a".to_owned()).unwrap();
            queue.try_put("b".to_owned()).unwrap();
            assert!(queue.is_full());
            let refused = queue.try_put("c".to_owned()).unwrap_err();
            assert!(
                matches!(&refused, PutError::Full(item) if item == "c"),
                "{uri}: {refused}"
            );

            let limit = Duration::from_millis(20);
            let begun = Instant::now();
            assert_eq!(queue.put_timeout("d".to_owned(), limit).unwrap_err().into_item(), "d");
            assert!(begun.elapsed() >= limit, "{uri}: it waits at least its limit");
            assert_eq!(
                (queue.get().unwrap(), queue.get().unwrap()),
                ("a".to_owned(), "b".to_owned())
            );
            let begun = Instant::now();
            assert!(queue.get_timeout(limit).unwrap_err().is_empty());
            assert!(begun.elapsed() >= limit, "{uri}: it waits at least its limit");
            assert!(queue.get_timeout(Duration::ZERO).unwrap_err().is_empty());
            queue.put("e".to_owned()).unwrap();
            assert_eq!(
                queue.get_timeout(Duration::MAX).unwrap(),
                "e",
                "{uri}: a very long limit is no overflow"
            );
            assert_eq!(queue.depth(), Some(0));
            assert_eq!(queue.flush(Wait::Never).map_err(|error| error.kind()), Ok(()));
        }
    });
}

#[test]
fn the_waiting_are_served_in_threads_and_tasks_alike() {
    within_a_minute(|| {
        for uri in both("contract/mixed", 1) {
            let queue = open::<u32>(&uri).unwrap();
            let producer = thread::spawn({
                let queue = queue.clone();
                move || (0..500).for_each(|n| queue.put(n).unwrap())
            });
            let received = on_tokio(async {
                let task = async {
                    let mut received = Vec::new();
                    while received.len() < 1000 {
                        received.push(queue.get_async().await.unwrap());
                    }
                    received
                };
                let other_task = async {
                    for n in 500..1000 {
                        queue.put_async(n).await.unwrap();
                    }
                };
                futures_util::future::join(task, other_task).await.0
            });
            producer.join().unwrap();
            let (of_thread, of_task): (Vec<u32>, Vec<u32>) = received.iter().partition(|n| **n < 500);
            assert_eq!(of_thread, (0..500).collect::<Vec<_>>(), "{uri}");
            assert_eq!(of_task, (500..1000).collect::<Vec<_>>(), "{uri}");
        }
    });
}

#[test]
fn a_stream_ends_with_the_queue_and_a_sink_leaves_it_open() {
    within_a_minute(|| {
        for uri in both("contract/stream", 3) {
            let queue = open::<u32>(&uri).unwrap();
            let sum: u32 = on_tokio(async {
                let write = async {
                    let mut sink = queue.sink();
                    let mut numbers = futures_util::stream::iter((1..=100).map(Ok));
                    sink.send_all(&mut numbers).await.unwrap();
                    sink.close().await.unwrap();
                    assert!(!queue.is_closed(), "{uri}: a closed sink is not a closed queue");
                    queue.put_async(1000).await.unwrap();
                    queue.close();
                };
                let read = queue.stream().fold(0, |sum, n| async move { sum + n });
                futures_util::future::join(write, read).await.1
            });
            assert_eq!(sum, 5050 + 1000, "{uri}");
            let refused = on_tokio(queue.sink().send(7)).unwrap_err();
            assert!(matches!(refused, PutError::Closed(7)), "{uri}: {refused}");
        }
    });
}

#[test]
fn a_future_that_is_dropped_has_done_its_work_or_nothing() {
    within_a_minute(|| {
        for uri in both("contract/dropped", 1) {
            let queue = open::<String>(&uri).unwrap();
            // A get that was already waiting when it is dropped takes nothing.
            let mut waiting = Box::pin(queue.get_async());
            assert!(waiting.as_mut().now_or_never().is_none());
            drop(waiting);
            queue.put("kept".to_owned()).unwrap();
            // Nor does a put that was waiting store anything, and the next in line is served.
            let mut waiting = Box::pin(queue.put_async("gone".to_owned()));
            assert!(waiting.as_mut().now_or_never().is_none());
            let next = thread::spawn({
                let queue = queue.clone();
                move || queue.put("next".to_owned())
            });
            drop(waiting);
            assert_eq!(queue.get().unwrap(), "kept");
            assert_eq!(queue.get().unwrap(), "next");
            next.join().unwrap().unwrap();
            assert!(queue.try_get().unwrap_err().is_empty(), "{uri}");
        }
    });
}

#[test]
fn close_refuses_puts_lets_gets_drain_and_wakes_everybody() {
    within_a_minute(|| {
        for uri in both("contract/close", 2) {
            let queue = open::<u32>(&uri).unwrap();
            queue.put(1).unwrap();
            queue.put(2).unwrap();
            let putter = thread::spawn({
                let queue = queue.clone();
                move || queue.put(3).unwrap_err()
            });
            let empty = open::<u32>(&uri.replace("close", "close/empty")).unwrap();
            let getter = thread::spawn({
                let empty = empty.clone();
                move || empty.get().unwrap_err()
            });
            let task = thread::spawn({
                let empty = empty.clone();
                move || on_tokio(empty.get_async()).unwrap_err()
            });
            queue.close();
            empty.close();
            queue.close();
            assert!(
                matches!(putter.join().unwrap(), PutError::Closed(3)),
                "{uri}: the item comes back"
            );
            assert!(
                getter.join().unwrap().is_closed() && task.join().unwrap().is_closed(),
                "{uri}"
            );

            assert!(queue.is_closed());
            assert!(queue.try_put(4).unwrap_err().is_closed() && queue.put(5).unwrap_err().is_closed());
            assert_eq!(
                queue.iter().collect::<Vec<_>>(),
                [1, 2],
                "{uri}: what was inside comes out"
            );
            assert!(queue.get().unwrap_err().is_closed());
            assert!(on_tokio(queue.get_async()).unwrap_err().is_closed());
        }
    });
}

#[test]
fn a_batch_is_its_singles_and_leaves_what_was_not_taken() {
    within_a_minute(|| {
        for uri in both("contract/batch", 4) {
            let queue = open::<u32>(&uri).unwrap();
            let mut items: VecDeque<u32> = (0..6).collect();
            assert_eq!(queue.put_batch(&mut items, Wait::Forever).unwrap(), 4);
            assert_eq!(items, [4, 5], "{uri}");
            assert!(queue.put_batch(&mut items, Wait::Never).unwrap_err().is_full());
            let mut out = Vec::new();
            assert_eq!(queue.get_batch(&mut out, 3, Wait::Forever).unwrap(), 3);
            on_tokio(async {
                assert_eq!(queue.put_batch_async(&mut items).await.unwrap(), 2);
                assert_eq!(queue.get_batch_async(&mut out, 100).await.unwrap(), 3);
            });
            assert_eq!(out, (0..6).collect::<Vec<_>>(), "{uri}");
            assert!(items.is_empty());
            assert_eq!(queue.get_batch(&mut out, 0, Wait::Never).unwrap(), 0);
            assert!(queue.get_batch(&mut out, 1, Wait::Never).unwrap_err().is_empty());
            queue.close();
            items.push_back(9);
            assert!(queue.put_batch(&mut items, Wait::Forever).unwrap_err().is_closed());
            assert_eq!(items, [9], "{uri}: refused, not lost");
        }
    });
}

#[test]
fn what_a_type_cannot_do_it_says() {
    for uri in both("contract/caps", 4) {
        let queue = open::<u8>(&uri).unwrap();
        let caps = queue.caps();
        assert!(caps.bounded && caps.ordered && caps.exact_depth);
        assert!(!caps.lease && !caps.cross_process && !caps.durable);
        let Err(GetError::Failed(error)) = queue.lease(Wait::Never) else {
            panic!("{uri}: leases are not built");
        };
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
}

#[test]
fn items_are_moved_and_never_copied() {
    for uri in both("contract/moved", 1) {
        let queue = open::<Vec<u8>>(&uri).unwrap();
        let item = vec![1_u8; 1000];
        let address = item.as_ptr();
        queue.put(item).unwrap();
        let moved = queue.get().unwrap();
        assert_eq!(moved.as_ptr(), address, "{uri}");
    }
}
