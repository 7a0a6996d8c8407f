//! The queues of a job as one document.

mod diff;
mod json;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use xxhash_rust::xxh3::Xxh3;

pub use diff::PoolDiff;

use crate::{DescriptorRecord, Error, ErrorKind, QueueId, Result};

/// The queues of a job, by id.
///
/// The JSON form carries a checksum, so a document that was cut or edited by hand is refused. Reading and writing
/// files is up to the caller.
///
/// ```
/// use descriptor_core::DescriptorPool;
/// let mut pool = DescriptorPool::new("wordcount", 1)?;
/// pool.insert("sage_queue://wordcount/input_count_0?maxsize=1000".parse()?)?;
/// let read = DescriptorPool::from_json(&pool.to_json())?;
/// assert_eq!(read, pool);
/// pool.insert("sage_queue://wordcount/input_sink_0".parse()?)?;
/// assert_eq!(read.diff(&pool).to_string(), "added wordcount/input_sink_0 (sage_queue)");
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[doc(alias = "QueueDescriptorPool")]
#[derive(Clone, Debug, PartialEq)]
pub struct DescriptorPool {
    name: String,
    version: u64,
    queues: BTreeMap<QueueId, DescriptorRecord>,
}

impl DescriptorPool {
    /// The largest document, in bytes: room for about a hundred thousand queues.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;
    /// The longest name, in bytes.
    pub const MAX_NAME_BYTES: usize = 200;

    /// No queues yet. `version` counts the editions of the job's queues.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the name is empty, longer than 200 bytes or holds control characters.
    pub fn new(name: impl Into<String>, version: u64) -> Result<Self> {
        let name = name.into();
        if name.is_empty() || name.len() > Self::MAX_NAME_BYTES || name.chars().any(char::is_control) {
            return Err(Error::new(ErrorKind::InvalidDescriptor, "name pool")
                .expected("a name of 1 to 200 bytes without control characters")
                .found(crate::excerpt(&name))
                .remedy("use the name of the job"));
        }
        Ok(Self {
            name,
            version,
            queues: BTreeMap::new(),
        })
    }

    /// The name of the job.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The edition of the job's queues.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Adds a queue.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the id is taken or the record breaks a rule; the pool is unchanged.
    pub fn insert(&mut self, record: DescriptorRecord) -> Result<()> {
        record.check()?;
        match self.queues.entry(record.queue_id.clone()) {
            Entry::Vacant(place) => {
                place.insert(record);
                Ok(())
            }
            Entry::Occupied(taken) => Err(Error::new(ErrorKind::InvalidDescriptor, "add queue to pool")
                .queue(record.queue_id.as_str())
                .backend(record.queue_type)
                .expected("an id that is not in the pool yet")
                .found(format!("a queue of type {} under this id", taken.get().queue_type))
                .remedy("give every queue of a job its own id")),
        }
    }

    /// The record of a queue.
    #[must_use]
    pub fn get(&self, id: impl AsRef<str>) -> Option<&DescriptorRecord> {
        // Ids order as their text does, but a map can be searched by its own key type only.
        QueueId::new(id).ok().and_then(|id| self.queues.get(&id))
    }

    /// Every record, in the order of the ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &DescriptorRecord> {
        self.queues.values()
    }

    /// How many queues.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queues.len()
    }

    /// True without any queue.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// xxh3-64 over name, version and the binary form of every record in the order of the ids, each with its length.
    #[must_use]
    pub fn checksum(&self) -> u64 {
        let mut hasher = Xxh3::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(self.name.as_bytes());
        part(&self.version.to_le_bytes());
        for record in self.queues.values() {
            part(&record.to_bytes());
        }
        hasher.digest()
    }

    /// What must happen to this pool to become `other`.
    #[must_use]
    pub fn diff(&self, other: &Self) -> PoolDiff {
        PoolDiff::between(&self.queues, &other.queues)
    }
}
