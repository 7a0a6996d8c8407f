//! From entries to rows, in one transaction.

use std::collections::BTreeMap;

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, Table, WriteTransaction};
use rpc_broker::Entry;
use rpc_wire::ItemCodec;

use super::layout::{
    COMMIT, EPOCH, FORMAT, ITEMS, META, NUMBERS, QUEUES, QueueRow, Run, SESSIONS, VERSION, encode_identity,
};

/// What is found at the start.
pub(super) struct Begun {
    pub(super) version: u64,
    pub(super) commit: u64,
}

/// Makes the tables where there are none.
pub(super) fn begin(database: &Database) -> Result<Begun, redb::Error> {
    let transaction = database.begin_write()?;
    let begun = {
        let mut meta = transaction.open_table(META)?;
        let version = meta.get(FORMAT)?.map(|value| value.value());
        if version.is_none() {
            meta.insert(FORMAT, VERSION)?;
        }
        let commit = meta.get(COMMIT)?.map_or(0, |value| value.value());
        Begun {
            version: version.unwrap_or(VERSION),
            commit,
        }
    };
    if begun.version != VERSION {
        transaction.abort()?;
        return Ok(begun);
    }
    transaction.open_table(QUEUES)?;
    transaction.open_table(ITEMS)?;
    transaction.open_table(NUMBERS)?;
    transaction.open_table(SESSIONS)?;
    transaction.commit()?;
    Ok(begun)
}

pub(super) fn last_commit(database: &Database) -> Result<u64, redb::Error> {
    let read = database.begin_read()?;
    let meta = read.open_table(META)?;
    let commit = meta.get(COMMIT)?;
    Ok(commit.map_or(0, |value| value.value()))
}

/// Gives an epoch that no life before has had.
pub(super) fn begin_life(database: &Database, wanted: u64) -> Result<u64, redb::Error> {
    let transaction = database.begin_write()?;
    let epoch = {
        let mut meta = transaction.open_table(META)?;
        let before = meta.get(EPOCH)?.map_or(0, |value| value.value());
        let epoch = wanted.max(before.saturating_add(1));
        meta.insert(EPOCH, epoch)?;
        epoch
    };
    transaction.commit()?;
    Ok(epoch)
}

/// Puts that were refused although they may be in the file: queue, first item, number of items, and whose they were with the number
/// that its next put has without them.
#[derive(Debug, Default)]
pub(super) struct Doubt(Vec<(u64, u64, u32, [u8; 16], u64)>);

impl Doubt {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let puts = entries.iter().filter_map(|entry| match entry {
            Entry::Put {
                queue,
                order,
                count,
                by: Some(by),
                ..
            } => {
                let next_put = by.next_put.saturating_sub((*count).into());
                Some((*queue, *order, *count, by.session, next_put))
            }
            _ => None,
        });
        Self(puts.collect())
    }
}

/// Writes all entries down, as commit `number`, and takes back what `doubt` names.
pub(super) fn write(database: &Database, number: u64, doubt: &Doubt, entries: &[Entry]) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    apply(&transaction, number, doubt, entries)?;
    transaction.commit()?;
    Ok(())
}

fn apply(transaction: &WriteTransaction, number: u64, doubt: &Doubt, entries: &[Entry]) -> Result<(), redb::Error> {
    let mut rows = Rows {
        queues: transaction.open_table(QUEUES)?,
        items: transaction.open_table(ITEMS)?,
        numbers: transaction.open_table(NUMBERS)?,
        sessions: transaction.open_table(SESSIONS)?,
        gathered: None,
        epoch: 0,
    };
    for (queue, order, count, session, next_put) in doubt.0.iter().rev() {
        rows.settle(*queue, *order, order.saturating_add((*count).into()))?;
        rows.numbers.insert((*queue, session), next_put)?;
    }
    for entry in entries {
        rows.apply(entry)?;
    }
    rows.insert_gathered()?;
    let epoch = rows.epoch;
    let mut meta = transaction.open_table(META)?;
    meta.insert(COMMIT, number)?;
    let before = meta.get(EPOCH)?.map_or(0, |value| value.value());
    if epoch > before {
        meta.insert(EPOCH, epoch)?;
    }
    Ok(())
}

struct Rows<'a> {
    queues: Table<'a, u64, &'static [u8]>,
    items: Table<'a, (u64, u64), &'static [u8]>,
    numbers: Table<'a, (u64, &'static [u8; 16]), u64>,
    sessions: Table<'a, &'static [u8; 16], &'static [u8]>,
    gathered: Option<Gathered>,
    /// The largest that was given to a queue.
    epoch: u64,
}

/// Puts of small items by many, one behind the other: a row for all of them takes far less than a row for each.
struct Gathered {
    queue: u64,
    codec: ItemCodec,
    first: u64,
    count: u32,
    items: Vec<Bytes>,
    /// The number of the next put of each session.
    next_puts: BTreeMap<[u8; 16], u64>,
}

impl Gathered {
    /// Whether a put comes right behind these.
    fn goes_on(&self, of: (u64, ItemCodec), order: u64) -> bool {
        (self.queue, self.codec) == of && self.first.checked_add(self.count.into()) == Some(order)
    }
}

