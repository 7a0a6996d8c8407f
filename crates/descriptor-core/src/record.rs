//! The descriptor as a plain value that travels.

use crate::{Metadata, QueueId};

/// Where a process-bound queue lives.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Not said: binds to the process that first opens it.
    #[default]
    Unscoped,
    /// In this very process: a number drawn at random when the process first makes a descriptor.
    Process(u128),
    /// In the worker with this number; bound when that worker loads the job's queues.
    Worker(u32),
}

/// Everything that is needed to reach a queue, and nothing that only lives in a process.
#[derive(Clone, Debug, PartialEq)]
pub struct DescriptorRecord {
    /// The queue's name.
    pub queue_id: QueueId,
    /// The canonical queue type, such as `local` or `shm`.
    pub queue_type: String,
    /// The parameters.
    pub metadata: Metadata,
    /// When the descriptor was made, in seconds since 1970-01-01 UTC.
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
}
