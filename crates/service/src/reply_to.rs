//! Where an answer goes, and how a worker gets there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use descriptor_core::{DescriptorPool, DescriptorRecord, DynQueue, Error, ErrorKind, Registry};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Answer;

/// The most reply queues that a service keeps open. Beyond that it closes the door on the first of them and opens it
/// again when asked.
const MOST: usize = 1024;

/// The response queue of a caller: itself in its own process, its name everywhere.
///
/// In a process it goes to the worker with the request and comes back with the answer. So neither side counts it up or
/// down, and its memory is not fought for.
#[derive(Clone)]
pub(crate) struct ReplyTo(Arc<Place>);

/// The two of them.
struct Place {
    live: Option<DynQueue<Answer>>,
    name: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Name {
    /// Its descriptor, as bytes: read by the one who needs it.
    Record(Bytes),
    /// Its place in the pool that both sides have.
    InPool(u32),
}

impl ReplyTo {
    pub(crate) fn record(queue: DynQueue<Answer>, record: &DescriptorRecord) -> Self {
        Self::open(queue, Name::Record(record.to_bytes().into()))
    }

    pub(crate) fn in_pool(queue: DynQueue<Answer>, index: u32) -> Self {
        Self::open(queue, Name::InPool(index))
    }

    fn open(queue: DynQueue<Answer>, name: Name) -> Self {
        let live = Some(queue);
        Self(Arc::new(Place { live, name }))
    }

    /// The queue, where it is open.
    pub(crate) fn queue(&self) -> Option<&DynQueue<Answer>> {
        self.0.live.as_ref()
    }
}

impl Serialize for ReplyTo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.name.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ReplyTo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Name::deserialize(deserializer)?;
        Ok(Self(Arc::new(Place { live: None, name })))
    }
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Name::Record(bytes) => match DescriptorRecord::from_bytes(bytes) {
                Ok(record) => write!(f, "ReplyTo({})", record.queue_id),
                Err(_) => f.write_str("ReplyTo(?)"),
            },
            Name::InPool(index) => write!(f, "ReplyTo(#{index})"),
        }
    }
}

/// Says which queue stands for the one that a caller named.
type Rule = Box<dyn Fn(DescriptorRecord) -> Result<DescriptorRecord, Error> + Send + Sync>;

/// How the workers of a service reach the response queues of callers in other processes. Callers of the own process
/// need none of it.
#[derive(Default)]
pub struct ReplyQueues {
    registry: Option<Registry<Answer>>,
    rule: Option<Rule>,
    pool: Vec<DescriptorRecord>,
    open: Mutex<BTreeMap<Name, ReplyTo>>,
}

impl ReplyQueues {
    /// Reaches nobody outside of the process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the response queues that requests name with this registry. A peer chooses the name: give it the types that
    /// peers are meant to use.
    #[must_use]
    pub fn with_registry(mut self, registry: Registry<Answer>) -> Self {
        self.registry = Some(registry);
        self
    }

    /// What callers name goes through `rule` first, which may refuse it or put its own parameters in place of theirs: a
    /// peer that is not trusted would have the service connect to anywhere.
    #[must_use]
    pub fn with_rule(
        mut self,
        rule: impl Fn(DescriptorRecord) -> Result<DescriptorRecord, Error> + Send + Sync + 'static,
    ) -> Self {
        self.rule = Some(Box::new(rule));
        self
    }

    /// The pool that requests mean when they name their response queue by its place.
    #[must_use]
    pub fn with_pool(mut self, pool: &DescriptorPool) -> Self {
        self.pool = pool.iter().cloned().collect();
        self
    }

    /// The same, open; nothing for one that is.
    pub(crate) fn find(&self, to: &ReplyTo) -> Result<Option<ReplyTo>, Error> {
        if to.queue().is_some() {
            return Ok(None);
        }
        self.elsewhere(to).map(Some)
    }

    fn elsewhere(&self, to: &ReplyTo) -> Result<ReplyTo, Error> {
        let known = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(it) = known()
            .get(&to.0.name)
            .filter(|it| it.queue().is_some_and(|queue| !queue.is_closed()))
        {
            return Ok(it.clone());
        }
        let registry = self.registry.as_ref().ok_or_else(|| {
            Error::new(ErrorKind::OutOfScope, "answer call")
                .expected("a caller of this process")
                .found("one of another")
                .remedy("give the service a registry for the response queues of its callers")
        })?;
        let read;
        let record = match &to.0.name {
            Name::Record(bytes) => {
                let named = DescriptorRecord::from_bytes(bytes)?;
                read = match &self.rule {
                    Some(rule) => rule(named)?,
                    None => named,
                };
                &read
            }
            Name::InPool(index) => self.pool.get(*index as usize).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, "answer call")
                    .expected(format!("one of the {} queues of the pool", self.pool.len()))
                    .found(format!("number {index}"))
                    .remedy("give service and callers one pool")
            })?,
        };
        // Without the lock: opening may run anything.
        let found = ReplyTo::open(registry.open(record)?, to.0.name.clone());
        let mut open = known();
        // Those of callers that have gone.
        let gone: Vec<Name> = open
            .iter()
            .filter(|(_, it)| it.queue().is_none_or(|queue| queue.is_closed()))
            .map(|(name, _)| name.clone())
            .collect();
        let gone: Vec<_> = gone.iter().map(|name| open.remove(name)).collect();
        let crowded = if open.len() < MOST { None } else { open.pop_first() };
        open.insert(to.0.name.clone(), found.clone());
        drop(open);
        drop((crowded, gone));
        Ok(found)
    }
}

impl fmt::Debug for ReplyQueues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyQueues")
            .field("registry", &self.registry)
            .field("pool", &self.pool.len())
            .finish_non_exhaustive()
    }
}
