//! Queue type local.
#![forbid(unsafe_code)]

mod queue;

pub use queue::LocalQueue;
