//! Closing: a put that said Ok is delivered, and nobody waits for what will not come.

use descriptor_core::{GetError, PutError, Queue, QueueCore};

use crate::common::{crowded, drain, ring, spawn};

#[test]
fn a_put_that_was_accepted_is_drained_before_closed() {
    loom::model(|| {
        let ring = ring(2);
        let producer = spawn(&ring, |ring| match ring.put(Box::new(1)) {
            Ok(()) => vec![1],
            Err(PutError::Closed(item)) => {
                assert_eq!(*item, 1);
                Vec::new()
            }
            Err(other) => panic!("{other:?}"),
        });
        let closer = spawn(&ring, |ring| ring.close());
        let got = drain(&ring);
        assert_eq!(got, producer.join().unwrap());
        closer.join().unwrap();
        assert!(matches!(ring.put(Box::new(2)), Err(PutError::Closed(_))));
    });
}

#[test]
fn closing_wakes_a_blocked_put() {
    loom::model(|| {
        let ring = ring(1);
        ring.put(Box::new(1)).unwrap();
        let producer = spawn(&ring, |ring| ring.put(Box::new(2)));
        ring.close();
        assert!(matches!(producer.join().unwrap(), Err(PutError::Closed(_))));
        assert_eq!(drain(&ring), [1]);
    });
}

#[test]
fn closing_wakes_a_blocked_get() {
    loom::model(|| {
        let ring = ring(1);
        let consumer = spawn(&ring, |ring| ring.get());
        ring.close();
        assert!(matches!(consumer.join().unwrap(), Err(GetError::Closed)));
    });
}

/// The last item goes to one of the getters; the other must learn that it was the last.
#[test]
fn the_last_item_tells_the_other_getter() {
    crowded(|| {
        let ring = ring(1);
        let consumers = [(); 2].map(|()| spawn(&ring, |ring| ring.get().map(|item| *item)));
        ring.put(Box::new(1)).unwrap();
        ring.close();
        let got: Vec<_> = consumers.into_iter().map(|it| it.join().unwrap()).collect();
        let items: Vec<u8> = got.into_iter().flatten().collect();
        assert_eq!(items, [1]);
    });
}
