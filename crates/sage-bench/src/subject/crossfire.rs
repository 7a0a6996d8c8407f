//! crossfire, bounded, in the three flavours it has.

use crossfire::{AsyncRx as OneAsyncRx, AsyncTx as OneAsyncTx, MAsyncRx, MAsyncTx, MRx, MTx};
use crossfire::{Rx as OneRx, Tx as OneTx, mpmc, mpsc, spsc};

use super::{AsyncRx, AsyncSubject, AsyncTx, CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

// The handles that can be shared dereference to those that cannot, which have the methods.

/// Handles that cannot be shared are moved, the others copied.
macro_rules! handles {
    (one $handle:ident, $count:ident) => {{
        debug_assert_eq!($count, 1, "one handle of this flavour");
        vec![$handle]
    }};
    (many $handle:ident, $count:ident) => {
        copies($handle, $count)
    };
}

macro_rules! flavour {
    ($subject:ident, $name:literal, $module:ident, $shape:expr, $tx:ident $rx:ident $async_tx:ident $async_rx:ident, $senders:ident $receivers:ident) => {
        pub(crate) struct $subject;

        impl Subject for $subject {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Peer;
            const SHAPE: (usize, usize) = $shape;
            type Tx<T: Payload> = $tx<$module::Array<T>>;
            type Rx<T: Payload> = $rx<$module::Array<T>>;

            fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Self::Tx<T>, Self::Rx<T>> {
                let (tx, rx) = $module::bounded_blocking(CAPACITY);
                (handles!($senders tx, producers), handles!($receivers rx, consumers))
            }
        }

        impl AsyncSubject for $subject {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Peer;
            const SHAPE: (usize, usize) = $shape;
            type Tx<T: Payload> = $async_tx<$module::Array<T>>;
            type Rx<T: Payload> = $async_rx<$module::Array<T>>;

            fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Self::Tx<T>, Self::Rx<T>> {
                let (tx, rx) = $module::bounded_async(CAPACITY);
                (handles!($senders tx, producers), handles!($receivers rx, consumers))
            }
        }

        halves!($module, $tx $rx $async_tx $async_rx);
    };
}

macro_rules! halves {
    ($module:ident, $tx:ident $rx:ident $async_tx:ident $async_rx:ident) => {
        impl<T: Payload> Tx<T> for $tx<$module::Array<T>> {
            #[inline]
            fn send(&mut self, item: T) {
                OneTx::send(self, item).expect(OPEN);
            }

            #[inline]
            fn try_send(&mut self, item: T) -> bool {
                OneTx::try_send(self, item).is_ok()
            }
        }

        impl<T: Payload> Rx<T> for $rx<$module::Array<T>> {
            #[inline]
            fn recv(&mut self) -> T {
                OneRx::recv(self).expect(OPEN)
            }

            #[inline]
            fn try_recv(&mut self) -> Option<T> {
                OneRx::try_recv(self).ok()
            }
        }

        impl<T: Payload> AsyncTx<T> for $async_tx<$module::Array<T>> {
            #[inline]
            async fn send(&mut self, item: T) {
                OneAsyncTx::send(self, item).await.expect(OPEN);
            }
        }

        impl<T: Payload> AsyncRx<T> for $async_rx<$module::Array<T>> {
            #[inline]
            async fn recv(&mut self) -> T {
                OneAsyncRx::recv(self).await.expect(OPEN)
            }
        }
    };
}

flavour!(CrossfireSpsc, "crossfire spsc", spsc, (1, 1), OneTx OneRx OneAsyncTx OneAsyncRx, one one);
flavour!(CrossfireMpsc, "crossfire mpsc", mpsc, (usize::MAX, 1), MTx OneRx MAsyncTx OneAsyncRx, many one);
flavour!(CrossfireMpmc, "crossfire mpmc", mpmc, (usize::MAX, usize::MAX), MTx MRx MAsyncTx MAsyncRx, many many);
