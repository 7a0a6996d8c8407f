//! A queue at a manager, over its socket.

use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, Error, ErrorKind, GetError, Lease, LeaseTotals, PutError, Queue, QueueCore, QueueId, Totals, Wait, Wire,
};
use queue_rpc::RpcQueue;

use crate::seat::last_epoch;

/// A client that says what became of its manager. The first calls that fail because it died say `PeerDied`; those that begin
/// after that are told that their handle is stale.
pub(crate) struct Far<T: Wire> {
    queue: RpcQueue<T>,
    about: About,
}

/// Which queue it is, of which life of which manager.
#[derive(Clone)]
pub(crate) struct About {
    pub(crate) id: QueueId,
    pub(crate) kind: &'static str,
    pub(crate) folder: PathBuf,
    pub(crate) epoch: u64,
    pub(crate) caps: Caps,
    over: Arc<AtomicBool>,
}

impl About {
    pub(crate) fn new(id: &QueueId, kind: &'static str, folder: PathBuf, epoch: u64, caps: Caps) -> Self {
        Self {
            id: id.clone(),
            kind,
            folder,
            epoch,
            caps,
            over: Arc::default(),
        }
    }

    pub(crate) fn error(&self, kind: ErrorKind, operation: &'static str) -> Error {
        Error::new(kind, operation).queue(self.id.as_str()).backend(self.kind)
    }

    /// The manager is known to be dead.
    #[inline]
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    #[cold]
    fn stale(&self, operation: &'static str) -> Error {
        let now = match last_epoch(&self.folder) {
            Ok(now) if now != self.epoch => format!("epoch {now}"),
            _ => format!("none since epoch {} ended", self.epoch),
        };
        self.error(ErrorKind::StaleHandle, operation)
            .expected(format!("epoch {} of the manager, which this handle is of", self.epoch))
            .found(now)
            .remedy("open the queue again, and see `QueueManager::losses` for what is gone")
    }

    #[cold]
    fn note(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::PeerDied {
            self.over.store(true, Ordering::Relaxed);
        }
        error.backend(self.kind)
    }

    #[inline]
    fn put<I, R>(&self, item: I, put: impl FnOnce(I) -> Result<R, PutError<I>>) -> Result<R, PutError<I>> {
        if self.is_over() {
            return Err(PutError::Failed(item, self.stale("put")));
        }
        match put(item) {
            Err(PutError::Failed(item, error)) => Err(PutError::Failed(item, self.note(error))),
            done => done,
        }
    }

    #[inline]
    fn get<R>(&self, get: impl FnOnce() -> Result<R, GetError>) -> Result<R, GetError> {
        if self.is_over() {
            return Err(GetError::Failed(self.stale("get")));
        }
        match get() {
            Err(GetError::Failed(error)) => Err(GetError::Failed(self.note(error))),
            done => done,
        }
    }
}

impl<T: Wire> Far<T> {
    pub(crate) const fn new(queue: RpcQueue<T>, about: About) -> Self {
        Self { queue, about }
    }
}

impl<T: Wire> QueueCore for Far<T> {
    fn depth(&self) -> Option<usize> {
        self.queue.depth()
    }

    fn capacity(&self) -> Option<usize> {
        self.queue.capacity()
    }

    fn caps(&self) -> Caps {
        self.about.caps
    }

    fn close(&self) {
        self.queue.close();
    }

    fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    fn flush(&self, wait: Wait) -> Result<(), Error> {
        self.queue.flush(wait).map_err(|error| self.about.note(error))
    }

    fn totals(&self) -> Option<Totals> {
        self.queue.totals()
    }

    fn leases(&self) -> Option<LeaseTotals> {
        self.queue.leases()
    }
}

impl<T: Wire> Queue<T> for Far<T> {
    #[inline]
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        self.about.put(item, |item| self.queue.put_within(item, wait))
    }

    #[inline]
    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        self.about.get(|| self.queue.get_within(wait))
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        self.about.put((), |()| self.queue.put_batch(items, wait))
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.about.get(|| self.queue.get_batch(out, max, wait))
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        // One that waits is told what happened to what it waited for.
        if !waiter.is_armed()
            && self.about.is_over()
            && let Some(item) = item.take()
        {
            return Poll::Ready(Err(PutError::Failed(item, self.about.stale("put"))));
        }
        self.queue.poll_put(cx, item, waiter).map_err(|refusal| match refusal {
            PutError::Failed(item, error) => PutError::Failed(item, self.about.note(error)),
            other => other,
        })
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        if !waiter.is_armed() && self.about.is_over() {
            return Poll::Ready(Err(GetError::Failed(self.about.stale("get"))));
        }
        self.queue.poll_get(cx, waiter).map_err(|failure| match failure {
            GetError::Failed(error) => GetError::Failed(self.about.note(error)),
            other => other,
        })
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.queue.cancel_put(waiter);
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.queue.cancel_get(waiter);
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.about.get(|| self.queue.lease(wait))
    }

    fn lease_batch(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.about.get(|| self.queue.lease_batch(out, max, wait))
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        if !waiter.is_armed() && self.about.is_over() {
            return Poll::Ready(Err(GetError::Failed(self.about.stale("lease"))));
        }
        self.queue.poll_lease(cx, waiter).map_err(|failure| match failure {
            GetError::Failed(error) => GetError::Failed(self.about.note(error)),
            other => other,
        })
    }
}

impl<T: Wire> fmt::Debug for Far<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Far")
            .field("queue", &self.queue)
            .field("epoch", &self.about.epoch)
            .finish_non_exhaustive()
    }
}
