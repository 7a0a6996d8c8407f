//! How instances are made, run and watched: the side of whoever has a plan and threads, not that of users.
//!
//! All instances of a job share one [`Control`]. Each is made of [`TaskParts`] by one of four functions -
//! [`source`], [`operator`], [`ahead`], and [`called`] for one that another calls - and runs under a [`Supervisor`] on a
//! thread of its own; [`end`] drops it. While it runs, its [`Standing`] and its [`TaskMeter`] say how far it is; what it did
//! is its [`TaskAccount`].
//!
//! It is one half of a machine whose other half is the crate `runtime`, and no promise to anybody else: both change together.

pub use crate::chained::ChainSpec;
pub use crate::control::{Control, Failure, Phase, Progress};
pub use crate::dead_letter::{DEFAULT_ROOM, DeadLetters};
pub use crate::losses::Loss;
pub use crate::make::{ahead, called, operator, source};
pub use crate::meter::TaskMeter;
pub use crate::open_queue::OpenQueue;
pub use crate::operator_task::Remake;
pub use crate::outbox::{GroupParts, Sent, TargetParts};
pub use crate::output::{Connector, Output, Partitioner};
pub use crate::port::port;
pub use crate::restart::{History, Rules};
pub use crate::seat::Seat;
pub use crate::services::{Caller, Directory};
pub use crate::standing::Standing;
pub use crate::supervise::Supervisor;
pub use crate::task::{End, Task, TaskAccount, TaskParts, end};
