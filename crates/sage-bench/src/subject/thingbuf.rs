//! thingbuf's mpsc: one channel type for threads, one for tasks.

use thingbuf::mpsc::blocking;
use thingbuf::mpsc::{Receiver, Sender, channel};

use super::{AsyncRx, AsyncSubject, AsyncTx, CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct Thingbuf;

impl Subject for Thingbuf {
    const NAME: &'static str = "thingbuf";
    const ROLE: Role = Role::Peer;
    const SHAPE: (usize, usize) = (usize::MAX, 1);
    type Tx<T: Payload> = blocking::Sender<T>;
    type Rx<T: Payload> = blocking::Receiver<T>;

    fn open<T: Payload>(producers: usize, _consumers: usize) -> Halves<blocking::Sender<T>, blocking::Receiver<T>> {
        let (tx, rx) = blocking::channel(CAPACITY);
        (copies(tx, producers), vec![rx])
    }
}

impl<T: Payload> Tx<T> for blocking::Sender<T> {
    #[inline]
    fn send(&mut self, item: T) {
        assert!(Self::send(self, item).is_ok(), "{OPEN}");
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        Self::try_send(self, item).is_ok()
    }
}

impl<T: Payload> Rx<T> for blocking::Receiver<T> {
    #[inline]
    fn recv(&mut self) -> T {
        Self::recv(self).expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        Self::try_recv(self).ok()
    }
}

impl AsyncSubject for Thingbuf {
    const NAME: &'static str = "thingbuf";
    const ROLE: Role = Role::Peer;
    const SHAPE: (usize, usize) = (usize::MAX, 1);
    type Tx<T: Payload> = Sender<T>;
    type Rx<T: Payload> = Receiver<T>;

    fn open<T: Payload>(producers: usize, _consumers: usize) -> Halves<Sender<T>, Receiver<T>> {
        let (tx, rx) = channel(CAPACITY);
        (copies(tx, producers), vec![rx])
    }
}

impl<T: Payload> AsyncTx<T> for Sender<T> {
    #[inline]
    async fn send(&mut self, item: T) {
        assert!(Self::send(self, item).await.is_ok(), "{OPEN}");
    }
}

impl<T: Payload> AsyncRx<T> for Receiver<T> {
    #[inline]
    async fn recv(&mut self) -> T {
        Self::recv(self).await.expect(OPEN)
    }
}
