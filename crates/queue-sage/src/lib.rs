//! Queue type `sage_queue`: our bounded ring, the fastest queue inside one process.
//!
//! Any number of producers and consumers, threads and tasks alike, on one ring that holds exactly as many items as its
//! capacity says. Items are moved, never serialized or boxed, and nothing is allocated after the queue is made.
//!
//! Each side of the ring is *biased* to the thread that uses it: the one producer or consumer enters with plain loads and
//! stores, and only when another thread comes along does the side become a lock. While nobody sleeps, waking costs one
//! load. Both rest on a barrier that the rare side executes for the frequent one: see [`Asymmetric`].
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
mod guard;
mod handles;
mod lane;
#[cfg(loom)]
#[doc(hidden)]
pub mod model;
mod queue;
mod ring;
mod side;
mod slots;
mod spec;
mod sync;
mod thread;

pub use barrier::Asymmetric;
pub use handles::{Consumer, Producer};
pub use queue::SageQueue;
pub use spec::SageSpec;
