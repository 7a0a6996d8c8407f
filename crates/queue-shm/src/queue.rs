//! The queue contract over a segment.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use descriptor_core::wait::Waiter;
use descriptor_core::{
    Caps, Error, GetError, Lease, LeaseTotals, PutError, Queue, QueueCore, QueueId, Spec, Totals, TypeTag, Wait, Wire,
};

use crate::bridge::Bridge;
use crate::format::{Format, with_buffer};
use crate::layout::{DAMAGED, GET_TOTAL, ITEMS, LOST_IN_FLIGHT, PUT_TOTAL, ROOM, TORN};
use crate::lease_keeper::Keeper;
use crate::patience::{Patience, SOON};
use crate::put::Refusal;
use crate::record::Front;
use crate::segment::Segment;
use crate::{Damage, ShmSpec, memory};

/// A bounded queue of `T` in shared memory, for any number of threads, tasks and processes of one host.
pub struct ShmQueue<T: Wire> {
    pub(crate) segment: Arc<Segment>,
    pub(crate) format: Format,
    pub(crate) keeper: Arc<Keeper>,
    getters: Bridge,
    patience: Patience,
    putters: Bridge,
    // Faults of items that came in the middle of a batch: each is told once, by the next get.
    faults: Mutex<VecDeque<Error>>,
    has_faults: AtomicBool,
    item: PhantomData<fn() -> T>,
}

impl<T: Wire> ShmQueue<T> {
    /// Joins the queue of that id on this host, or makes it.
    ///
    /// # Errors
    /// `TypeMismatch` or `Incompatible` when it is there and its items or parameters are others, both named;
    /// `InvalidDescriptor` for parameters that contradict each other; `OutOfSpace`, `PermissionDenied`,
    /// `ResourceExhausted`, `Unsupported`, `Timeout` or `Io` as the system has it; `Corrupt` when the segment is damaged.
    pub fn open(id: &QueueId, spec: &ShmSpec) -> Result<Self, Error> {
        let about = |error: Error| error.queue(id.as_str());
        spec.check().map_err(about)?;
        let dead_letters = spec.dead_letters(id).map_err(about)?;
        let format = Format::of::<T>(spec.codec);
        let tag = TypeTag::of::<T>();
        let segment = Arc::new(Segment::open(id, spec, &tag, format.id())?);
        if let Some((dead_id, dead)) = dead_letters {
            segment.set_dead_letters(Arc::new(Segment::open(&dead_id, &dead, &tag, format.id())?));
        }
        Ok(Self {
            keeper: Arc::new(Keeper::new(&segment)),
            patience: Patience::new(SOON),
            getters: Bridge::new(&segment, ITEMS, Segment::items_to_take),
            putters: Bridge::new(&segment, ROOM, Segment::room_left),
            segment,
            format,
            faults: Mutex::default(),
            has_faults: AtomicBool::new(false),
            item: PhantomData,
        })
    }

    /// What deaths and damage did to this queue since it was made; nothing in a child forked from who opened it.
    #[must_use]
    pub fn damage(&self) -> Damage {
        if !self.segment.map.is_mine() {
            return Damage::default();
        }
        let total = |word| self.segment.map.u64(word).load(Ordering::Acquire);
        Damage {
            torn: total(TORN),
            lost_in_flight: total(LOST_IN_FLIGHT),
            given_up: total(DAMAGED),
        }
    }

