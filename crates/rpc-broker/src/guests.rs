//! Queues that are somewhere else in the process of the broker, until somebody asks the broker for them.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Bound;

use bytes::Bytes;
use descriptor_record::{DescriptorRecord, QueueId, TypeTag};
use queue_core::{Error, ErrorKind};
use rpc_wire::{ItemCodec, Listing, Record, Tag, stat};

use crate::broker::Broker;
use crate::open::Making;
use crate::queue::about;
use crate::terms::Wanted;

/// Has queues of the names of a broker that are not in it, such as rings of the process around it. A name is in one of the
/// two, never in both. All calls come while the broker works, so they must be short, and must not call it.
pub trait Guests: Debug + Send + Sync {
    /// Somebody asks for that queue. True when there is one: then it is on its way to [`Broker::adopt`], and whoever asked is
    /// told to ask again.
    fn summon(&self, id: &QueueId) -> bool;

    /// The numbers of that queue, if there is one.
    fn look(&self, id: &QueueId) -> Option<GuestFacts>;

    /// The numbers of all of them.
    fn all(&self) -> Vec<GuestFacts>;

    /// How many there are.
    fn count(&self) -> usize;

    /// Ends that queue, with what is in it. False when there is none.
    fn remove(&self, id: &QueueId) -> bool;
}

/// A queue that is not in the broker.
#[derive(Clone, Debug)]
pub struct GuestFacts {
    /// What it was opened with; its name is in it.
    pub record: DescriptorRecord,
    /// Which life of the name it is: what [`Broker::next_life`] said.
    pub epoch: u64,
    /// The most items.
    pub capacity: u64,
    /// Items ever put.
    pub put: u64,
    /// Items ever taken.
    pub got: u64,
}

/// A queue with all that is in it, on its way into a broker.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Its numbers until now; what was put and not taken is in `runs`.
    pub facts: GuestFacts,
    /// The type of its items.
    pub tag: TypeTag,
    /// How they are encoded, by [`Codec::id`](descriptor_record::Codec::id); 0 for bytes as they are.
    pub codec: u8,
    /// Its items in their order, as they lie in a frame: how many, and their bytes with a length in front of each.
    pub runs: Vec<(u32, Bytes)>,
    /// Whether it was closed.
    pub closed: bool,
}

impl Broker {
    /// Whether there is a queue of that name in the broker itself.
    #[must_use]
    pub fn has(&self, id: &QueueId) -> bool {
        self.names.contains_key(id)
    }

    /// A number for a queue that is made now, larger than that of every queue before.
    pub const fn next_life(&mut self) -> u64 {
        self.made += 1;
        self.epoch.wrapping_add(self.made)
    }

    /// Whether there may be one more queue, guests counted.
    ///
    /// # Errors
    /// `ResourceExhausted` naming the limit.
    pub fn check_room_for(&self, id: &QueueId) -> Result<(), Error> {
        let most = self.settings.max_queues;
        let guests = self.settings.guests.as_ref().map_or(0, |guests| guests.count());
        if self.queues.len() + guests < most {
            return Ok(());
        }
        Err(about(id, ErrorKind::ResourceExhausted, "make")
            .expected(format!("at most {most} queues"))
            .found("one more")
            .remedy("delete queues, or raise the limit of the server"))
    }

    /// Takes in a queue with what is in it. What it has beyond the limits stays: it was accepted before.
    ///
    /// # Errors
    /// `InvalidDescriptor` or `TooLarge` for a record that no client could have sent, `Incompatible` when the name is taken.
    pub fn adopt(&mut self, guest: Guest) -> Result<(), Error> {
        let Guest {
            facts,
            tag,
            codec,
            runs,
            closed,
        } = guest;
        let id = &facts.record.queue_id;
        if self.has(id) {
            return Err(about(id, ErrorKind::Incompatible, "take in")
                .expected("no queue of that name")
                .found("one that is there"));
        }
        let wanted = Wanted::read(&facts.record)?;
        let terms = wanted.terms(&self.settings);
        let key = self.make_as(&facts.record, terms, Making::Life(facts.epoch))?;
        let grave = wanted.dead_letter;
        let before = match self.queues.get_mut(key) {
            Some(queue) => {
                queue.tag = Some(Tag::from(&tag));
                queue.closed = closed;
                queue.store.totals.put = facts.got;
                queue.store.totals.got = facts.got;
                for (count, items) in &runs {
                    queue.store.append(ItemCodec(codec), *count, items);
                }
                (queue.store.items(), queue.store.bytes())
            }
            None => (0, 0),
        };
        self.usage.0 += before.0;
        self.usage.1 += before.1;
        if let Some(grave) = grave.filter(|grave| !self.has(grave)) {
            self.make_grave(key, grave);
        }
        Ok(())
    }

