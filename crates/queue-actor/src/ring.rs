//! A queue of a manager of this very process: the ring itself, until somebody outside asks for it.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::thread;

use descriptor_core::wait::WaitList;
use descriptor_core::{DescriptorRecord, Error, ErrorKind, GetError, QueueCore, TryQueue, TypeTag, Wait, Wire};
use queue_rpc::{Luggage, RpcSpec};
use queue_sage::SageQueue;
use rpc_server::{Guest, GuestFacts};

use crate::far::{About, Far};
use crate::guests::Resident;
use crate::host::Host;

/// Everything is in the ring.
const HERE: u8 = 0;
/// The ring is closed, and what was in it is at the server or on its way there.
const LEFT: u8 = 1;

/// See [the module](self).
///
/// A call looks at one word and then is a call of the ring. To move the queue, that word is set, the ring is closed, which is
/// the one thing that every put is ordered with, and all that is left in it is taken out at once, which is the one thing that
/// every get is ordered with: a get that was let in before has an older item, one that comes later has none. So the order
/// holds for every consumer, and nothing is left behind. Who finds the ring closed looks at the word again, and waits until
/// the server has the queue.
pub(crate) struct Ring<T: Wire> {
    pub(crate) inner: SageQueue<T>,
    stage: AtomicU8,
    // Somebody moves it, or ends it.
    is_called: AtomicBool,
    is_ended: AtomicBool,
    // Whether a user closed it. Under its lock the ring is closed, by whomever.
    closed: Mutex<bool>,
    arrived: OnceLock<Arrival<T>>,
    arrivals: WaitList,
    faults: Mutex<VecDeque<Error>>,
    has_faults: AtomicBool,
    pub(crate) about: About,
    terms: Terms,
    host: Weak<Host>,
    me: Weak<Self>,
}

/// What it was opened with.
pub(crate) struct Terms {
    /// As a client of the server says it.
    pub(crate) spec: RpcSpec,
    pub(crate) record: DescriptorRecord,
    /// Which life of the name it is.
    pub(crate) life: u64,
}

enum Arrival<T: Wire> {
    There(Far<T>),
    /// It is no more.
    Ended,
    /// It is at the server, and cannot be reached from here.
    Lost(ErrorKind, String),
}

