//! The names of this process: one table for all process-bound queues.
//!
//! A name keeps its queue while the queue holds items or somebody holds the queue. Whether that is so is looked at when
//! a descriptor lets go, when somebody asks for the name, and in a sweep whenever the table has doubled, so that names
//! that come and go cost nothing.
//!
//! Order of locks: table, then slot. Queues are opened and dropped with neither.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::live::{Live, Opened, Slot};
use crate::process::process_token;
use crate::{DescriptorRecord, Error, Item, Metadata, Open, QueueCore, QueueId, Scope};

/// Names that come and go before the table looks which ones are still needed.
const SWEEP_EVERY: usize = 64;

type Key = (String, QueueId);

struct Table {
    owner: u128,
    slots: HashMap<Key, Arc<Slot>>,
    until_sweep: usize,
}

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(|| {
    Mutex::new(Table {
        owner: process_token(),
        slots: HashMap::new(),
        until_sweep: SWEEP_EVERY,
    })
});

fn table() -> MutexGuard<'static, Table> {
    let mut table = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    let owner = process_token();
    if table.owner != owner {
        // A forked child: these are copies of the parent's queues, and threads that no longer exist may hold their
        // locks, so they are left alone instead of dropped.
        table.owner = owner;
        std::mem::forget(std::mem::take(&mut table.slots));
    }
    table
}

/// The queue of that name, opened by `open` when there is none. `asked` are the canonical parameters wanted.
pub(crate) fn open(
    kind: &'static str,
    id: &QueueId,
    asked: &Metadata,
    open: impl Fn() -> Result<Live, Error>,
) -> Result<Arc<Live>, Error> {
    // What nobody needs any more is gone, whether or not a sweep came by: it may be closed, or of other parameters.
    release(kind, id);
    loop {
        match slot(kind, id).open(&open) {
            Ok(Opened::Live(live, false)) => return Ok(live),
            Ok(Opened::Live(live, true)) => {
                return match live.agree(asked) {
                    Ok(()) => Ok(live),
                    Err(error) => {
                        drop(live);
                        release(kind, id);
                        Err(error)
                    }
                };
            }
            Ok(Opened::Retired) => {}
            Err(error) => {
                release(kind, id);
                return Err(error);
            }
        }
    }
}

/// The queue of that name for items of type `T`; `record` is what a new one is described by.
pub(crate) fn open_as<T: Item, S: Open<T>>(
    id: &QueueId,
    spec: &S,
    record: impl Fn() -> DescriptorRecord,
) -> Result<Arc<Live>, Error> {
    let live = open(S::KIND, id, &spec.to_metadata(), || {
        let mut record = record();
        if record.scope == Scope::Unscoped {
            record.scope = Scope::Process(process_token());
        }
        Ok(Live::new(spec.open(id)?, record))
    })?;
    match live.queue::<T>() {
        Ok(_) => Ok(live),
        Err(error) => {
            drop(live);
            release(S::KIND, id);
            Err(error)
        }
    }
}

/// The slot of a name, made when there is none.
fn slot(kind: &str, id: &QueueId) -> Arc<Slot> {
    let mut swept = Vec::new();
    let mut table = table();
    let key = (kind.to_owned(), id.clone());
    if !table.slots.contains_key(&key) {
        table.until_sweep = table.until_sweep.saturating_sub(1);
        if table.until_sweep == 0 {
            table.sweep(&mut swept);
        }
    }
    let slot = match table.slots.entry(key) {
        Entry::Occupied(entry) => Arc::clone(entry.get()),
        Entry::Vacant(entry) => Arc::clone(entry.insert(Arc::new(Slot::new(true)))),
    };
    drop(table);
    drop(swept);
    slot
}

impl Table {
    fn sweep(&mut self, out: &mut Vec<Option<Arc<Live>>>) {
        self.slots.retain(|_, slot| match slot.retire_if_idle() {
            Some(live) => {
                out.push(live);
                false
            }
            None => true,
        });
        self.until_sweep = self.slots.len().max(SWEEP_EVERY);
    }
}

/// Frees the name unless its queue is still needed.
pub(crate) fn release(kind: &str, id: &QueueId) {
    let mut table = table();
    let key = (kind.to_owned(), id.clone());
    let freed = table.slots.get(&key).and_then(|slot| slot.retire_if_idle());
    if freed.is_some() {
        table.slots.remove(&key);
    }
    drop(table);
    drop(freed);
}

/// The live queue of a name.
pub(crate) fn get(kind: &str, id: &QueueId) -> Option<Arc<Live>> {
    let slot = table().slots.get(&(kind.to_owned(), id.clone())).map(Arc::clone)?;
    slot.get()
}

/// Takes the queue away from its name, whoever still uses it.
pub(crate) fn remove(kind: &str, id: &QueueId) -> Option<Arc<Live>> {
    let mut table = table();
    let key = (kind.to_owned(), id.clone());
    let removed = table.slots.get(&key)?.retire()?;
    table.slots.remove(&key);
    drop(table);
    removed
}

/// The live queue with this address.
pub(crate) fn find(core: &Arc<dyn QueueCore>) -> Option<Arc<Live>> {
    let wanted = Arc::as_ptr(core).cast::<()>();
    let slots: Vec<_> = table().slots.values().map(Arc::clone).collect();
    slots
        .iter()
        .filter_map(|slot| slot.get())
        .find(|live| Arc::as_ptr(live.core()).cast::<()>() == wanted)
}

/// Everything that is live and needed, in no particular order.
pub(crate) fn all() -> Vec<Arc<Live>> {
    let mut swept = Vec::new();
    let mut table = table();
    table.sweep(&mut swept);
    let slots: Vec<_> = table.slots.values().map(Arc::clone).collect();
    drop(table);
    // Dropping a queue may run anything, so not under the lock.
    drop(swept);
    slots.iter().filter_map(|slot| slot.get()).collect()
}