    /// The number of this life of the queue: a queue that is made anew has a higher one.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.segment.header.epoch
    }

    pub(crate) fn named(&self, error: Error) -> Error {
        error.queue(self.segment.header.id.as_str()).backend("shm")
    }

    /// Lends the item as it goes into the ring, and what goes in front of it.
    #[inline]
    fn with_item<R>(&self, item: &T, work: impl FnOnce(Front, &[u8]) -> R) -> Result<R, Error> {
        // Through a buffer of ours and not into the ring: `Serialize` is the user's code, and must not run while the
        // processes of others wait.
        self.format.with_buffer(|buffer| {
            let item = self.format.bytes(item, self.limit(), buffer);
            let item = item.map_err(|error| self.named(error))?;
            Ok(work(Front::of(item), item))
        })
    }

    /// The most bytes of an item.
    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.segment.header.max_item).unwrap_or(usize::MAX)
    }

    #[inline]
    fn put_now(&self, front: Front, item: &[u8], wait: Wait) -> Option<Result<(), Refusal>> {
        match self.segment.put(front, item, wait) {
            Err(Refusal::Full) => None,
            done => Some(done),
        }
    }

    /// One item, or what `otherwise` says when there is none.
    ///
    /// # Errors
    /// `Closed`, what the item says, and what `otherwise` says.
    #[inline]
    fn take_or(&self, wait: Wait, otherwise: impl FnOnce() -> Result<T, GetError>) -> Result<T, GetError> {
        self.segment.tend();
        let looks = self.segment.has_seen_none();
        if looks && wait != Wait::Never {
            self.patience.before_look();
        }
        let Some(held) = self.segment.getters(wait) else {
            return otherwise();
        };
        if let Some((index, front)) = held.returned() {
            return self.take_back(held, index, front);
        }
        let Some((held, (head, items, bytes))) = held.ahead(1)? else {
            return otherwise();
        };
        if looks {
            self.patience.after_look(items);
        }
        let front = held.front(head, bytes).map_err(GetError::Failed)?;
        let next = head.after(front.record_bytes(), 1);
        self.segment
            .map
            .expect_to_read(next.position(), front.record_bytes(), bytes);
        let item = match self.format {
            // Copied once, to where it stays.
            Format::Raw => {
                let mut item = memory::room(front.len());
                held.copy_item(head, front, &mut item);
                // Made before the lock is given back: what was just written in parts is slow to be moved as a whole.
                let item = memory::bytes(item);
                held.finish_take(next);
                let checked = front.check(&item);
                self.segment.finish(1);
                checked.and_then(|()| self.format.adopt(item))
            }
            Format::Coded(_) => with_buffer(|buffer| {
                held.copy_item(head, front, buffer);
                held.finish_take(next);
                let item = front.check(buffer).and_then(|()| self.format.decode(buffer));
                self.segment.finish(1);
                item
            }),
        };
        item.map_err(|error| GetError::Failed(self.named(error)))
    }

    /// One item; `None` when there is none.
    pub(crate) fn take(&self, wait: Wait) -> Option<Result<T, GetError>> {
        match self.take_or(wait, || Err(GetError::Empty)) {
            Err(GetError::Empty) => None,
            done => Some(done),
        }
    }

    #[cold]
    pub(crate) fn keep_fault(&self, error: Error) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push_back(error);
        self.has_faults.store(true, Ordering::Release);
    }

    #[cold]
    pub(crate) fn fault(&self) -> Option<Error> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = faults.pop_front();
        self.has_faults.store(!faults.is_empty(), Ordering::Release);
        fault
    }

    /// Whether a get may begin.
    #[inline]
    pub(crate) fn admit(&self) -> Result<(), GetError> {
        self.segment.check("get").map_err(GetError::Failed)?;
        if self.has_faults.load(Ordering::Relaxed)
            && let Some(fault) = self.fault()
        {
            return Err(GetError::Failed(fault));
        }
        Ok(())
    }

    /// One step of waiting for an item as a task.
    fn poll_for<R>(
        &self,
        cx: &mut Context<'_>,
        waiter: &mut Waiter,
        attempt: impl FnMut() -> Option<Result<R, GetError>>,
    ) -> Poll<Result<R, GetError>> {
        if let Err(error) = self.admit() {
            self.cancel_get(waiter);
            return Poll::Ready(Err(error));
        }
        let step = self.getters.list().poll(cx, waiter, attempt);
        if step.is_pending()
            && let Err(error) = self.getters.call()
        {
            self.cancel_get(waiter);
            return Poll::Ready(Err(GetError::Failed(error)));
        }
        step
    }

    pub(crate) fn refuse<I>(refusal: Refusal, item: I) -> PutError<I> {
        match refusal {
            Refusal::Full => PutError::Full(item),
            Refusal::Closed => PutError::Closed(item),
        }
    }
}

impl<T: Wire> QueueCore for ShmQueue<T> {
    fn depth(&self) -> Option<usize> {
        self.segment.map.is_mine().then(|| self.segment.depth())
    }

    fn capacity(&self) -> Option<usize> {
        usize::try_from(self.segment.capacity).ok()
    }

    fn caps(&self) -> Caps {
        ShmSpec::caps()
    }

    fn close(&self) {
        if self.segment.map.is_mine() {
            self.segment.close();
        }
    }

    fn is_closed(&self) -> bool {
        !self.segment.map.is_mine() || self.segment.is_closed()
    }