impl<T: Wire> Ring<T> {
    /// # Errors
    /// What the ring says to such a capacity.
    pub(crate) fn new(about: About, terms: Terms, host: &Arc<Host>) -> Result<Arc<Self>, Error> {
        let inner = SageQueue::new(terms.spec.capacity).map_err(|error| error.queue(about.id.as_str()))?;
        Ok(Arc::new_cyclic(|me| Self {
            inner,
            me: me.clone(),
            stage: AtomicU8::new(HERE),
            is_called: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
            closed: Mutex::new(false),
            arrived: OnceLock::new(),
            arrivals: WaitList::new(),
            faults: Mutex::default(),
            has_faults: AtomicBool::new(false),
            about,
            terms,
            host: Arc::downgrade(host),
        }))
    }

    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == HERE
    }

    /// After the ring said that it is closed: true when it was not a user who did that.
    pub(crate) fn has_left(&self) -> bool {
        // With the one in `empty`: whoever sees the ring closed sees the stage.
        fence(Ordering::SeqCst);
        !self.is_here()
    }

    pub(crate) fn lock_closed(&self) -> MutexGuard<'_, bool> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn far_of<'a>(&self, arrival: &'a Arrival<T>, operation: &'static str) -> Result<&'a Far<T>, Error> {
        match arrival {
            Arrival::There(far) => Ok(far),
            Arrival::Ended => Err(self
                .about
                .error(ErrorKind::StaleHandle, operation)
                .expected("the queue that was opened")
                .found("none: it was deleted")
                .remedy("open it again to make another one")),
            Arrival::Lost(kind, why) => Err(self
                .about
                .error(*kind, operation)
                .expected("to reach the queue at the manager of this process")
                .found(why.clone())
                .remedy("open the queue again")),
        }
    }

    /// The queue at the server, as soon as it is there. That takes as long as its items are encoded, whatever a call may wait:
    /// it is an answer that is waited for, not the queue.
    ///
    /// # Errors
    /// `StaleHandle` when it was deleted; why it cannot be reached.
    #[cold]
    pub(crate) fn far(&self, operation: &'static str) -> Result<&Far<T>, Error> {
        let arrival = self
            .arrived
            .get()
            .or_else(|| self.arrivals.block(Wait::Forever, || self.arrived.get()));
        match arrival {
            Some(arrival) => self.far_of(arrival, operation),
            None => Err(self.about.error(ErrorKind::Timeout, operation)),
        }
    }

    /// As [`far`](Self::far), for a task.
    pub(crate) fn poll_far(
        &self,
        cx: &std::task::Context<'_>,
        waiter: &mut descriptor_core::wait::Waiter,
        operation: &'static str,
    ) -> std::task::Poll<Result<&Far<T>, Error>> {
        self.arrivals
            .poll(cx, waiter, || self.arrived.get())
            .map(|arrival| self.far_of(arrival, operation))
    }

    pub(crate) fn stop_waiting(&self, waiter: &mut descriptor_core::wait::Waiter) {
        self.arrivals.cancel(waiter);
    }

    /// The queue at the server, if it is there by now.
    pub(crate) fn far_now(&self) -> Option<&Far<T>> {
        match self.arrived.get()? {
            Arrival::There(far) => Some(far),
            _ => None,
        }
    }

    /// An item that could not be encoded is told once, by the next get here.
    pub(crate) fn fault(&self) -> Result<(), GetError> {
        if !self.has_faults.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.pop_front();
        self.has_faults.store(!faults.is_empty(), Ordering::Release);
        fault.map_or(Ok(()), |fault| Err(GetError::Failed(fault)))
    }

    /// Begins to move or to end it, once, on a thread of its own: who asks must not wait. False when the system refuses a
    /// thread; whoever asks again tries again.
    fn call(self: &Arc<Self>) -> bool {
        if self.is_called.swap(true, Ordering::AcqRel) {
            return true;
        }
        let ring = Arc::clone(self);
        let started = thread::Builder::new()
            .name("sage-mover".into())
            .spawn(move || Mover { ring: &ring }.run());
        self.is_called.store(started.is_ok(), Ordering::Release);
        started.is_ok()
    }

    /// Has it moved because somebody here needs it at the server: a lease is kept there.
    pub(crate) fn go(&self) {
        if !self.is_here() {
            return;
        }
        if let Some(ring) = self.me.upgrade()
            && !ring.call()
        {
            ring.is_called.store(true, Ordering::Release);
            Mover { ring: &ring }.run();
        }
    }

    /// Closes the ring and takes out all that is in it. Whether a user had closed it.
    fn empty(&self) -> (Vec<T>, bool) {
        let closed = self.lock_closed();
        self.stage.store(LEFT, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        (take_all(&self.inner), *closed)
    }

    fn arrive(&self, arrival: Arrival<T>) {
        // There is one mover.
        let _ = self.arrived.set(arrival);
        self.arrivals.notify_all();
    }
}

/// Moves a ring. Whatever happens, those who wait for its arrival are told.
struct Mover<'a, T: Wire> {
    ring: &'a Arc<Ring<T>>,
}

