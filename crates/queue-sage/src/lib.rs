//! Queue type sage_queue.

mod barrier;
mod queue;
mod ring;
mod slots;
mod sync;

pub use barrier::Asymmetric;
pub use queue::SageQueue;
