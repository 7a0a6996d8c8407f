//! Granting leases and ending them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Weak;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind, GetError, Item, Lease, LeaseKeeper, TryQueue};

use crate::away::Entry;
use crate::clock::{Rings, watch};
use crate::store::Store;
use crate::terms::Expiry;
use crate::{LeaseQueue, Lendable};

impl<T: Item, Q: Lendable<T> + 'static> LeaseQueue<T, Q> {
    /// Lends the item whose turn it is, if there is one.
    pub(crate) fn lease_now(&self) -> Result<Lease<T>, GetError> {
        let Some(me) = self.me.upgrade() else {
            // Whoever can call this holds the queue.
            return Err(GetError::Closed);
        };
        let mut store = self.store();
        let entry = store.next(&self.inner)?;
        let deliveries = entry.deliveries.saturating_add(1);
        let ticket = store.away.lend(entry.order, deliveries);
        drop(store);
        // From here on whatever fails drops the lease, and that gives the item back.
        let lease = Lease::new(entry.item, ticket, deliveries, me);
        if let Some(expiry) = &self.terms.expiry {
            self.limit(&lease, expiry).map_err(GetError::Failed)?;
        }
        Ok(lease)
    }

    pub(crate) fn lease_unless_empty(&self) -> Option<Result<Lease<T>, GetError>> {
        match self.lease_now() {
            Err(GetError::Empty) => None,
            done => Some(done),
        }
    }

    /// Gives the lease its time limit.
    fn limit(&self, lease: &Lease<T>, expiry: &Expiry<T>) -> Result<(), Error> {
        let copy = lease.item().and_then(expiry.copy).ok_or_else(|| {
            self.about(ErrorKind::NotSerializable, "lease")
                .expected("an item that can be copied, to have it back when the lease runs out")
                .found(format!("one of type `{}` that cannot", std::any::type_name::<T>()))
                .remedy("take it with get, or use leases without a time limit")
        })?;
        // One too far away to be a moment in time never comes.
        if let Some(until) = Instant::now().checked_add(expiry.time) {
            let mut store = self.lock();
            self.arm(&mut store, until)?;
            store.away.limit(lease.ticket(), until, copy);
        }
        Ok(())
    }

    /// Asks the clock to be told of `at`, unless it tells of an earlier moment already.
    fn arm(&self, store: &mut Store<T>, at: Instant) -> Result<(), Error> {
        if store.armed.is_none_or(|armed| at < armed) {
            let me: Weak<dyn Rings> = self.me.clone();
            watch(at, me).map_err(|error| self.named(error))?;
            store.armed = Some(at);
        }
        Ok(())
    }

    /// The end of an item that was handed out often enough. It counts in `dying` when this is called, and not after.
    fn bury(&self, entry: Entry<T>) {
        let Some(queue) = &self.terms.dead_letters else {
            self.settle(|store| store.tally.dropped += 1);
            return;
        };
        // A queue of users may panic, and takes the item with it.
        let mut outcome = Settling {
            queue: self,
            is_done: false,
        };
        let Entry {
            order,
            deliveries,
            item,
        } = entry;
        let refused = queue.try_put(item).err();
        outcome.is_done = true;
        match refused {
            None => self.settle(|store| store.tally.dead_lettered += 1),
            Some(refusal) => {
                // Nothing is lost for want of room: it is delivered once more, and tried again after that.
                let item = refusal.into_item();
                self.settle(|store| {
                    store.tally.refused += 1;
                    store.give_back(Entry {
                        order,
                        deliveries,
                        item,
                    });
                });
                self.getters().notify(1);
            }
        }
    }

    /// One item less is dying.
    fn settle(&self, account: impl FnOnce(&mut Store<T>)) {
        let mut store = self.lock();
        store.dying -= 1;
        account(&mut store);
        let is_drained = store.is_drained(&self.inner);
        drop(store);
        self.announce_room(1, is_drained);
    }

    fn named(&self, error: Error) -> Error {
        match &self.terms.id {
            Some(id) => error.queue(id.as_str()).backend(self.terms.kind),
            None => error.backend(self.terms.kind),
        }
    }

    fn about(&self, kind: ErrorKind, operation: &'static str) -> Error {
        self.named(Error::new(kind, operation))
    }

    fn ended(&self, operation: &'static str, ticket: u64) -> Error {
        self.about(ErrorKind::StaleHandle, operation)
            .expected("a lease that has not ended")
            .found(format!(
                "lease {ticket}, which ran out: its item is back in the queue or with somebody else"
            ))
            .remedy("undo what was done with the item, and extend leases before they run out")
    }
}