impl<T: Wire> Mover<'_, T> {
    fn run(self) {
        let ring = self.ring;
        let (items, closed) = ring.empty();
        if ring.is_ended.load(Ordering::Acquire) {
            ring.arrive(Arrival::Ended);
            return;
        }
        let count = items.len();
        let (put, got) = (ring.facts().put, ring.facts().put.saturating_sub(count as u64));
        let luggage = Luggage::pack(&ring.about.id, &ring.terms.spec, items);
        self.note(luggage.faults);
        let Some(host) = ring.host.upgrade() else {
            return;
        };
        let guest = Guest {
            facts: GuestFacts {
                record: luggage.record,
                epoch: ring.terms.life,
                capacity: ring.terms.spec.capacity as u64,
                put,
                got,
            },
            tag: luggage.tag,
            codec: luggage.codec,
            runs: luggage.runs,
            closed,
        };
        let id = &ring.about.id;
        let taken = host.server().with(|broker| {
            // Unless it was deleted meanwhile.
            host.table()
                .take(id, Some(ring.terms.life))
                .map(|_| broker.adopt(guest))
        });
        match taken {
            None => ring.arrive(Arrival::Ended),
            Some(Err(error)) => {
                tracing::error!(queue = id.as_str(), items = count, %error, "a queue was lost on its way to the server");
                ring.arrive(Arrival::Lost(error.kind(), error.to_string()));
            }
            Some(Ok(())) => match host.far(&ring.about, &ring.terms.spec) {
                Ok(far) => ring.arrive(Arrival::There(far)),
                Err(error) => ring.arrive(Arrival::Lost(error.kind(), error.to_string())),
            },
        }
    }

    fn note(&self, faults: Vec<Error>) {
        if faults.is_empty() {
            return;
        }
        let ring = self.ring;
        tracing::warn!(
            queue = ring.about.id.as_str(),
            items = faults.len(),
            "items could not be encoded for another process"
        );
        ring.faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(faults);
        ring.has_faults.store(true, Ordering::Release);
    }
}

impl<T: Wire> Drop for Mover<'_, T> {
    fn drop(&mut self) {
        if self.ring.arrived.get().is_none() {
            let why = "its manager ended while it was moved";
            self.ring.arrive(Arrival::Lost(ErrorKind::PeerDied, why.into()));
        }
    }
}

impl<T: Wire> Resident for Ring<T> {
    fn facts(&self) -> GuestFacts {
        let totals = self.inner.totals().unwrap_or_default();
        GuestFacts {
            record: self.terms.record.clone(),
            epoch: self.terms.life,
            capacity: self.terms.spec.capacity as u64,
            put: totals.put,
            got: totals.get,
        }
    }

    fn tag(&self) -> TypeTag {
        TypeTag::of::<T>()
    }

    fn leave(self: Arc<Self>) {
        self.call();
    }

    fn end(self: Arc<Self>) {
        self.is_ended.store(true, Ordering::Release);
        self.call();
    }

    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
}

impl<T: Wire> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("id", &self.about.id)
            .field("inner", &self.inner)
            .field("here", &self.is_here())
            .finish_non_exhaustive()
    }
}

/// Closes a ring, which wakes all who sleep there, and takes out what is in it, all at once: a get that is under way has an
/// item that is older than these, or none.
fn take_all<T: Wire>(ring: &SageQueue<T>) -> Vec<T> {
    ring.close();
    let mut items = Vec::new();
    // Nothing is put any more, so one run is all there is, and the next one says that there is nothing.
    while ring.get_run(&mut items, usize::MAX).is_ok() {}
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_younger_than_what_gets_under_way_had() {
        for round in 0..200_u64 {
            let ring = Arc::new(SageQueue::new(4096).expect("memory"));
            let mut items: VecDeque<u64> = (0..4096).collect();
            ring.put_run(&mut items).expect("room");
            let getters: Vec<_> = (0..2)
                .map(|_| {
                    let ring = Arc::clone(&ring);
                    thread::spawn(move || {
                        let mut last = None;
                        while let Ok(item) = ring.get_now() {
                            last = Some(item);
                        }
                        last
                    })
                })
                .collect();
            while ring.depth() > Some(4000 - (round as usize % 64)) {
                thread::yield_now();
            }
            let taken = take_all(&ring);
            assert!(taken.is_sorted(), "round {round}");
            for getter in getters {
                let last = getter.join().expect("it only takes");
                assert!(
                    last < taken.first().copied().or(Some(u64::MAX)),
                    "round {round}: {last:?}"
                );
            }
        }
    }
}