impl Rows<'_> {
    /// Doing it twice is as doing it once: entries of a commit that failed come again.
    fn apply(&mut self, entry: &Entry) -> Result<(), redb::Error> {
        if !matches!(entry, Entry::Put { .. }) {
            self.insert_gathered()?;
        }
        match entry {
            Entry::Made { queue, record } => {
                let row = QueueRow {
                    record: record.clone(),
                    ..QueueRow::default()
                };
                self.queues.insert(queue, row.encode().as_slice())?;
                self.epoch = self.epoch.max(*queue);
            }
            Entry::Typed { queue, name, shape } => {
                self.change(*queue, |row| row.tag = Some((name.clone(), *shape)))?;
            }
            Entry::Closed { queue } => self.change(*queue, |row| row.closed = true)?,
            Entry::Put {
                queue,
                order,
                codec,
                count,
                items,
                by,
            } => {
                let Some(by) = by else {
                    // A dead letter, which comes again after a failure, and then replaces its own row.
                    self.insert_gathered()?;
                    let mut run = Run {
                        codec: *codec,
                        count: *count,
                        items: items.clone(),
                    };
                    return self.insert(*queue, *order, &mut run);
                };
                let goes_on = |gathered: &Gathered| gathered.goes_on((*queue, *codec), *order);
                if !self.gathered.as_ref().is_some_and(goes_on) {
                    self.insert_gathered()?;
                }
                let gathered = self.gathered.get_or_insert_with(|| Gathered {
                    queue: *queue,
                    codec: *codec,
                    first: *order,
                    count: 0,
                    items: Vec::new(),
                    next_puts: BTreeMap::new(),
                });
                gathered.count = gathered.count.saturating_add(*count);
                gathered.items.push(items.clone());
                gathered.next_puts.insert(by.session, by.next_put);
            }
            Entry::Settled { queue, first, count } => {
                self.settle(*queue, *first, first.saturating_add(*count))?;
            }
            Entry::Deleted { queue } => {
                self.queues.remove(queue)?;
                self.items.retain_in((*queue, 0)..=(*queue, u64::MAX), |_, _| false)?;
                let all = (*queue, &[0; 16])..=(*queue, &[u8::MAX; 16]);
                self.numbers.retain_in(all, |_, _| false)?;
            }
            Entry::Session { id, identity } => {
                let row = encode_identity(identity.as_deref());
                self.sessions.insert(id, row.as_slice())?;
            }
            Entry::Forgotten { id, queues } => {
                self.sessions.remove(id)?;
                for queue in queues {
                    self.numbers.remove((*queue, id))?;
                }
            }
        }
        Ok(())
    }

    fn insert_gathered(&mut self) -> Result<(), redb::Error> {
        let Some(gathered) = self.gathered.take() else {
            return Ok(());
        };
        let items = match gathered.items.as_slice() {
            [items] => items.clone(),
            many => many.concat().into(),
        };
        let mut rest = Run {
            codec: gathered.codec,
            count: gathered.count,
            items,
        };
        self.insert(gathered.queue, gathered.first, &mut rest)?;
        for (session, next_put) in gathered.next_puts {
            self.numbers.insert((gathered.queue, &session), next_put)?;
        }
        Ok(())
    }

    fn insert(&mut self, queue: u64, mut order: u64, rest: &mut Run) -> Result<(), redb::Error> {
        while rest.count > 0 {
            let row = rest.split_row();
            if row.count == 0 {
                break;
            }
            self.items
                .insert((queue, order), row.encode((queue, order)).as_slice())?;
            order = order.saturating_add(row.count.into());
        }
        Ok(())
    }

    fn change(&mut self, queue: u64, how: impl FnOnce(&mut QueueRow)) -> Result<(), redb::Error> {
        let found = self.queues.get(queue)?.map(|row| QueueRow::decode(row.value()));
        match found {
            Some(Some(mut row)) => {
                how(&mut row);
                self.queues.insert(queue, row.encode().as_slice())?;
                Ok(())
            }
            Some(None) => Err(redb::Error::Corrupted("the row of a queue".to_owned())),
            // It was deleted, and this is said again.
            None => Ok(()),
        }
    }

    /// Items from `first` to before `end` leave; what is left of runs that they were in stays.
    fn settle(&mut self, queue: u64, first: u64, end: u64) -> Result<(), redb::Error> {
        let before = self.items.range((queue, 0)..(queue, first))?.next_back().transpose()?;
        let mut found = Vec::new();
        let within = self.items.range((queue, first)..(queue, end))?;
        for row in before.into_iter().map(Ok).chain(within) {
            let (key, value) = row?;
            let (_, order) = key.value();
            let count = Run::count_of(value.value()).ok_or_else(damaged)?;
            let last = order.saturating_add(count.into());
            if last > first {
                let is_part = order < first || last > end;
                let run = is_part.then(|| Run::decode(value.value(), (queue, order)).ok_or_else(damaged));
                found.push((order, run.transpose()?));
            }
        }
        for (order, run) in found {
            self.items.remove((queue, order))?;
            let Some(mut run) = run else { continue };
            let last = order + u64::from(run.count);
            let mut front = run.split_to(first.saturating_sub(order) as u32);
            self.insert(queue, order, &mut front)?;
            if last > end {
                // At most the items of one row.
                run.split_to((end - order.max(first)) as u32);
                self.insert(queue, end, &mut run)?;
            }
        }
        Ok(())
    }
}

fn damaged() -> redb::Error {
    redb::Error::Corrupted("a run of items".to_owned())
}
