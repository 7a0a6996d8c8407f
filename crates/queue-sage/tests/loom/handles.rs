//! The pair of handles: the same promises where nobody guards the getting side, and the putting side only against closing.

use std::collections::VecDeque;

use descriptor_core::{GetError, PutError, Wait};
use loom::sync::Arc;
use loom::thread;
use queue_sage::model::BareLane;
use queue_sage::{Consumer, Producer, SageQueue};

use crate::common::{crowded, drive, poll_twice};

fn pair(capacity: usize) -> (Producer<Box<u8>>, Consumer<Box<u8>>) {
    SageQueue::pair(capacity).unwrap()
}

fn drain(consumer: &mut Consumer<Box<u8>>) -> Vec<u8> {
    consumer.iter().map(|item| *item).collect()
}

/// Puts until it is told `Closed`, with the item back.
fn put_all(producer: &mut Producer<Box<u8>>, items: &[u8]) -> Vec<u8> {
    let mut accepted = Vec::new();
    for item in items {
        match producer.put(Box::new(*item)) {
            Ok(()) => accepted.push(*item),
            Err(PutError::Closed(back)) => {
                assert_eq!(*back, *item);
                break;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    accepted
}

fn one_to_one(capacity: usize, items: u8) {
    loom::model(move || {
        let (mut producer, mut consumer) = pair(capacity);
        let putting = thread::spawn(move || {
            for item in 1..=items {
                producer.put(Box::new(item)).unwrap();
            }
            producer
        });
        for item in 1..=items {
            assert_eq!(*consumer.get().unwrap(), item);
        }
        let producer = putting.join().unwrap();
        assert_eq!(producer.depth(), 0);
    });
}

#[test]
fn handles_at_capacity_1() {
    one_to_one(1, 2);
}

#[test]
fn handles_around_the_end_of_capacity_2() {
    one_to_one(2, 3);
}

/// With no fences but those of the ring.
#[test]
fn a_bare_lane() {
    loom::model(|| {
        // SAFETY: one thread puts, one gets.
        let lane = Arc::new(unsafe { BareLane::new(2) }.unwrap());
        let putting = thread::spawn({
            let lane = Arc::clone(&lane);
            move || (1..=3).take_while(|item| lane.put(*item)).count()
        });
        let mut got: Vec<u8> = std::iter::from_fn(|| lane.get()).collect();
        let stored = putting.join().unwrap();
        got.extend(std::iter::from_fn(|| lane.get()));
        assert_eq!(got, (1..=stored as u8).collect::<Vec<_>>());
    });
}

/// The consumer's side closes while the producer puts: what was accepted comes out, and nothing after that.
#[test]
fn a_bare_lane_is_closed() {
    loom::model(|| {
        // SAFETY: one thread puts, one gets.
        let lane = Arc::new(unsafe { BareLane::new(4) }.unwrap());
        let putting = thread::spawn({
            let lane = Arc::clone(&lane);
            move || (1..=2).take_while(|item| lane.put(*item)).count()
        });
        lane.close();
        let got: Vec<u8> = std::iter::from_fn(|| lane.get()).collect();
        let stored = putting.join().unwrap();
        assert_eq!(got, (1..=stored as u8).collect::<Vec<_>>());
        assert_eq!(lane.get(), None, "nothing was accepted after closing");
        assert!(!lane.put(3));
    });
}

#[test]
fn closing_a_pair_from_a_third_thread() {
    crowded(|| {
        let (mut producer, mut consumer) = pair(2);
        let monitor = producer.monitor();
        let putting = thread::spawn(move || {
            let accepted = put_all(&mut producer, &[1, 2]);
            (producer, accepted)
        });
        let closing = thread::spawn(move || monitor.close());
        let got = drain(&mut consumer);
        let (mut producer, accepted) = putting.join().unwrap();
        closing.join().unwrap();
        assert_eq!(got, accepted);
        assert!(matches!(producer.put(Box::new(3)), Err(PutError::Closed(_))));
        assert!(!producer.is_abandoned());
    });
}

/// The producer closes behind its own put while somebody else closes.
#[test]
fn two_close_at_once() {
    loom::model(|| {
        // SAFETY: one thread puts, one gets.
        let lane = Arc::new(unsafe { BareLane::new(4) }.unwrap());
        let closing = thread::spawn({
            let lane = Arc::clone(&lane);
            move || {
                lane.close();
                lane.get()
            }
        });
        let stored = lane.put(1).then_some(1);
        lane.close();
        assert!(!lane.put(2));
        let got = closing.join().unwrap();
        assert_eq!(got, stored);
        assert_eq!(lane.get(), None);
    });
}

#[test]
fn the_consumer_leaves_a_blocked_producer() {
    loom::model(|| {
        let (mut producer, consumer) = pair(1);
        producer.put(Box::new(1)).unwrap();
        let putting = thread::spawn(move || {
            let refused = producer.put(Box::new(2));
            assert!(matches!(refused, Err(PutError::Closed(item)) if *item == 2));
            assert!(producer.is_abandoned());
        });
        drop(consumer);
        putting.join().unwrap();
    });
}

#[test]
fn the_producer_leaves_a_blocked_consumer() {
    loom::model(|| {
        let (mut producer, mut consumer) = pair(1);
        let putting = thread::spawn(move || producer.put(Box::new(1)).unwrap());
        assert_eq!(drain(&mut consumer), [1]);
        assert!(matches!(consumer.get(), Err(GetError::Closed)));
        assert!(consumer.is_abandoned());
        putting.join().unwrap();
    });
}

#[test]
fn batches_through_a_pair() {
    crowded(|| {
        let (mut producer, mut consumer) = pair(2);
        let putting = thread::spawn(move || {
            let mut items: VecDeque<_> = [1, 2, 3].map(Box::new).into();
            while !items.is_empty() {
                producer.put_batch(&mut items, Wait::Forever).unwrap();
            }
        });
        let mut got = Vec::new();
        while consumer.get_batch(&mut got, 2, Wait::Forever).is_ok() {}
        assert_eq!(got.into_iter().map(|item| *item).collect::<Vec<u8>>(), [1, 2, 3]);
        putting.join().unwrap();
    });
}

#[test]
fn tasks_at_both_ends_of_a_pair() {
    crowded(|| {
        let (mut producer, mut consumer) = pair(1);
        let putting = thread::spawn(move || {
            for item in 1..=2 {
                drive(producer.put_async(Box::new(item))).unwrap();
            }
        });
        // One that gives up at once has taken it or nothing.
        let mut got: Vec<u8> = match poll_twice(consumer.get_async()) {
            std::task::Poll::Ready(item) => vec![*item.unwrap()],
            std::task::Poll::Pending => Vec::new(),
        };
        while let Ok(item) = drive(consumer.get_async()) {
            got.push(*item);
        }
        assert_eq!(got, [1, 2]);
        putting.join().unwrap();
    });
}
