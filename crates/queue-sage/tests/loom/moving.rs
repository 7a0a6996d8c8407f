//! Items come out once, in order and with what was written into them.

use std::collections::VecDeque;

use descriptor_core::{Queue, QueueCore, Wait};
use loom::sync::Arc;
use queue_sage::model::BareRing;

use crate::common::{Boxes, crowded, ring, sorted, spawn};

fn one_to_one(capacity: usize, items: u8) {
    loom::model(move || {
        let ring = ring(capacity);
        let producer = spawn(&ring, move |ring| {
            for item in 1..=items {
                ring.put(Box::new(item)).unwrap();
            }
        });
        for item in 1..=items {
            assert_eq!(*ring.get().unwrap(), item);
        }
        producer.join().unwrap();
        assert_eq!(ring.depth(), Some(0));
    });
}

#[test]
fn one_producer_one_consumer_at_capacity_1() {
    one_to_one(1, 2);
}

#[test]
fn one_producer_one_consumer_around_the_end_of_capacity_2() {
    one_to_one(2, 3);
}

#[test]
fn two_producers_one_consumer() {
    loom::model(|| {
        let ring = ring(2);
        let producers = [1, 2].map(|item| spawn(&ring, move |ring| ring.put(Box::new(item)).unwrap()));
        let got = vec![*ring.get().unwrap(), *ring.get().unwrap()];
        for producer in producers {
            producer.join().unwrap();
        }
        assert_eq!(sorted(got), [1, 2]);
    });
}

/// Two threads take the putting side from one another, each owning it in between.
#[test]
fn strangers_on_the_putting_side() {
    crowded(|| {
        let ring = ring(4);
        let other = spawn(&ring, |ring| [3, 4].map(|item| ring.put(Box::new(item)).unwrap()));
        for item in [1, 2] {
            ring.put(Box::new(item)).unwrap();
        }
        other.join().unwrap();
        let got = everything(&ring);
        for own in [[1, 2], [3, 4]] {
            assert!(got.iter().filter(|item| own.contains(item)).is_sorted(), "{got:?}");
        }
        assert_eq!(sorted(got), [1, 2, 3, 4]);
    });
}

#[test]
fn strangers_on_the_getting_side() {
    crowded(|| {
        let ring = ring(4);
        for item in [1, 2, 3, 4] {
            ring.put(Box::new(item)).unwrap();
        }
        let take_two = |ring: &Boxes| [(); 2].map(|()| *ring.get().unwrap());
        let other = spawn(&ring, take_two);
        let mine = take_two(&ring);
        let theirs = other.join().unwrap();
        for got in [mine, theirs] {
            assert!(got.is_sorted(), "in order: {got:?}");
        }
        assert_eq!(sorted([mine, theirs].concat()), [1, 2, 3, 4]);
    });
}

/// The owner of the putting side puts while it is taken away twice: what the first stranger left behind must not help
/// the second.
#[test]
fn three_in_turn_on_the_putting_side() {
    crowded(|| {
        let ring = ring(4);
        ring.put(Box::new(1)).unwrap();
        let others = [3, 4].map(|item| spawn(&ring, move |ring| ring.put(Box::new(item)).unwrap()));
        ring.put(Box::new(2)).unwrap();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(sorted(everything(&ring)), [1, 2, 3, 4]);
    });
}

/// The owner of both sides goes straight from one into the other while a stranger waits for it to leave the first.
#[test]
fn the_owner_of_two_sides() {
    crowded(|| {
        let ring = Arc::new(BareRing::new(4).unwrap());
        assert!(ring.put(1));
        assert_eq!(ring.get(), Some(1));
        let other = loom::thread::spawn({
            let ring = Arc::clone(&ring);
            move || assert!(ring.put(3))
        });
        assert!(ring.put(2));
        let mut got: Vec<u8> = ring.get().into_iter().collect();
        other.join().unwrap();
        got.extend(std::iter::from_fn(|| ring.get()));
        assert_eq!(sorted(got), [2, 3]);
    });
}

