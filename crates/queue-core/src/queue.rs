//! The queue contract.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wait::Waiter;
use crate::{Caps, Error, ErrorKind, GetError, Lease, LeaseTotals, PutError, RetryToken};

/// Anything that can sit in a queue of this process.
pub trait Item: Send + 'static {}
impl<T: Send + 'static> Item for T {}

/// Anything that can also leave the process.
pub trait Wire: Item + Serialize + DeserializeOwned {}
impl<T: Item + Serialize + DeserializeOwned> Wire for T {}

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: the call never sleeps.
    Never,
    /// Until this moment, and not less.
    Until(Instant),
    /// As long as it takes.
    Forever,
}

impl From<Duration> for Wait {
    /// From now on. A limit too far away to be a moment in time is [`Wait::Forever`].
    fn from(limit: Duration) -> Self {
        if limit.is_zero() {
            return Self::Never;
        }
        Instant::now().checked_add(limit).map_or(Self::Forever, Self::Until)
    }
}

/// A queue whose type was forgotten when it was opened; the item's type never is.
pub type DynQueue<T> = Arc<dyn Queue<T>>;

/// Items that went in and came out since the queue was made.
///
/// Read from the queue's own indices, so counting costs the item path nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Items accepted.
    pub put: u64,
    /// Items handed out.
    pub get: u64,
}

/// The part of a queue that does not know the type of its items.
pub trait QueueCore: Send + Sync {
    /// Items inside, as far as anybody can know: exact where `caps().exact_depth` and nothing is in flight,
    /// `None` where it cannot be known.
    #[doc(alias = "qsize")]
    fn depth(&self) -> Option<usize>;

    /// The largest number of items it holds; `None` for a queue without that bound.
    #[doc(alias = "maxsize")]
    fn capacity(&self) -> Option<usize>;

    /// What this queue can do.
    fn caps(&self) -> Caps;

    /// Ends this epoch of the queue: puts fail at once, gets drain what is there and then say `Closed`,
    /// and everybody who waits is woken. Closing twice is harmless. Dropping a handle does not close.
    fn close(&self);

    /// True from the first `close` on.
    fn is_closed(&self) -> bool;

    /// Waits until every accepted item is confirmed. In process, accepted is confirmed.
    ///
    /// # Errors
    /// Names what could not be confirmed by the deadline.
    fn flush(&self, wait: Wait) -> Result<(), Error> {
        let _ = wait;
        Ok(())
    }

    /// Totals since creation, where the queue counts.
    fn totals(&self) -> Option<Totals> {
        None
    }

    /// Its leases now and since creation; `None` where there are none.
    fn leases(&self) -> Option<LeaseTotals> {
        None
    }
}

/// A bounded queue of `T` for any number of producers and consumers, threads and tasks alike.
///
/// The clauses that every implementation keeps (each is tested by `queue-testkit`):
///
/// 1. One producer's items come out in its order; a single consumer sees one total order.
/// 2. Any number of producers and consumers: nothing is lost, nothing comes twice.
/// 3. `capacity` is honoured exactly.
/// 4. `try_*` never sleeps (`Empty` and `Full` are also right while an older call is in flight); a call with a
///    timeout waits at least that long before it gives up.
/// 5. A refused put gives back the identical item.
/// 6. After `close` puts fail, gets drain and then say `Closed`, and everybody who waits wakes.
/// 7. A dropped future has either done its operation or nothing, and the next waiter is woken in its stead.
/// 8. Threads and tasks mix on one queue.
/// 9. A batch does what the loop of singles does, and leaves what it did not take.
/// 10. The same descriptor leads to the same queue.
/// 11. Another item type, capacity or version is an error that names both sides.
/// 12. One corrupt frame is one error, not a dead queue.
/// 13. A handle dropped in the middle of a call leaves the queue usable.
/// 14. A put is stored, refused, too late (closed), or unknown with a token; never anything else.
/// 15. `depth` is exact where it claims to be.
/// 16. Where there are leases: a leased item keeps its room until it is acknowledged; otherwise it comes back, in front
///     of younger items and to one holder at a time, and a lease that has ended changes nothing.
pub trait Queue<T: Item>: QueueCore {
    /// Puts one item, waiting for room as `wait` allows.
    ///
    /// # Errors
    /// `Full` when the wait ended without room, `Closed`, and what the backend adds. The item comes back.
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>>;

    /// Takes one item, waiting for it as `wait` allows.
    ///
    /// # Errors
    /// `Empty` when the wait ended without an item, `Closed` once drained, and what the backend adds.
    fn get_within(&self, wait: Wait) -> Result<T, GetError>;

    /// Puts items from the front of `items` until it is empty, and says how many went in.
    /// Waits for room for the first one only; what did not fit stays in `items`.
    ///
    /// # Errors
    /// As [`put_within`](Self::put_within), when not even the first one went in and there was one.
    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>>;

