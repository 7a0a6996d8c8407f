//! The numbers that a server keeps of a queue.

use descriptor_core::{DescriptorRecord, Error, LeaseTotals, Totals};
use rpc_wire::{Message, Stats, StatsAre, stat};

use crate::door::Door;

/// What the traits ask for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) totals: Totals,
    pub(crate) leases: LeaseTotals,
}

/// A queue at a server, as the server counts. A number that it does not tell is 0.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RpcStats {
    /// Its name and parameters.
    pub record: DescriptorRecord,
    /// Items that wait.
    pub depth: u64,
    /// The most items, 0 for any number.
    pub capacity: u64,
    /// Bytes of the items that wait or are away.
    pub bytes: u64,
    /// Items on loan, and prefetched ones that are not consumed.
    pub away: u64,
    /// Items ever stored.
    pub put_total: u64,
    /// Items that left for good.
    pub get_total: u64,
    /// Deliveries beyond the first of an item.
    pub redelivered_total: u64,
    /// Items that went to the dead letters.
    pub dead_lettered_total: u64,
    /// Items that were dropped on purpose.
    pub dropped_total: u64,
    /// Which life of the name it is.
    pub epoch: u64,
    /// Connections that have it open.
    pub handles: u64,
    /// Puts that wait for room.
    pub waiting_puts: u64,
    /// Gets that wait for items.
    pub waiting_gets: u64,
    /// All numbers by their names, also those that this release does not know.
    pub values: Vec<(u16, u64)>,
}

impl RpcStats {
    /// # Errors
    /// When the record of the server is damaged.
    pub(crate) fn read(said: StatsAre) -> Result<Self, Error> {
        let record = said.record.read()?;
        let values = said.values.into_vec();
        let number = |name| {
            values
                .iter()
                .find_map(|(it, value)| (*it == name).then_some(*value))
                .unwrap_or(0)
        };
        Ok(Self {
            record,
            depth: number(stat::DEPTH),
            capacity: number(stat::CAPACITY),
            bytes: number(stat::BYTES),
            away: number(stat::AWAY),
            put_total: number(stat::PUT_TOTAL),
            get_total: number(stat::GET_TOTAL),
            redelivered_total: number(stat::REDELIVERED_TOTAL),
            dead_lettered_total: number(stat::DEAD_LETTERED_TOTAL),
            dropped_total: number(stat::DROPPED_TOTAL),
            epoch: number(stat::EPOCH),
            handles: number(stat::HANDLES),
            waiting_puts: number(stat::WAITING_PUTS),
            waiting_gets: number(stat::WAITING_GETS),
            values,
        })
    }

    fn numbers(&self) -> Numbers {
        let number = |name| {
            self.values
                .iter()
                .find_map(|(it, value)| (*it == name).then_some(*value))
        };
        let items = |items: u64| usize::try_from(items).unwrap_or(usize::MAX);
        Numbers {
            totals: Totals {
                put: self.put_total,
                get: self.get_total,
            },
            leases: LeaseTotals {
                // An older server does not tell loans from items fetched ahead.
                leased: items(number(stat::LEASED).unwrap_or(self.away)),
                resting: items(number(stat::RESTING).unwrap_or(0)),
                redelivered: self.redelivered_total,
                expired: number(stat::EXPIRED_TOTAL).unwrap_or(0),
                dead_lettered: self.dead_lettered_total,
                dropped: self.dropped_total,
                refused: number(stat::REFUSED_TOTAL).unwrap_or(0),
            },
        }
    }
}

/// The numbers of an open queue.
///
/// # Errors
/// What the server says, or why there is no answer.
pub(crate) fn numbers(door: &Door) -> Result<Numbers, Error> {
    let answer = door.call("stats", door.deadline(), |call, _| {
        let id = door.id.clone();
        Message::from(Stats { call, id })
    })?;
    match answer {
        Message::StatsAre(said) => Ok(RpcStats::read(said)?.numbers()),
        _ => Ok(Numbers::default()),
    }
}