/// As [`strangers_on_the_putting_side`], with no fences but those of the sides.
#[test]
fn strangers_on_a_bare_side() {
    crowded(|| {
        let ring = Arc::new(BareRing::new(4).unwrap());
        let other = loom::thread::spawn({
            let ring = Arc::clone(&ring);
            move || assert!(ring.put(3) && ring.put(4))
        });
        assert!(ring.put(1) && ring.put(2));
        other.join().unwrap();
        let got = std::iter::from_fn(|| ring.get()).collect();
        assert_eq!(sorted(got), [1, 2, 3, 4]);
    });
}

#[test]
fn full_and_empty_meet_at_capacity_1() {
    loom::model(|| {
        let ring = ring(1);
        ring.put(Box::new(1)).unwrap();
        let producer = spawn(&ring, |ring| match ring.try_put(Box::new(2)) {
            Ok(()) => true,
            Err(refused) => {
                assert_eq!(*refused.into_item(), 2, "the refused item comes back");
                false
            }
        });
        let mut got: Vec<u8> = [(); 2]
            .iter()
            .filter_map(|()| ring.try_get().ok())
            .map(|item| *item)
            .collect();
        let stored = producer.join().unwrap();
        got.extend(ring.try_get().ok().map(|item| *item));
        assert_eq!(got, if stored { vec![1, 2] } else { vec![1] });
    });
}

#[test]
fn a_batch_and_a_single_put_claim_different_slots() {
    loom::model(|| {
        let ring = ring(3);
        let batch = spawn(&ring, |ring| {
            let mut items: VecDeque<_> = [1, 2].map(Box::new).into();
            assert_eq!(ring.put_batch(&mut items, Wait::Never).unwrap(), 2);
        });
        ring.try_put(Box::new(3)).unwrap();
        batch.join().unwrap();
        let got = everything(&ring);
        assert!(matches!(got[..], [1, 2, 3] | [3, 1, 2] | [1, 3, 2]), "{got:?}");
    });
}

#[test]
fn a_batch_and_a_single_get_share_what_is_there() {
    loom::model(|| {
        let ring = ring(2);
        for item in [1, 2] {
            ring.put(Box::new(item)).unwrap();
        }
        let batch = spawn(&ring, |ring| {
            let mut out = Vec::new();
            let count = ring.get_batch(&mut out, 2, Wait::Never).unwrap_or(0);
            assert_eq!(count, out.len());
            out.into_iter().map(|item| *item).collect::<Vec<_>>()
        });
        let single = ring.try_get().ok().map(|item| *item);
        let mut got = batch.join().unwrap();
        assert!(got.is_sorted(), "in order: {got:?}");
        got.extend(single);
        got.extend(everything(&ring));
        assert_eq!(sorted(got), [1, 2]);
    });
}

#[test]
fn depth_and_totals_are_those_of_one_moment() {
    loom::model(|| {
        let ring = ring(1);
        let producer = spawn(&ring, |ring| {
            ring.put(Box::new(1)).unwrap();
            let _ = ring.try_put(Box::new(2));
        });
        let consumer = spawn(&ring, |ring| {
            let _ = ring.try_get();
        });
        let totals = ring.totals().unwrap();
        assert!(totals.get <= totals.put && totals.put - totals.get <= 1, "{totals:?}");
        assert!(ring.depth().unwrap() <= 1);
        producer.join().unwrap();
        consumer.join().unwrap();
        let totals = ring.totals().unwrap();
        let inside = everything(&ring).len() as u64;
        assert_eq!(totals.put - totals.get, inside);
    });
}

/// Items left behind are dropped with the ring, none twice: the checker fails a model that leaks.
#[test]
fn what_is_left_is_dropped_with_the_ring() {
    loom::model(|| {
        let item = std::sync::Arc::new(());
        let ring: Arc<queue_sage::SageQueue<_>> = Arc::new(queue_sage::SageQueue::new(2).unwrap());
        let producer = loom::thread::spawn({
            let (ring, item) = (Arc::clone(&ring), std::sync::Arc::clone(&item));
            move || {
                ring.put(std::sync::Arc::clone(&item)).unwrap();
                ring.put(item).unwrap();
            }
        });
        drop(ring.try_get());
        drop(ring);
        producer.join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&item), 1);
    });
}

fn everything(ring: &Boxes) -> Vec<u8> {
    std::iter::from_fn(|| ring.try_get().ok()).map(|item| *item).collect()
}
