//! The queue contract over a session.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, Error, ErrorKind, GetError, Lease, LeaseTotals, PutError, Queue, QueueCore, QueueId, RetryToken, Totals,
    TypeTag, Wait, Wire,
};
use rpc_wire::{Close, Depth, Message, Record, Tag};

use crate::door::Door;
use crate::format::Format;
use crate::lease::Keeper;
use crate::session::Terms;
use crate::stats::{Numbers, numbers};
use crate::{Confirm, ConnectionStatus, RpcSpec, ServerLife, StatusChanges};

/// A bounded queue of `T` at a server, for any number of threads, tasks, processes and hosts.
///
/// Calls that ask the server (a try, `depth`, `close`, the end of a lease) wait for its answer, at most `connection_timeout`
/// longer than they were told to.
#[doc(alias = "RPCQueue")]
pub struct RpcQueue<T: Wire> {
    pub(crate) door: Arc<Door>,
    pub(crate) format: Format,
    pub(crate) keeper: Arc<Keeper>,
    confirm: Confirm,
    caps: Caps,
    // Faults of items that came in the middle of a batch: each is told once, by the next get.
    faults: Mutex<VecDeque<Error>>,
    has_faults: AtomicBool,
    item: PhantomData<fn() -> T>,
}

impl<T: Wire> RpcQueue<T> {
    /// Opens the queue of that id at the server, or makes it.
    ///
    /// # Errors
    /// `Disconnected` when there is no server; `Unauthenticated` or `PermissionDenied` when it does not let this program in;
    /// `TypeMismatch` or `Incompatible` when the queue is there and its items or parameters are others, both named;
    /// `InvalidDescriptor` for parameters that contradict each other; `Timeout`, and what else the server says.
    pub fn open(id: &QueueId, spec: &RpcSpec) -> Result<Self, Error> {
        Self::open_with(id, spec, None)
    }

    /// As [`open`](Self::open), at one life of the server only. When that is over, every call that waits fails with `PeerDied`, and
    /// no other server takes its place.
    ///
    /// # Errors
    /// As [`open`](Self::open); `StaleHandle` when the server says another epoch, `PeerDied` when that life is over.
    pub fn open_in(id: &QueueId, spec: &RpcSpec, life: &ServerLife) -> Result<Self, Error> {
        Self::open_with(id, spec, Some(life))
    }

    fn open_with(id: &QueueId, spec: &RpcSpec, life: Option<&ServerLife>) -> Result<Self, Error> {
        let about = |error: Error| error.queue(id.as_str());
        spec.check().map_err(about)?;
        let format = Format::of::<T>(spec.codec);
        let record = Record::new(&spec.record(id)).map_err(|error| {
            about(Error::new(ErrorKind::TooLarge, "open"))
                .backend("rpc")
                .caused_by(error)
        })?;
        let terms = Terms {
            id: id.clone(),
            tag: Tag::from(&TypeTag::of::<T>()),
            record,
            codec: format.id(),
            prefetch: spec.prefetch,
            each: spec.confirm == Confirm::Each,
        };
        let door = Arc::new(Door::open(spec, life, &terms).map_err(about)?);
        Ok(Self {
            keeper: Arc::new(Keeper::new(Arc::clone(&door))),
            door,
            format,
            confirm: spec.confirm,
            caps: spec.caps_here(),
            faults: Mutex::default(),
            has_faults: AtomicBool::new(false),
            item: PhantomData,
        })
    }

    /// The connection now.
    #[doc(alias = "get_connection_status")]
    #[must_use]
    pub fn status(&self) -> ConnectionStatus {
        self.door.link.status()
    }

    /// The changes of the connection from now on.
    #[must_use]
    pub fn changes(&self) -> StatusChanges {
        self.door.link.changes()
    }

    /// Which life of the name the queue was when it was opened: one that was deleted and made anew has a higher one.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.door.facts.epoch
    }

    #[cold]
    pub(crate) fn keep_fault(&self, error: Error) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push_back(error);
        self.has_faults.store(true, Ordering::Release);
    }

    #[cold]
    fn take_fault(&self) -> Option<Error> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.pop_front();
        self.has_faults.store(!faults.is_empty(), Ordering::Release);
        fault
    }

    /// A fault that is still to be told.
    #[inline]
    pub(crate) fn fault(&self) -> Option<Error> {
        if self.has_faults.load(Ordering::Relaxed) {
            return self.take_fault();
        }
        None
    }

    fn numbers(&self) -> Option<Numbers> {
        numbers(&self.door).ok()
    }
}

impl<T: Wire> QueueCore for RpcQueue<T> {
    fn depth(&self) -> Option<usize> {
        let answer = self.door.call("depth", self.door.deadline(), |call, queue| {
            Message::from(Depth { queue, call })
        });
        match answer {
            Ok(Message::DepthIs(depth)) => usize::try_from(depth.waiting.saturating_add(depth.away)).ok(),
            _ => None,
        }
    }

    fn capacity(&self) -> Option<usize> {
        usize::try_from(self.door.facts.capacity)
            .ok()
            .filter(|items| *items > 0)
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn close(&self) {
        let key = self.door.key;
        let (was_closed, is_due) = self.door.link.with(|session| {
            let was_closed = session.queue(key).is_some_and(|queue| queue.closed);
            (was_closed, session.close(key))
        });
        if !is_due {
            return;
        }
        let answer = self.door.call("close", self.door.deadline(), |call, queue| {
            Message::from(Close { queue, call })
        });
        let refused = matches!(&answer, Err(error) if error.kind() == ErrorKind::PermissionDenied);
        if refused && !was_closed {
            self.door.link.with(|session| session.note_open(key));
        }
    }

    fn is_closed(&self) -> bool {
        let known = || {
            self.door
                .link
                .with(|session| session.queue(self.door.key).is_some_and(|it| it.closed))
        };
        // Whatever the server said before it answers has been heard by then.
        known() || (self.depth().is_some() && known())
    }

    fn flush(&self, wait: Wait) -> Result<(), Error> {
        self.flush_within(wait)
    }

    fn totals(&self) -> Option<Totals> {
        self.numbers().map(|numbers| numbers.totals)
    }

    fn leases(&self) -> Option<LeaseTotals> {
        self.numbers().map(|numbers| numbers.leases)
    }
}

impl<T: Wire> Queue<T> for RpcQueue<T> {
    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        match self.confirm {
            Confirm::Window => self.accept(item, wait),
            Confirm::Each => self.store(item, wait),
        }
    }

    #[inline]
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        self.take(wait)
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        match self.confirm {
            Confirm::Window => self.accept_many(items, wait),
            Confirm::Each => self.store_many(items, wait),
        }
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.take_many(out, max, wait)
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        match self.confirm {
            Confirm::Window => self.poll_accept(cx, item, waiter),
            Confirm::Each => self.poll_store(cx, item, waiter),
        }
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        self.poll_take(cx, waiter)
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.give_up_put(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.give_up_get(waiter);
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.borrow(wait)
    }

    fn lease_batch(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.borrow_many(out, max, wait)
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        self.poll_borrow(cx, waiter)
    }

    fn retry(&self, item: T, token: RetryToken, wait: Wait) -> Result<(), PutError<T>> {
        self.store_again(item, token, wait)
    }
}

impl<T: Wire> fmt::Debug for RpcQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RpcQueue")
            .field("id", &self.door.id)
            .field("epoch", &self.epoch())
            .field("capacity", &self.capacity())
            .field("connection", &self.status())
            .finish_non_exhaustive()
    }
}
