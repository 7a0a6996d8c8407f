//! kanal, bounded.

use kanal::{AsyncReceiver, AsyncSender, Receiver, Sender, bounded, bounded_async};

use super::{AsyncRx, AsyncSubject, AsyncTx, CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct Kanal;

impl Subject for Kanal {
    const NAME: &'static str = "kanal";
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
        Self::send(self, item).expect(OPEN);
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        Self::try_send(self, item).expect(OPEN)
    }
}

impl<T: Payload> Rx<T> for Receiver<T> {
    #[inline]
    fn recv(&mut self) -> T {
        Self::recv(self).expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        Self::try_recv(self).expect(OPEN)
    }

    fn recv_batch(&mut self, out: &mut Vec<T>) {
        out.push(Rx::recv(self));
        // The sender may be gone once everything was received; the first item above tells a loss.
        let _ = self.drain_into(out);
    }
}

impl AsyncSubject for Kanal {
    const NAME: &'static str = "kanal";
    const ROLE: Role = Role::Peer;
    type Tx<T: Payload> = AsyncSender<T>;
    type Rx<T: Payload> = AsyncReceiver<T>;

    fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<AsyncSender<T>, AsyncReceiver<T>> {
        let (tx, rx) = bounded_async(CAPACITY);
        (copies(tx, producers), copies(rx, consumers))
    }
}

impl<T: Payload> AsyncTx<T> for AsyncSender<T> {
    #[inline]
    async fn send(&mut self, item: T) {
        Self::send(self, item).await.expect(OPEN);
    }
}

impl<T: Payload> AsyncRx<T> for AsyncReceiver<T> {
    #[inline]
    async fn recv(&mut self) -> T {
        Self::recv(self).await.expect(OPEN)
    }
}
