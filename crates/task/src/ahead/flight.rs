//! The packets that are being worked on, each by its future, in the order in which they came.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use router::{Packet, UpstreamId};

use super::AsyncOrder;
use super::bell::{Bell, Ring};
use super::settle::Done;
use crate::{Data, OpError};

/// A packet that is on its way.
struct Entry<In, Out, Fut> {
    number: i64,
    from: UpstreamId,
    /// With a copy of the item where it may be needed again.
    packet: Packet<Option<In>>,
    work: Work<Out, Fut>,
}

enum Work<Out, Fut> {
    Going(Pin<Box<Fut>>),
    Done(Done<Out>),
}

/// Where a packet stands among the others.
struct Place {
    number: i64,
    slot: usize,
    /// Event time comes this far once this packet and all before it have landed.
    then: Option<u64>,
}

/// A packet whose future has ended.
pub(super) struct Landed<In, Out> {
    pub(super) from: UpstreamId,
    pub(super) packet: Packet<Option<In>>,
    pub(super) done: Done<Out>,
    /// Event time comes this far behind it.
    pub(super) then: Option<u64>,
}

pub(super) struct Flight<In: Data, Out: Data, Fut> {
    order: AsyncOrder,
    most: usize,
    bell: Arc<Bell>,
    slots: Vec<Option<Entry<In, Out, Fut>>>,
    /// By slot. They serve one packet after the other.
    rings: Vec<(Arc<Ring>, Waker)>,
    free: Vec<usize>,
    line: VecDeque<Place>,
    /// Slots whose futures have ended, for an order that is not kept.
    ended: VecDeque<usize>,
    woken: Vec<usize>,
    next: i64,
}

