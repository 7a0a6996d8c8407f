//! Our queues: the type itself, and behind `DynQueue`.

use std::collections::VecDeque;
use std::sync::Arc;

use sage_comm::{DynQueue, LocalQueue, Queue, QueueExt, SageQueue, Wait};

use super::{AsyncRx, AsyncSubject, AsyncTx, BATCH, CAPACITY, Halves, OPEN, Rx, Subject, Tx, copies};
use crate::measure::Role;
use crate::payload::Payload;

/// A handle to one of our queues; both halves are the same.
pub(crate) struct Handle<Q: ?Sized>(Arc<Q>);

impl<Q: ?Sized> Clone for Handle<Q> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Payload, Q: Queue<T> + ?Sized> Tx<T> for Handle<Q> {
    #[inline]
    fn send(&mut self, item: T) {
        assert!(self.0.put(item).is_ok(), "{OPEN}");
    }

    #[inline]
    fn try_send(&mut self, item: T) -> bool {
        self.0.try_put(item).is_ok()
    }

    fn send_batch(&mut self, items: &mut VecDeque<T>) {
        while !items.is_empty() {
            assert!(self.0.put_batch(items, Wait::Forever).is_ok(), "{OPEN}");
        }
    }
}

impl<T: Payload, Q: Queue<T> + ?Sized> Rx<T> for Handle<Q> {
    #[inline]
    fn recv(&mut self) -> T {
        self.0.get().expect(OPEN)
    }

    #[inline]
    fn try_recv(&mut self) -> Option<T> {
        self.0.try_get().ok()
    }

    fn recv_batch(&mut self, out: &mut Vec<T>) {
        self.0.get_batch(out, BATCH, Wait::Forever).expect(OPEN);
    }
}

impl<T: Payload, Q: Queue<T> + ?Sized + 'static> AsyncTx<T> for Handle<Q> {
    #[inline]
    async fn send(&mut self, item: T) {
        assert!(self.0.put_async(item).await.is_ok(), "{OPEN}");
    }
}

impl<T: Payload, Q: Queue<T> + ?Sized + 'static> AsyncRx<T> for Handle<Q> {
    #[inline]
    async fn recv(&mut self) -> T {
        self.0.get_async().await.expect(OPEN)
    }
}

macro_rules! ours {
    ($subject:ident, $name:literal, $queue:ty, $make:expr) => {
        #[doc = concat!("`", $name, "`")]
        pub(crate) struct $subject;

        ours!($subject, $name, $queue, $make, Subject);
        ours!($subject, $name, $queue, $make, AsyncSubject);
    };
    ($subject:ident, $name:literal, $queue:ty, $make:expr, $trait:ident) => {
        impl $trait for $subject {
            const NAME: &'static str = $name;
            const ROLE: Role = Role::Ours;
            type Tx<T: Payload> = Handle<$queue>;
            type Rx<T: Payload> = Handle<$queue>;

            fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Handle<$queue>, Handle<$queue>> {
                let queue: Arc<$queue> = Arc::new($make.expect("a capacity within the limits"));
                let handle = Handle(queue);
                (copies(handle.clone(), producers), copies(handle, consumers))
            }
        }
    };
}

ours!(Sage, "sage_queue", SageQueue<T>, SageQueue::<T>::new(CAPACITY));
ours!(SageDyn, "sage_queue dyn", dyn Queue<T>, SageQueue::<T>::new(CAPACITY));
ours!(Local, "local", LocalQueue<T>, LocalQueue::<T>::new(Some(CAPACITY)));
ours!(
    LocalDyn,
    "local dyn",
    dyn Queue<T>,
    LocalQueue::<T>::new(Some(CAPACITY))
);

// The dyn subjects are what users hold.
const _: fn(Handle<dyn Queue<u64>>) -> DynQueue<u64> = |handle| handle.0;
