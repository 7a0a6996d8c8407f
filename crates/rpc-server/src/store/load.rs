//! From rows to what the broker begins with.

use std::collections::BTreeMap;

use redb::{ReadTransaction, ReadableTable};
use rpc_broker::{Restored, RestoredQueue};

use super::layout::{ITEMS, NUMBERS, QUEUES, QueueRow, Run, SESSIONS, decode_identity};

pub(super) enum Wrong {
    Unreadable(redb::Error),
    Damaged(&'static str),
}

impl<E: Into<redb::Error>> From<E> for Wrong {
    fn from(error: E) -> Self {
        Self::Unreadable(error.into())
    }
}

/// Reads everything, and checks that all of it belongs together.
pub(super) fn load(read: &ReadTransaction) -> Result<Restored, Wrong> {
    let mut sessions = Vec::new();
    for row in read.open_table(SESSIONS)?.iter()? {
        let (id, identity) = row?;
        let identity = decode_identity(identity.value()).ok_or(Wrong::Damaged("a session that makes no sense"))?;
        sessions.push((*id.value(), identity));
    }
    let mut queues = BTreeMap::new();
    for row in read.open_table(QUEUES)?.iter()? {
        let (epoch, row) = row?;
        let row = QueueRow::decode(row.value()).ok_or(Wrong::Damaged("a queue with a wrong checksum"))?;
        let queue = RestoredQueue {
            epoch: epoch.value(),
            record: row.record,
            tag: row.tag,
            closed: row.closed,
            runs: Vec::new(),
            next_puts: Vec::new(),
        };
        queues.insert(epoch.value(), queue);
    }
    for row in read.open_table(ITEMS)?.iter()? {
        let (place, row) = row?;
        let place = place.value();
        let run = Run::decode(row.value(), place).ok_or(Wrong::Damaged("items with a wrong checksum"))?;
        let queue = queues
            .get_mut(&place.0)
            .ok_or(Wrong::Damaged("items of a queue that is not there"))?;
        queue.runs.push(rpc_broker::Run {
            order: place.1,
            codec: run.codec,
            count: run.count,
            items: run.items,
        });
    }
    for row in read.open_table(NUMBERS)?.iter()? {
        let (place, next_put) = row?;
        let (queue, session) = place.value();
        let queue = queues
            .get_mut(&queue)
            .ok_or(Wrong::Damaged("numbers of a queue that is not there"))?;
        queue.next_puts.push((*session, next_put.value()));
    }
    Ok(Restored {
        sessions,
        queues: queues.into_values().collect(),
    })
}