    fn totals(&self) -> Option<Totals> {
        if !self.segment.map.is_mine() {
            return None;
        }
        // Taken first: an item counts as put before it counts as taken.
        let get = self.segment.map.u64(GET_TOTAL).load(Ordering::Acquire);
        let put = self.segment.map.u64(PUT_TOTAL).load(Ordering::Acquire);
        // What left the ring and is on loan, or came to a bad end, was not handed out.
        let leases = self.segment.lease_totals();
        let bad = leases.dead_lettered.saturating_add(leases.dropped);
        let get = get.saturating_sub(self.segment.away().saturating_add(bad));
        Some(Totals { put, get })
    }

    fn leases(&self) -> Option<LeaseTotals> {
        self.segment.map.is_mine().then(|| self.segment.lease_totals())
    }
}

impl<T: Wire> Queue<T> for ShmQueue<T> {
    fn put_within(&self, item: T, wait: Wait) -> Result<(), PutError<T>> {
        if let Err(error) = self.segment.check("put") {
            return Err(PutError::Failed(item, error));
        }
        let done = self.with_item(&item, |front, bytes| {
            let attempt = || self.put_now(front, bytes, wait);
            self.segment.persist(ROOM, wait, attempt).unwrap_or(Err(Refusal::Full))
        });
        match done {
            Ok(Ok(())) => Ok(()),
            Ok(Err(refusal)) => Err(Self::refuse(refusal, item)),
            Err(error) => Err(PutError::Failed(item, error)),
        }
    }

    fn get_within(&self, wait: Wait) -> Result<T, GetError> {
        self.admit()?;
        self.take_or(wait, || {
            self.segment
                .persist_slowly(ITEMS, wait, || self.take(wait))
                .unwrap_or(Err(GetError::Empty))
        })
    }

    fn put_batch(&self, items: &mut VecDeque<T>, wait: Wait) -> Result<usize, PutError<()>> {
        self.put_many(items, wait)
    }

    fn get_batch(&self, out: &mut Vec<T>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        self.admit()?;
        let attempt = || match self.take_run(out, max, wait) {
            Ok(0) => None,
            done => Some(done),
        };
        self.segment
            .persist(ITEMS, wait, attempt)
            .unwrap_or(Err(GetError::Empty))
    }

    fn poll_put(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<T>,
        waiter: &mut Waiter,
    ) -> Poll<Result<(), PutError<T>>> {
        let Some(at_hand) = item.as_ref() else {
            return Poll::Ready(Ok(()));
        };
        let step = |front, bytes: &[u8]| {
            let attempt = || self.put_now(front, bytes, Wait::Never);
            if !waiter.is_armed()
                && let Some(done) = attempt()
            {
                return Ok(Poll::Ready(done));
            }
            let step = self.putters.list().poll(cx, waiter, attempt);
            if step.is_pending() {
                self.putters.call()?;
            }
            Ok(step)
        };
        let checked = self.segment.check("put");
        let step = checked.and_then(|()| self.with_item(at_hand, step).flatten());
        let done = match step {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(done)) => done,
            Err(error) => {
                self.cancel_put(waiter);
                return Poll::Ready(item.take().map_or(Ok(()), |item| Err(PutError::Failed(item, error))));
            }
        };
        let item = item.take();
        Poll::Ready(match (done, item) {
            (Err(refusal), Some(item)) => Err(Self::refuse(refusal, item)),
            _ => Ok(()),
        })
    }

    fn poll_get(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<T, GetError>> {
        self.poll_for(cx, waiter, || self.take(Wait::Never))
    }

    fn lease(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        self.lease_within(wait)
    }

    fn lease_batch(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        self.lease_many(out, max, wait)
    }

    fn poll_lease(&self, cx: &mut Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        self.poll_for(cx, waiter, || self.lease_now(Wait::Never).transpose())
    }

    fn cancel_put(&self, waiter: &mut Waiter) {
        self.putters.list().cancel(waiter);
        self.putters.pass_on();
    }

    fn cancel_get(&self, waiter: &mut Waiter) {
        self.getters.list().cancel(waiter);
        self.getters.pass_on();
    }
}

impl<T: Wire> fmt::Debug for ShmQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShmQueue")
            .field("id", &self.segment.header.id)
            .field("epoch", &self.epoch())
            .field("capacity", &self.capacity())
            .field("depth", &self.depth())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
