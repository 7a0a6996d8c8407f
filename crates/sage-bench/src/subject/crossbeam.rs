//! crossbeam-channel, bounded.

use crossbeam_channel::{Receiver, Sender, bounded};

use super::{CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct Crossbeam;

impl Subject for Crossbeam {
    const NAME: &'static str = "crossbeam-channel";
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
        Self::try_send(self, item).is_ok()
    }
}

impl<T: Payload> Rx<T> for Receiver<T> {
    #[inline]
    fn recv(&mut self) -> T {
        Self::recv(self).expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        Self::try_recv(self).ok()
    }
}