    /// Appends up to `max` items to `out` and says how many. Waits for the first one only.
    ///
    /// # Errors
    /// As [`get_within`](Self::get_within), when not even one came and `max` is not 0.
    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError>;

    /// One step of an asynchronous put: `Pending` means that `cx` is woken when it is worth another step.
    /// `item` is taken when it went in, and comes back inside the error otherwise. `waiter` belongs to this one
    /// operation; whoever gives up gives it to [`cancel_put`](Self::cancel_put).
    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>>;

    /// One step of an asynchronous get, like [`poll_put`](Self::poll_put).
    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>>;

    /// Gives up an asynchronous put and passes on a wake-up that was meant for it.
    fn cancel_put(&self, waiter: &mut Waiter);

    /// Gives up an asynchronous get and passes on a wake-up that was meant for it.
    fn cancel_get(&self, waiter: &mut Waiter);

    /// Takes one item on loan: it comes back unless it is acknowledged.
    ///
    /// # Errors
    /// As [`get_within`](Self::get_within); `Unsupported` where `caps().lease` is false.
    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        let _ = wait;
        Err(GetError::Failed(no_leases()))
    }

    /// Takes up to `max` items on loan, waiting for the first one only.
    ///
    /// # Errors
    /// As [`lease`](Self::lease).
    fn lease_batch(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        let mut taken = 0;
        while taken < max {
            match self.lease(if taken == 0 { wait } else { Wait::Never }) {
                Ok(lease) => out.push(lease),
                Err(_) if taken > 0 => break,
                Err(error) => return Err(error),
            }
            taken += 1;
        }
        Ok(taken)
    }

    /// One step of an asynchronous lease, like [`poll_get`](Self::poll_get) and given up like it.
    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        let _ = (cx, waiter);
        Poll::Ready(Err(GetError::Failed(no_leases())))
    }

    /// Repeats a put whose outcome was `Unknown`; it is stored once, however often this is called.
    ///
    /// # Errors
    /// As [`put_within`](Self::put_within); `Unsupported` where `caps().dedup` is false.
    fn retry(&self, item: T, token: RetryToken, wait: Wait) -> Result<(), PutError<T>> {
        let _ = (token, wait);
        let error = Error::new(ErrorKind::Unsupported, "retry")
            .expected("a queue that recognises repeated puts (caps().dedup)")
            .remedy("put the item again and accept that it may be there twice");
        Err(PutError::Failed(item, error))
    }

    /// Puts one item, waiting for room as long as it takes.
    ///
    /// # Errors
    /// `Closed`, and what the backend adds.
    fn put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Forever)
    }

    /// Puts one item if there is room now.
    ///
    /// # Errors
    /// `Full`, `Closed`, and what the backend adds.
    #[doc(alias = "put_nowait")]
    fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.put_within(item, Wait::Never)
    }

    /// Puts one item, waiting for room at least `limit`.
    ///
    /// # Errors
    /// `Full`, `Closed`, and what the backend adds.
    fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_within(item, limit.into())
    }

    /// Takes one item, waiting for it as long as it takes.
    ///
    /// # Errors
    /// `Closed` once drained, and what the backend adds.
    fn get(&self) -> Result<T, GetError> {
        self.get_within(Wait::Forever)
    }

    /// Takes one item if there is one now.
    ///
    /// # Errors
    /// `Empty`, `Closed`, and what the backend adds.
    #[doc(alias = "get_nowait")]
    fn try_get(&self) -> Result<T, GetError> {
        self.get_within(Wait::Never)
    }

    /// Takes one item, waiting for it at least `limit`.
    ///
    /// # Errors
    /// `Empty`, `Closed`, and what the backend adds.
    fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_within(limit.into())
    }

    /// True when nothing is inside right now; only a hint while others use the queue.
    #[doc(alias = "empty")]
    fn is_empty(&self) -> bool {
        self.depth() == Some(0)
    }

    /// True when there is no room right now; only a hint while others use the queue.
    #[doc(alias = "full")]
    fn is_full(&self) -> bool {
        matches!((self.depth(), self.capacity()), (Some(depth), Some(capacity)) if depth >= capacity)
    }
}

impl std::fmt::Debug for dyn QueueCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug(self, f)
    }
}

impl<T: Item> std::fmt::Debug for dyn Queue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug(self, f)
    }
}

/// What can be said about any queue without its item type.
fn debug<Q: QueueCore + ?Sized>(queue: &Q, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    f.debug_struct("Queue")
        .field("depth", &queue.depth())
        .field("capacity", &queue.capacity())
        .field("closed", &queue.is_closed())
        .finish()
}

fn no_leases() -> Error {
    Error::new(ErrorKind::Unsupported, "lease")
        .expected("a queue with leases (caps().lease)")
        .remedy("use get: an item is gone when it returns")
}