impl<In, Out, E, Fut> Flight<In, Out, Fut>
where
    In: Data,
    Out: Data,
    E: Into<OpError>,
    Fut: Future<Output = Result<Out, E>>,
{
    pub(super) fn new(most: usize, order: AsyncOrder) -> Self {
        Self {
            order,
            most: most.max(1),
            bell: Arc::default(),
            slots: Vec::new(),
            rings: Vec::new(),
            free: Vec::new(),
            line: VecDeque::new(),
            ended: VecDeque::new(),
            woken: Vec::new(),
            next: 0,
        }
    }

    pub(super) const fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    pub(super) fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.line.len() < self.most
    }

    /// Begins the work on a packet, behind all others.
    pub(super) fn start(&mut self, from: UpstreamId, packet: Packet<In>, keeps: bool, work: impl FnOnce(In) -> Fut) {
        let number = self.next;
        self.next += 1;
        self.line.push_back(Place {
            number,
            slot: 0,
            then: None,
        });
        let place = self.line.len() - 1;
        self.begin(place, from, packet, keeps, work);
    }

    /// Begins the work on a packet again, before all others.
    pub(super) fn again(
        &mut self,
        from: UpstreamId,
        packet: Packet<In>,
        then: Option<u64>,
        work: impl FnOnce(In) -> Fut,
    ) {
        let number = self.line.front().map_or(self.next, |first| first.number) - 1;
        self.line.push_front(Place { number, slot: 0, then });
        self.begin(0, from, packet, true, work);
    }

    fn begin(&mut self, place: usize, from: UpstreamId, packet: Packet<In>, keeps: bool, work: impl FnOnce(In) -> Fut) {
        let bare = packet.inherit_partition_info(());
        let item = packet.payload;
        // Copies and functions are code of the user.
        let begun = catch_unwind(AssertUnwindSafe(|| (keeps.then(|| item.clone()), Box::pin(work(item)))));
        let (kept, work) = match begun {
            Ok((kept, future)) => (kept, Work::Going(future)),
            Err(panic) => (None, Work::Done(Done::Panicked(panic))),
        };
        let slot = self.free.pop().unwrap_or(self.slots.len());
        if slot == self.slots.len() {
            let ring = Ring::new(&self.bell, slot);
            let waker = Waker::from(Arc::clone(&ring));
            self.rings.push((ring, waker));
            self.slots.push(None);
        }
        if let Some(place) = self.line.get_mut(place)
            && let Some(entry) = self.slots.get_mut(slot)
        {
            place.slot = slot;
            let ended = matches!(work, Work::Done(_));
            *entry = Some(Entry {
                number: place.number,
                from,
                packet: bare.inherit_partition_info(kept),
                work,
            });
            if ended {
                self.ended.push_back(slot);
            } else {
                self.poll(slot);
            }
        }
    }

    /// Looks at those who have been woken.
    pub(super) fn look(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        self.bell.collect(&mut woken);
        for slot in woken.drain(..) {
            self.poll(slot);
        }
        self.woken = woken;
    }

    fn poll(&mut self, slot: usize) {
        let (Some((ring, waker)), Some(Some(entry))) = (self.rings.get(slot), self.slots.get_mut(slot)) else {
            return;
        };
        ring.answer();
        let Work::Going(future) = &mut entry.work else {
            return;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.as_mut().poll(&mut Context::from_waker(waker))
        }));
        let done = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(Ok(out))) => Done::Made(out),
            Ok(Poll::Ready(Err(error))) => Done::Failed(error.into()),
            Err(panic) => Done::Panicked(panic),
        };
        let over = std::mem::replace(&mut entry.work, Work::Done(done));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(over))) {
            entry.work = Work::Done(Done::Panicked(panic));
        }
        self.ended.push_back(slot);
    }

    /// True when there is one to land.
    pub(super) fn can_land(&self) -> bool {
        match self.order {
            AsyncOrder::AsTheyFinish => !self.ended.is_empty(),
            AsyncOrder::Kept => self.line.front().is_some_and(|first| self.has_ended(first.slot)),
        }
    }

    fn has_ended(&self, slot: usize) -> bool {
        let entry = self.slots.get(slot).and_then(Option::as_ref);
        entry.is_some_and(|entry| matches!(entry.work, Work::Done(_)))
    }

    /// The next one whose turn has come.
    pub(super) fn land(&mut self) -> Option<Landed<In, Out>> {
        if !self.can_land() {
            return None;
        }
        let place = match self.order {
            AsyncOrder::Kept => {
                self.ended.clear();
                0
            }
            AsyncOrder::AsTheyFinish => {
                let number = self.slots.get(self.ended.pop_front()?)?.as_ref()?.number;
                self.line.binary_search_by_key(&number, |place| place.number).ok()?
            }
        };
        let Place { slot, then, .. } = self.line.remove(place)?;
        let entry = self.slots.get_mut(slot)?.take()?;
        self.free.push(slot);
        // What comes behind it comes behind those before it as well, and those are still under way.
        let before = place.checked_sub(1).and_then(|place| self.line.get_mut(place));
        let then = match before {
            Some(before) => {
                before.then = then.or(before.then);
                None
            }
            None => then,
        };
        match entry.work {
            Work::Done(done) => Some(Landed {
                from: entry.from,
                packet: entry.packet,
                done,
                then,
            }),
            Work::Going(_) => None,
        }
    }

    /// Event time has come this far behind all that is in flight; false when nothing is.
    pub(super) fn watermark(&mut self, time: u64) -> bool {
        match self.line.back_mut() {
            Some(last) => {
                last.then = Some(time);
                true
            }
            None => false,
        }
    }

    /// Gives all of them up and says whose they were. Whoever drops the rest runs code of the user.
    pub(super) fn give_up(&mut self) -> (Vec<UpstreamId>, impl Send + use<In, Out, E, Fut>)
    where
        Fut: Send,
    {
        self.line.clear();
        self.ended.clear();
        self.free.clear();
        self.rings.clear();
        let entries: Vec<_> = std::mem::take(&mut self.slots).into_iter().flatten().collect();
        (entries.iter().map(|entry| entry.from).collect(), entries)
    }
}
