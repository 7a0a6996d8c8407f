//! `std::sync::mpsc::sync_channel`.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::{CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

pub(crate) struct StdSync;

impl Subject for StdSync {
    const NAME: &'static str = "std sync_channel";
    const ROLE: Role = Role::Peer;
    const SHAPE: (usize, usize) = (usize::MAX, 1);
    type Tx<T: Payload> = SyncSender<T>;
    type Rx<T: Payload> = Receiver<T>;

    fn open<T: Payload>(producers: usize, _consumers: usize) -> Halves<SyncSender<T>, Receiver<T>> {
        let (tx, rx) = sync_channel(CAPACITY);
        (copies(tx, producers), vec![rx])
    }
}

impl<T: Payload> Tx<T> for SyncSender<T> {
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
