//! Queue type `sage_queue`: our bounded ring, the fastest queue inside one process.
//!
//! Any number of producers and consumers, threads and tasks alike, on one ring of exactly as many slots as its capacity
//! says. A put or get is one compare-and-swap; a batch is one compare-and-swap too. Items are moved, never serialized
//! or boxed, and nothing is allocated after the queue is made.
//!
//! While nobody sleeps, waking costs one load: see [`Asymmetric`].
//!
//! ```
//! use descriptor_core::{Descriptor, QueueId};
//! use queue_sage::SageSpec;
//!
//! let jobs = Descriptor::new(QueueId::new("fast_jobs")?, SageSpec::bounded(8))?;
//! let queue = jobs.queue::<u64>()?;
//! queue.put(7)?;
//! assert_eq!(queue.get()?, 7);
//! # Ok::<(), descriptor_core::Error>(())
//! ```

mod backend;
mod barrier;
mod queue;
mod ring;
mod side;
mod slots;
mod spec;
mod sync;
mod thread;

pub use barrier::Asymmetric;
pub use queue::SageQueue;
pub use spec::SageSpec;
