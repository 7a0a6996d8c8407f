//! Operators that work on several packets at once, each a future, on the thread of their instance.
//!
//! No executor is needed: the thread polls what has been woken and sleeps when nothing has. A future may stand on any
//! executor by a handle of it.

mod bell;
mod flight;
mod order;
mod settle;
mod task;

pub use order::AsyncOrder;
pub(crate) use task::AheadTask;
