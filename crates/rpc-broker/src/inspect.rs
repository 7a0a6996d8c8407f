//! Questions about queues that change nothing.

use std::ops::Bound;

use descriptor_record::QueueId;
use queue_core::{Error, ErrorKind};
use rpc_wire::{
    Call, DepthIs, Existence, Exists, Few, Flag, ItemCodec, Items, List, Listed, Message, Peek, Peeked, Stats,
    StatsAre, stat,
};

use crate::broker::Broker;
use crate::connection::Connection;
use crate::dispatch::Stop;
use crate::piece::{FRONT, Most, each_item, payload, prefix};
use crate::pump::FRAME_BYTES;
use crate::queue::{Queue, about};
use crate::rights::Rights;
use crate::store;
use crate::table::Key;

/// The most queues of one page.
const PAGE: usize = 512;

impl Broker {
    pub(crate) fn exists(&self, at: Key, exists: &Exists) -> Result<Message, Stop> {
        self.permit(at, exists.id.as_str(), Rights::ALL, "exists")?;
        let there = self.names.contains_key(&exists.id) || self.guest(&exists.id).is_some();
        Ok(Existence {
            call: exists.call,
            exists: there,
        }
        .into())
    }

    /// The queues that whoever asks may inspect.
    pub(crate) fn list(&self, at: Key, list: &List) -> Result<Message, Stop> {
        let prefix = list.prefix.as_str();
        let most = PAGE.min(list.most.into());
        let from = match &list.after {
            Some(after) => Bound::Excluded(after),
            None => Bound::Unbounded,
        };
        let may_see =
            |id: &QueueId| id.as_str().starts_with(prefix) && self.rights(at, id.as_str()).has(Rights::INSPECT);
        let (listed, more) = self.listed(from, most, may_see);
        Ok(Listed {
            more: Flag(more),
            call: list.call,
            queues: Few::new(listed).map_err(Error::from)?,
        }
        .into())
    }

    pub(crate) fn stats(&self, at: Key, stats: &Stats) -> Result<Message, Stop> {
        self.permit(at, stats.id.as_str(), Rights::INSPECT, "stat")?;
        let key = self.names.get(&stats.id).copied();
        let Some(queue) = key.and_then(|key| self.queues.get(key)) else {
            if let Some(guest) = self.guest(&stats.id) {
                return Ok(StatsAre {
                    call: stats.call,
                    record: guest.record()?,
                    values: Few::new(guest.values()).map_err(Error::from)?,
                }
                .into());
            }
            return Err(about(&stats.id, ErrorKind::NotFound, "stat")
                .expected("a queue of that name")
                .found("none")
                .remedy("check the name")
                .into());
        };
        Ok(StatsAre {
            call: stats.call,
            record: queue.record.clone(),
            values: Few::new(self.numbers(queue)).map_err(Error::from)?,
        }
        .into())
    }

    fn numbers(&self, queue: &Queue) -> Vec<(u16, u64)> {
        let open = |member: &&Key| self.members.get(**member).is_some_and(|member| member.open.is_some());
        let loans = |member: &Key| self.members.get(*member).map_or(0, |member| member.loans.len() as u64);
        let (store, totals) = (&queue.store, &queue.store.totals);
        vec![
            (stat::DEPTH, store.waiting()),
            (stat::CAPACITY, queue.terms.capacity),
            (stat::BYTES, store.bytes()),
            (stat::AWAY, store.away()),
            (stat::PUT_TOTAL, totals.put),
            (stat::GET_TOTAL, totals.got),
            (stat::REDELIVERED_TOTAL, totals.redelivered),
            (stat::DEAD_LETTERED_TOTAL, totals.buried),
            (stat::DROPPED_TOTAL, totals.dropped),
            (stat::EPOCH, queue.epoch),
            (stat::HANDLES, queue.members.iter().filter(open).count() as u64),
            (stat::WAITING_PUTS, queue.puts.len() as u64),
            (stat::WAITING_GETS, queue.gets.len() as u64),
            (stat::LEASED, queue.members.iter().map(loans).sum()),
            (stat::RESTING, store.resting()),
            (stat::EXPIRED_TOTAL, totals.expired),
            (stat::REFUSED_TOTAL, totals.refused),
        ]
    }

    pub(crate) fn depth(&self, member: Key, call: Call) -> Result<Message, Stop> {
        let queue = self.queue_of(member)?;
        Ok(DepthIs {
            call,
            waiting: queue.store.waiting(),
            away: queue.store.away(),
        }
        .into())
    }

    fn queue_of(&self, member: Key) -> Result<&Queue, Stop> {
        let member = self.members.get(member);
        member.and_then(|member| self.queues.get(member.queue)).ok_or_else(|| {
            let error = Error::new(ErrorKind::StaleHandle, "use").backend("rpc");
            error
                .expected("a queue that is open")
                .found("none")
                .remedy("open it again")
                .into()
        })
    }

    pub(crate) fn peek(&self, at: Key, member: Key, peek: &Peek) -> Result<Message, Stop> {
        let queue = self.queue_of(member)?;
        self.permit(at, queue.id.as_str(), Rights::INSPECT, "peek")?;
        let room = self.connections.get(at).map_or(0, Connection::room_for_items);
        let mut most = Most {
            items: peek.items.into(),
            bytes: peek.bytes.min(FRAME_BYTES),
            first_may_exceed: true,
            room,
            front: FRONT as u64,
        };
        let mut skip = peek.skip;
        let mut seen: Option<ItemCodec> = None;
        let mut items: Vec<&[u8]> = Vec::new();
        for (codec, laid_out, count) in queue.store.peek() {
            let (skipped, at) = store::room(laid_out, count, skip, u64::MAX);
            skip -= u64::from(skipped);
            let (rest, left) = (laid_out.get(at..).unwrap_or_default(), count - skipped);
            if left == 0 {
                continue;
            }
            if *seen.get_or_insert(codec) != codec {
                break;
            }
            let (taken, len) = prefix(rest, left, &most);
            let taken_items = rest.get(..len).unwrap_or_default();
            let bytes = payload(taken_items, taken);
            most.items -= u64::from(taken);
            most.bytes = most.bytes.saturating_sub(bytes);
            most.room = most.room.saturating_sub(len as u64);
            most.first_may_exceed &= taken == 0;
            items.extend(each_item(taken_items));
            if taken < left {
                break;
            }
        }
        let Some(codec) = seen else {
            return Err(queue.error(ErrorKind::Empty, "peek").into());
        };
        if items.is_empty() {
            return Err(queue
                .error(ErrorKind::TooLarge, "peek")
                .expected("an item that fits into what was asked for and into a frame of this client")
                .found("a larger one")
                .remedy("ask for at least one item, or raise the largest frame of the client")
                .into());
        }
        Ok(Peeked {
            codec,
            call: peek.call,
            items: Items::new(items).map_err(Error::from)?,
        }
        .into())
    }
}