/// An item on its way to the queue for dead letters.
struct Settling<'a, T: Item, Q: Lendable<T> + 'static> {
    queue: &'a LeaseQueue<T, Q>,
    is_done: bool,
}

impl<T: Item, Q: Lendable<T> + 'static> Drop for Settling<'_, T, Q> {
    fn drop(&mut self) {
        if !self.is_done {
            self.queue.settle(|store| store.tally.dropped += 1);
        }
    }
}

impl<T: Item, Q: Lendable<T> + 'static> LeaseKeeper<T> for LeaseQueue<T, Q> {
    fn ack(&self, ticket: u64) -> Result<(), Error> {
        let mut store = self.lock();
        let Some(lent) = store.away.end(ticket) else {
            drop(store);
            return Err(self.ended("ack", ticket));
        };
        store.tally.got += 1;
        let is_drained = store.is_drained(&self.inner);
        drop(store);
        self.announce_room(1, is_drained);
        drop(lent);
        Ok(())
    }

    fn nack(&self, ticket: u64, item: T, after: Duration) -> Result<(), Error> {
        let mut store = self.lock();
        let Some(lent) = store.away.end(ticket) else {
            drop(store);
            return Err(self.ended("nack", ticket));
        };
        let entry = Entry {
            order: lent.order,
            deliveries: lent.deliveries,
            item,
        };
        if self.terms.is_enough(entry.deliveries) {
            store.dying += 1;
            drop(store);
            self.bury(entry);
            drop(lent);
            return Ok(());
        }
        let outcome = match visible_at(after).map(|at| (at, self.arm(&mut store, at))) {
            Some((at, Ok(()))) => {
                store.away.rest(entry, at);
                drop(store);
                return Ok(());
            }
            Some((_, Err(error))) => Err(error),
            None => Ok(()),
        };
        store.give_back(entry);
        drop(store);
        self.getters().notify(1);
        drop(lent);
        outcome
    }

    fn extend(&self, ticket: u64, by: Duration) -> Result<(), Error> {
        let until = Instant::now().checked_add(by);
        if self.lock().away.extend(ticket, until) {
            Ok(())
        } else {
            Err(self.ended("extend", ticket))
        }
    }
}

/// The longest rest there is: what must come back some time cannot be put off for ever.
const LONGEST_REST: Duration = Duration::from_secs(366 * 24 * 3600);

/// When an item that is given back is to be had again; `None` for at once.
fn visible_at(after: Duration) -> Option<Instant> {
    if after.is_zero() {
        return None;
    }
    Instant::now().checked_add(after.min(LONGEST_REST))
}

impl<T: Item, Q: Lendable<T> + 'static> Rings for LeaseQueue<T, Q> {
    fn ring(&self, at: Instant) -> Option<Instant> {
        let mut store = self.lock();
        if store.armed != Some(at) {
            // An earlier moment was asked for since, and that one told of this.
            return None;
        }
        let mut dying = Vec::new();
        let returned = store.collect(Instant::now(), |times| self.terms.is_enough(times), &mut dying);
        let next = store.away.next_due();
        store.armed = next;
        drop(store);
        for entry in dying {
            // When something of a user panics over one, the others still get their end.
            let _ = catch_unwind(AssertUnwindSafe(|| self.bury(entry)));
        }
        if returned > 0 {
            self.getters().notify(returned);
        }
        next
    }

    fn armed(&self) -> Option<Instant> {
        self.lock().armed
    }
}
