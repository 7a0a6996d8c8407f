//! What tests of queues need again and again.

mod dice;
mod drops;
mod probe;
mod tasks;
mod threads;
mod watchdog;

pub use dice::Dice;
pub use drops::{Drops, Tracked};
pub use probe::{CountingWaker, Probe};
pub use tasks::{between, on_tokio, within_yields};
pub use threads::{join, linger, spawn, spawn_many, until};
pub use watchdog::watchdog;
