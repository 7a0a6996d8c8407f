//! The descriptor as a plain value that travels, in three forms: JSON, binary and one line of text.

mod binary;
mod json;
mod rules;
mod scope;
mod tree;
mod uri;
mod uri_value;

use std::time::{SystemTime, UNIX_EPOCH};

pub use scope::Scope;

use crate::{Metadata, QueueId, Value};

/// Everything that is needed to reach a queue, and nothing that only lives in a process.
///
/// The fields are open, so a program can put together a record that breaks a rule; [`check`](Self::check) finds it.
/// The three forms are loss-free for every record that passes. A record that does not is written as it is, and every
/// reader refuses it.
///
/// ```
/// use descriptor_record::{DescriptorRecord, QueueId};
/// let record = DescriptorRecord::new(QueueId::new("jobs/in")?, "shm").with("maxsize", 1024);
/// assert_eq!(DescriptorRecord::from_json(&record.to_json())?, record);
/// assert_eq!(DescriptorRecord::from_bytes(&record.to_bytes())?, record);
/// assert_eq!(DescriptorRecord::from_uri(&record.to_uri())?, record);
/// let by_hand: DescriptorRecord = "shm://jobs/in?maxsize=1024".parse()?;
/// assert_eq!(by_hand.metadata, record.metadata);
/// # Ok::<(), queue_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct DescriptorRecord {
    /// The queue's name.
    pub queue_id: QueueId,
    /// The queue type, such as `local` or `shm`; aliases are kept as they were written.
    pub queue_type: String,
    /// The parameters.
    pub metadata: Metadata,
    /// When the descriptor was made, in seconds since 1970-01-01 UTC; 0 where nobody said.
    pub created_timestamp: f64,
    /// Version of the record's form; this library writes [`DescriptorRecord::VERSION`].
    pub version: u32,
    /// Where a process-bound queue lives.
    pub scope: Scope,
    /// The life of the queue that is meant, where the queue type counts lives.
    pub epoch: Option<u64>,
}

impl DescriptorRecord {
    /// The version written by this library.
    pub const VERSION: u32 = 1;
    /// The longest record, in bytes of any of its forms.
    pub const MAX_BYTES: usize = 64 * 1024;
    /// The deepest nesting: the record counts one, its metadata two, a list three.
    pub const MAX_DEPTH: usize = 16;
    /// The most parameters.
    pub const MAX_KEYS: usize = 64;
    /// The longest parameter name, in bytes.
    pub const MAX_KEY_BYTES: usize = 64;
    /// The longest queue type, in bytes.
    pub const MAX_TYPE_BYTES: usize = 32;

    /// A record made now, without parameters.
    #[must_use]
    pub fn new(queue_id: QueueId, queue_type: impl Into<String>) -> Self {
        Self {
            created_timestamp: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64()),
            ..Self::undated(queue_id, queue_type.into())
        }
    }

    /// The same record with one more parameter.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    const fn undated(queue_id: QueueId, queue_type: String) -> Self {
        Self {
            queue_id,
            queue_type,
            metadata: Metadata::new(),
            created_timestamp: 0.0,
            version: Self::VERSION,
            scope: Scope::Unscoped,
            epoch: None,
        }
    }
}
