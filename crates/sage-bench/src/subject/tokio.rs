//! tokio's mpsc, bounded: for tasks, and blocking for threads.

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{AsyncRx, AsyncSubject, AsyncTx, CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct Tokio;

impl Subject for Tokio {
    const NAME: &'static str = "tokio mpsc";
    const ROLE: Role = Role::Peer;
    const SHAPE: (usize, usize) = (usize::MAX, 1);
    type Tx<T: Payload> = Sender<T>;
    type Rx<T: Payload> = Receiver<T>;

    fn open<T: Payload>(producers: usize, _consumers: usize) -> Halves<Sender<T>, Receiver<T>> {
        let (tx, rx) = channel(CAPACITY);
        (copies(tx, producers), vec![rx])
    }
}

impl<T: Payload> Tx<T> for Sender<T> {
    #[inline]
    fn send(&mut self, item: T) {
        self.blocking_send(item).expect(OPEN);
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        Self::try_send(self, item).is_ok()
    }
}

impl<T: Payload> Rx<T> for Receiver<T> {
    #[inline]
    fn recv(&mut self) -> T {
        self.blocking_recv().expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        Self::try_recv(self).ok()
    }
}

impl AsyncSubject for Tokio {
    const NAME: &'static str = "tokio mpsc";
    const ROLE: Role = Role::Peer;
    const SHAPE: (usize, usize) = (usize::MAX, 1);
    type Tx<T: Payload> = Sender<T>;
    type Rx<T: Payload> = Receiver<T>;

    fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Sender<T>, Receiver<T>> {
        <Self as Subject>::open(producers, consumers)
    }
}

impl<T: Payload> AsyncTx<T> for Sender<T> {
    #[inline]
    async fn send(&mut self, item: T) {
        Self::send(self, item).await.expect(OPEN);
    }
}

impl<T: Payload> AsyncRx<T> for Receiver<T> {
    #[inline]
    async fn recv(&mut self) -> T {
        Self::recv(self).await.expect(OPEN)
    }
}
