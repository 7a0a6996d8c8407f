//! async-channel, bounded: for tasks, and blocking for threads.

use async_channel::{Receiver, Sender, bounded};

use super::{AsyncRx, AsyncSubject, AsyncTx, CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct AsyncChannel;

impl Subject for AsyncChannel {
    const NAME: &'static str = "async-channel";
    const ROLE: Role = Role::Peer;
    type Tx<T: Payload> = Sender<T>;
    type Rx<T: Payload> = Receiver<T>;

    fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Sender<T>, Receiver<T>> {
        let (tx, rx) = bounded(CAPACITY);
        (copies(tx, producers), copies(rx, consumers))
    }
}

impl<T: Payload> Tx<T> for Sender<T> {
    #[inline]
    fn send(&mut self, item: T) {
        self.send_blocking(item).expect(OPEN);
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        Self::try_send(self, item).is_ok()
    }
}

impl<T: Payload> Rx<T> for Receiver<T> {
    #[inline]
    fn recv(&mut self) -> T {
        self.recv_blocking().expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        Self::try_recv(self).ok()
    }
}

impl AsyncSubject for AsyncChannel {
    const NAME: &'static str = "async-channel";
    const ROLE: Role = Role::Peer;
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
