//! `sage_queue` with handles that prove one producer and one consumer.

use std::collections::VecDeque;

use sage_comm::{Consumer, Producer, SageQueue, Wait};

use super::{AsyncRx, AsyncSubject, AsyncTx, BATCH, CAPACITY, Halves, OPEN, Rx, Subject, Tx};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct SageHandles;

const NAME: &str = "sage_queue handles";

fn pair<T: Payload>() -> Halves<Producer<T>, Consumer<T>> {
    let (tx, rx) = SageQueue::pair(CAPACITY).expect("a capacity within the limits");
    (vec![tx], vec![rx])
}

impl Subject for SageHandles {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Ours;
    const SHAPE: (usize, usize) = (1, 1);
    type Tx<T: Payload> = Producer<T>;
    type Rx<T: Payload> = Consumer<T>;

    fn open<T: Payload>(_producers: usize, _consumers: usize) -> Halves<Producer<T>, Consumer<T>> {
        pair()
    }
}

impl AsyncSubject for SageHandles {
    const NAME: &'static str = NAME;
    const ROLE: Role = Role::Ours;
    const SHAPE: (usize, usize) = (1, 1);
    type Tx<T: Payload> = Producer<T>;
    type Rx<T: Payload> = Consumer<T>;

    fn open<T: Payload>(_producers: usize, _consumers: usize) -> Halves<Producer<T>, Consumer<T>> {
        pair()
    }
}

impl<T: Payload> Tx<T> for Producer<T> {
    #[inline]
    fn send(&mut self, item: T) {
        assert!(self.put(item).is_ok(), "{OPEN}");
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        self.try_put(item).is_ok()
    }

    fn send_batch(&mut self, items: &mut VecDeque<T>) {
        while !items.is_empty() {
            assert!(self.put_batch(items, Wait::Forever).is_ok(), "{OPEN}");
        }
    }
}

impl<T: Payload> Rx<T> for Consumer<T> {
    #[inline]
    fn recv(&mut self) -> T {
        self.get().expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        self.try_get().ok()
    }

    fn recv_batch(&mut self, out: &mut Vec<T>) {
        self.get_batch(out, BATCH, Wait::Forever).expect(OPEN);
    }
}

impl<T: Payload> AsyncTx<T> for Producer<T> {
    #[inline]
    async fn send(&mut self, item: T) {
        assert!(self.put_async(item).await.is_ok(), "{OPEN}");
    }
}

impl<T: Payload> AsyncRx<T> for Consumer<T> {
    #[inline]
    async fn recv(&mut self) -> T {
        self.get_async().await.expect(OPEN)
    }
}
