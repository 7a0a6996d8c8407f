//! Queue type `local`: a queue inside one process, bounded or not, with flume underneath.
//!
//! Items are moved from producer to consumer, never serialized, so any `Send + 'static` type will do. flume keeps the
//! items; closing, waiting and cancelling are ours, so that the queue keeps every clause of
//! [`Queue`](descriptor_core::Queue), which flume alone does not: it can neither be closed while both halves live, nor
//! does it pass on the wake-up of a dropped future.
//!
//! Use it where a queue without a bound is needed; where a bound will do, `sage_queue` is faster.
//!
//! ```
//! use descriptor_core::{Descriptor, QueueId};
//! use queue_local::LocalSpec;
//!
//! let jobs = Descriptor::new(QueueId::new("jobs")?, LocalSpec::bounded(8))?;
//! let queue = jobs.queue::<String>()?;
//! queue.put("hello".into())?;
//! assert_eq!(queue.get()?, "hello");
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod backend;
mod queue;
mod spec;

pub use queue::LocalQueue;
pub use spec::LocalSpec;
