//! The rings of this process that its manager hands out, by name.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use descriptor_core::{QueueId, TypeTag};
use rpc_server::{GuestFacts, Guests};

/// A ring, whatever its items.
pub(crate) trait Resident: Any + Send + Sync {
    /// Its numbers now.
    fn facts(&self) -> GuestFacts;

    /// The type of its items.
    fn tag(&self) -> TypeTag;

    /// Begins to move it to the server, unless that has begun.
    fn leave(self: Arc<Self>);

    /// Ends it, with what is in it.
    fn end(self: Arc<Self>);

    /// Itself, to be asked for its type.
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// See [the module](self). What is in it is not at the server, and the other way round: both change while the broker is held.
#[derive(Default)]
pub(crate) struct Table {
    rings: Mutex<HashMap<QueueId, Arc<dyn Resident>>>,
}

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<QueueId, Arc<dyn Resident>>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, id: &QueueId) -> Option<Arc<dyn Resident>> {
        self.lock().get(id).cloned()
    }

    pub(crate) fn insert(&self, id: &QueueId, ring: Arc<dyn Resident>) {
        self.lock().insert(id.clone(), ring);
    }

    /// Takes a ring out, of that life when one is named.
    pub(crate) fn take(&self, id: &QueueId, life: Option<u64>) -> Option<Arc<dyn Resident>> {
        let mut rings = self.lock();
        let is_meant = rings
            .get(id)
            .is_some_and(|ring| life.is_none_or(|life| ring.facts().epoch == life));
        if is_meant { rings.remove(id) } else { None }
    }

    /// Ends the ring of that name when nobody has a handle of it and nothing is in it. Whether it did.
    pub(crate) fn end_if_idle(&self, id: &QueueId) -> bool {
        let mut rings = self.lock();
        let is_idle = rings.get(id).is_some_and(|ring| {
            let facts = ring.facts();
            Arc::strong_count(ring) == 1 && facts.put == facts.got
        });
        let ring = if is_idle { rings.remove(id) } else { None };
        drop(rings);
        ring.is_some()
    }

    /// The numbers of all, and whether nobody has a handle.
    pub(crate) fn for_each(&self, mut see: impl FnMut(&QueueId, &GuestFacts, bool)) {
        for (id, ring) in &*self.lock() {
            see(id, &ring.facts(), Arc::strong_count(ring) == 1);
        }
    }
}

impl Guests for Table {
    fn summon(&self, id: &QueueId) -> bool {
        match self.get(id) {
            Some(ring) => {
                ring.leave();
                true
            }
            None => false,
        }
    }

    fn look(&self, id: &QueueId) -> Option<GuestFacts> {
        Some(self.lock().get(id)?.facts())
    }

    fn all(&self) -> Vec<GuestFacts> {
        self.lock().values().map(|ring| ring.facts()).collect()
    }

    fn count(&self) -> usize {
        self.lock().len()
    }

    fn remove(&self, id: &QueueId) -> bool {
        match self.take(id, None) {
            Some(ring) => {
                ring.end();
                true
            }
            None => false,
        }
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("rings", &self.count()).finish()
    }
}
