//! Waiting through the whole queue: no wake-up is lost between the ring and its lists.

use std::task::Poll;

use descriptor_core::{Queue, QueueExt};

use crate::common::{crowded, drive, poll_twice, ring, sorted, spawn};

#[test]
fn two_puts_wake_two_getters() {
    crowded(|| {
        let ring = ring(2);
        let consumers = [(); 2].map(|()| spawn(&ring, |ring| *ring.get().unwrap()));
        for item in [1, 2] {
            ring.put(Box::new(item)).unwrap();
        }
        let got = consumers.into_iter().map(|it| it.join().unwrap()).collect();
        assert_eq!(sorted(got), [1, 2]);
    });
}

#[test]
fn a_put_wakes_the_task_that_registers_meanwhile() {
    loom::model(|| {
        let ring = ring(1);
        let producer = spawn(&ring, |ring| ring.put(Box::new(1)).unwrap());
        assert_eq!(*drive(ring.get_async()).unwrap(), 1);
        producer.join().unwrap();
    });
}

#[test]
fn a_get_wakes_the_task_that_waits_for_room() {
    loom::model(|| {
        let ring = ring(1);
        ring.put(Box::new(1)).unwrap();
        let consumer = spawn(&ring, |ring| *ring.get().unwrap());
        drive(ring.put_async(Box::new(2))).unwrap();
        assert_eq!(consumer.join().unwrap(), 1);
        assert_eq!(*ring.get().unwrap(), 2);
    });
}

/// A future dropped while it waits beside a blocked thread: the one put is for whoever still wants it.
#[test]
fn a_dropped_get_passes_its_wake_up_on() {
    loom::model(|| {
        let ring = ring(1);
        let fickle = spawn(&ring, |ring| match poll_twice(ring.get_async()) {
            // It came first: give it to the other one.
            Poll::Ready(item) => ring.put(item.unwrap()).unwrap(),
            Poll::Pending => {}
        });
        let blocked = spawn(&ring, |ring| *ring.get().unwrap());
        ring.put(Box::new(1)).unwrap();
        assert_eq!(blocked.join().unwrap(), 1);
        fickle.join().unwrap();
    });
}

#[test]
fn a_dropped_put_did_it_or_nothing() {
    loom::model(|| {
        let ring = ring(1);
        ring.put(Box::new(1)).unwrap();
        let fickle = spawn(&ring, |ring| poll_twice(ring.put_async(Box::new(2))).is_ready());
        assert_eq!(*ring.get().unwrap(), 1);
        let stored = fickle.join().unwrap();
        assert_eq!(ring.try_get().ok().map(|item| *item), stored.then_some(2));
    });
}
