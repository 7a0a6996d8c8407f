//! What a job may be at most. Every limit is checked by the preflight and named in its findings.

/// The capacity of an input queue where none is given, in packets.
pub const DEFAULT_BUFFER_SIZE: usize = 1000;
/// The largest capacity of a queue, in packets.
pub const MAX_BUFFER_SIZE: usize = descriptor_core::MAX_CAPACITY;
/// The most instances of one node and the most workers of one service.
pub const MAX_PARALLELISM: u32 = 1024;
/// The most instances of a job, services included.
pub const MAX_INSTANCES: u64 = 65_536;
/// The most connections from one instance to another in a job: the sum over its edges of the product of both sides.
pub const MAX_CONNECTIONS: u64 = 1_000_000;
/// The longest job name, in bytes. With the longest node name every queue id of a job stays within 200 bytes.
pub const MAX_JOB_NAME: usize = 100;
/// The longest name of a node or service, in bytes.
pub const MAX_NAME: usize = 64;
/// The most workers a job can be deployed to.
pub const MAX_WORKERS: u32 = 1024;
/// The largest document a plan is read from, in bytes.
pub const MAX_DOCUMENT: usize = 64 << 20;