    /// Ends a queue of the broker when nobody has it open and nothing is in it. Whether it did.
    pub fn remove_if_idle(&mut self, id: &QueueId) -> bool {
        let Some(key) = self.names.get(id).copied() else {
            return false;
        };
        let is_open = |member: &crate::table::Key| self.members.get(*member).is_some_and(|it| it.open.is_some());
        let is_idle = self
            .queues
            .get(key)
            .is_some_and(|queue| queue.store.items() == 0 && !queue.members.iter().any(is_open));
        if is_idle {
            self.remove(id, key);
        }
        is_idle
    }

    /// Numbers of every queue in the broker itself: its name, the most items, the items put and taken, and whether nobody has it
    /// open.
    pub fn for_each_queue(&self, mut see: impl FnMut(&QueueId, &GuestFacts, bool)) {
        for (id, key) in &self.names {
            let Some(queue) = self.queues.get(*key) else { continue };
            let is_open = |member: &crate::table::Key| self.members.get(*member).is_some_and(|it| it.open.is_some());
            let totals = &queue.store.totals;
            let facts = GuestFacts {
                record: DescriptorRecord::new(id.clone(), "rpc"),
                epoch: queue.epoch,
                capacity: queue.terms.capacity,
                put: totals.put,
                got: totals.put - queue.store.items(),
            };
            see(id, &facts, !queue.members.iter().any(is_open));
        }
    }

    /// Refuses what is about a queue that has yet to come in; that is on its way then.
    pub(crate) fn summon(&self, id: &QueueId) -> Result<(), Error> {
        match &self.settings.guests {
            Some(guests) if !self.has(id) && guests.summon(id) => Err(about(id, ErrorKind::Overloaded, "open")
                .expected("a queue of the server")
                .found("one inside its process that is being moved to it")
                .remedy("try again in a moment")),
            _ => Ok(()),
        }
    }

    pub(crate) fn guest(&self, id: &QueueId) -> Option<GuestFacts> {
        self.settings.guests.as_ref()?.look(id)
    }

    /// Up to `most` queues behind `from`, guests included, in the order of their names, and whether there are more.
    pub(crate) fn listed(
        &self,
        from: Bound<&QueueId>,
        most: usize,
        may_see: impl Fn(&QueueId) -> bool,
    ) -> (Vec<Listing>, bool) {
        let named = self.names.range::<QueueId, _>((from, Bound::Unbounded));
        let here = named.filter_map(|(id, key)| {
            let queue = self.queues.get(*key).filter(|_| may_see(id))?;
            Some((id.clone(), queue.epoch, queue.store.waiting()))
        });
        // More than asked for on either side cannot be on the page.
        let mut all: BTreeMap<QueueId, (u64, u64)> = here
            .take(most + 1)
            .map(|(id, epoch, depth)| (id, (epoch, depth)))
            .collect();
        let guests = self.settings.guests.as_ref().map(|guests| guests.all());
        for guest in guests.into_iter().flatten() {
            let id = guest.record.queue_id;
            let is_behind = match from {
                Bound::Excluded(after) => id > *after,
                _ => true,
            };
            if is_behind && may_see(&id) {
                all.entry(id)
                    .or_insert_with(|| (guest.epoch, guest.put.saturating_sub(guest.got)));
            }
        }
        let more = all.len() > most;
        let listed = all
            .into_iter()
            .take(most)
            .map(|(id, (epoch, depth))| Listing { id, epoch, depth })
            .collect();
        (listed, more)
    }
}

impl GuestFacts {
    /// As the server tells the numbers of its own queues.
    pub(crate) fn values(&self) -> Vec<(u16, u64)> {
        vec![
            (stat::DEPTH, self.put.saturating_sub(self.got)),
            (stat::CAPACITY, self.capacity),
            (stat::PUT_TOTAL, self.put),
            (stat::GET_TOTAL, self.got),
            (stat::EPOCH, self.epoch),
        ]
    }

    pub(crate) fn record(&self) -> Result<Record, Error> {
        Ok(Record::new(&self.record)?)
    }
}
