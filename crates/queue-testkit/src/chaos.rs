//! Queues that go wrong on purpose.

mod faults;
mod queue;
mod spec;

pub use faults::Faults;
pub use queue::{Chaos, Copier};
pub use spec::ChaosSpec;
