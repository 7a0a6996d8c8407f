//! rtrb: one producer, one consumer, no waiting of its own; chunks are its batches.

use std::collections::VecDeque;

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::{BATCH, CAPACITY, Halves, OPEN, Rx, Spin, Subject, Tx};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct Rtrb;

impl Subject for Rtrb {
    const NAME: &'static str = "rtrb (spins)";
    const ROLE: Role = Role::Spins;
    const SHAPE: (usize, usize) = (1, 1);
    type Tx<T: Payload> = Producer<T>;
    type Rx<T: Payload> = Consumer<T>;

    fn open<T: Payload>(_producers: usize, _consumers: usize) -> Halves<Producer<T>, Consumer<T>> {
        let (tx, rx) = RingBuffer::new(CAPACITY);
        (vec![tx], vec![rx])
    }
}

impl<T: Payload> Tx<T> for Producer<T> {
    #[inline]
    fn send(&mut self, mut item: T) {
        let mut spin = Spin::default();
        while let Err(PushError::Full(refused)) = self.push(item) {
            item = refused;
            spin.wait();
        }
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        self.push(item).is_ok()
    }

    fn send_batch(&mut self, items: &mut VecDeque<T>) {
        let mut spin = Spin::default();
        while !items.is_empty() {
            // The exact count is asked for only when the whole batch does not fit.
            let room = if self.write_chunk_uninit(items.len()).is_ok() {
                items.len()
            } else {
                self.slots().min(items.len())
            };
            if room == 0 {
                spin.wait();
                continue;
            }
            let chunk = self.write_chunk_uninit(room).expect("as many slots as were counted");
            chunk.fill_from_iter(items.drain(..room));
        }
    }
}

impl<T: Payload> Rx<T> for Consumer<T> {
    #[inline]
    fn recv(&mut self) -> T {
        let mut spin = Spin::default();
        loop {
            if let Ok(item) = self.pop() {
                return item;
            }
            spin.wait();
        }
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        self.pop().ok()
    }

    fn recv_batch(&mut self, out: &mut Vec<T>) {
        let mut spin = Spin::default();
        loop {
            if let Ok(chunk) = self.read_chunk(BATCH) {
                out.extend(chunk);
                return;
            }
            let there = self.slots().min(BATCH);
            if there > 0 {
                out.extend(self.read_chunk(there).expect(OPEN));
                return;
            }
            spin.wait();
        }
    }
}
