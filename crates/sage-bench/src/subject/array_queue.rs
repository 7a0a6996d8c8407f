//! crossbeam's `ArrayQueue`: no waiting of its own.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use super::{CAPACITY, Halves, Rx, Spin, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct Array;

impl Subject for Array {
    const NAME: &'static str = "ArrayQueue (spins)";
    const ROLE: Role = Role::Spins;
    type Tx<T: Payload> = Arc<ArrayQueue<T>>;
    type Rx<T: Payload> = Arc<ArrayQueue<T>>;

    fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Self::Tx<T>, Self::Rx<T>> {
        let queue = Arc::new(ArrayQueue::new(CAPACITY));
        (copies(Arc::clone(&queue), producers), copies(queue, consumers))
    }
}

impl<T: Payload> Tx<T> for Arc<ArrayQueue<T>> {
    #[inline]
    fn send(&mut self, mut item: T) {
        let mut spin = Spin::default();
        while let Err(refused) = self.push(item) {
            item = refused;
            spin.wait();
        }
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        self.push(item).is_ok()
    }
}

impl<T: Payload> Rx<T> for Arc<ArrayQueue<T>> {
    #[inline]
    fn recv(&mut self) -> T {
        let mut spin = Spin::default();
        loop {
            if let Some(item) = self.pop() {
                return item;
            }
            spin.wait();
        }
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        self.pop()
    }
}
