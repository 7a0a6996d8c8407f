//! The queues that are measured, all behind the same two small traits.
//!
//! A subject is called through its own types, never through a virtual call of ours, so it runs as its users see it.

#[cfg(feature = "inproc")]
mod array_queue;
#[cfg(feature = "inproc")]
mod async_channel;
#[cfg(feature = "inproc")]
mod crossbeam;
#[cfg(feature = "inproc")]
mod crossfire;
#[cfg(feature = "inproc")]
mod flume;
mod handles;
#[cfg(feature = "inproc")]
mod kanal;
mod ours;
#[cfg(feature = "inproc")]
mod rtrb;
mod std_sync;
#[cfg(feature = "inproc")]
mod thingbuf;
#[cfg(feature = "inproc")]
mod tokio;

use std::collections::VecDeque;
use std::future::Future;

use crate::measure::Role;
use crate::payload::Payload;

pub(crate) use handles::SageHandles;
pub(crate) use ours::{Local, LocalDyn, Sage, SageDyn};
pub(crate) use std_sync::StdSync;
#[cfg(feature = "inproc")]
pub(crate) use {
    array_queue::Array,
    async_channel::AsyncChannel,
    crossbeam::Crossbeam,
    crossfire::{CrossfireMpmc, CrossfireMpsc, CrossfireSpsc},
    flume::Flume,
    kanal::Kanal,
    rtrb::Rtrb,
    thingbuf::Thingbuf,
    tokio::Tokio,
};

/// Items that every subject holds.
pub(crate) const CAPACITY: usize = 1024;
/// Items in a batch.
pub(crate) const BATCH: usize = 64;

/// The peer went away, which no scenario does before its items are through.
pub(crate) const OPEN: &str = "the other side is open until every item is through";

/// The sending half, blocking.
pub(crate) trait Tx<T>: Send {
    fn send(&mut self, item: T);

    fn try_send(&mut self, item: T) -> bool;

    /// Sends everything; the subject's own batches where it has some.
    fn send_batch(&mut self, items: &mut VecDeque<T>) {
        for item in items.drain(..) {
            self.send(item);
        }
    }
}

/// The receiving half, blocking.
pub(crate) trait Rx<T>: Send {
    fn recv(&mut self) -> T;

    fn try_recv(&mut self) -> Option<T>;

    /// Appends at least one item and at most [`BATCH`] or what the subject gives at once.
    fn recv_batch(&mut self, out: &mut Vec<T>) {
        out.push(self.recv());
    }
}

/// Both halves of a new queue, as many handles as asked for.
pub(crate) type Halves<Tx, Rx> = (Vec<Tx>, Vec<Rx>);

/// A queue for threads.
pub(crate) trait Subject: 'static {
    const NAME: &'static str;
    const ROLE: Role;
    /// The most producers and consumers it is made for.
    const SHAPE: (usize, usize) = (usize::MAX, usize::MAX);
    type Tx<T: Payload>: Tx<T>;
    type Rx<T: Payload>: Rx<T>;

    fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Self::Tx<T>, Self::Rx<T>>;
}

/// The sending half, for tasks.
pub(crate) trait AsyncTx<T>: Send + 'static {
    fn send(&mut self, item: T) -> impl Future<Output = ()> + Send;
}

/// The receiving half, for tasks.
pub(crate) trait AsyncRx<T>: Send + 'static {
    fn recv(&mut self) -> impl Future<Output = T> + Send;
}

/// A queue for tasks.
pub(crate) trait AsyncSubject: 'static {
    const NAME: &'static str;
    const ROLE: Role;
    /// The most producers and consumers it is made for.
    const SHAPE: (usize, usize) = (usize::MAX, usize::MAX);
    type Tx<T: Payload>: AsyncTx<T>;
    type Rx<T: Payload>: AsyncRx<T>;

    fn open<T: Payload>(producers: usize, consumers: usize) -> Halves<Self::Tx<T>, Self::Rx<T>>;
}

/// Whether a subject is made for this many.
pub(crate) const fn fits(shape: (usize, usize), producers: usize, consumers: usize) -> bool {
    producers <= shape.0 && consumers <= shape.1
}

/// This many handles.
fn copies<H: Clone>(handle: H, count: usize) -> Vec<H> {
    vec![handle; count]
}

/// Waiting of a subject that has none of its own: a few pauses, then the processor goes to whoever else wants it.
#[cfg(feature = "inproc")]
#[derive(Debug, Default)]
struct Spin(u32);

#[cfg(feature = "inproc")]
impl Spin {
    fn wait(&mut self) {
        if self.0 < 64 {
            self.0 += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}
