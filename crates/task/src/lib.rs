//! One running instance of an operator or a source: what its code looks like, what it is given, and the loop that drives it.
//!
//! [`Operator`] and [`Source`] are what users write, or take ready-made from [`ops`]. A [`TaskContext`] is what their code
//! sees of the job. Around them stands a task: it takes packets out of the input queue, hands them to the operator, sends
//! what comes of it, keeps accounts, takes part in checkpoints, and is started again as its rules say. Operators of one
//! thread call each other without a queue between them.
//!
//! A task knows its queues, its neighbours on the same thread and what the job is told to do ([`host::Control`]), and no
//! plan, no other thread and no other process. Who makes it and looks after it - the crate `runtime` - does so through
//! [`host`]; nothing there is for users.
//!
//! ```
//! use std::sync::Arc;
//!
//! use descriptor_core::DynQueue;
//! use queue_local::LocalQueue;
//! use router::{Envelope, Packet};
//! use task::{OpResult, Operator, TaskContext};
//!
//! struct Sum(u64);
//!
//! impl Operator<u64, u64> for Sum {
//!     fn process(&mut self, packet: Packet<u64>, ctx: &mut TaskContext<u64>) -> OpResult {
//!         self.0 += packet.payload;
//!         ctx.emit(self.0)
//!     }
//! }
//!
//! let queue: DynQueue<Envelope<u64>> = Arc::new(LocalQueue::new(None)?);
//! let (mut sum, mut ctx) = (Sum(0), TaskContext::detached(Arc::clone(&queue))?);
//! for number in [1, 2, 3] {
//!     ctx.drive(&mut sum, Packet::new(number, 0))?;
//! }
//! ctx.flush()?;
//! let packets: usize = std::iter::from_fn(|| queue.try_get().ok()).map(|sent| sent.event.packets()).sum();
//! assert_eq!((sum.0, packets), (6, 3));
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
#![forbid(unsafe_code)]

mod ahead;
mod chained;
mod context;
mod control;
mod dead_letter;
pub mod host;
mod instance;
mod link;
mod losses;
mod make;
mod meter;
mod open_queue;
mod operator;
mod operator_task;
pub mod ops;
mod outbox;
mod output;
mod port;
mod restart;
mod seat;
mod services;
mod shortcut;
mod source_task;
mod stage;
mod standing;
mod supervise;
mod task;

pub use ahead::AsyncOrder;
pub use checkpoint::State;
pub use context::TaskContext;
pub use dead_letter::DeadLetter;
pub use instance::Instance;
pub use keyed_state::KeyedState;
pub use operator::{Data, OpError, OpResult, Operator, Source, SourceStep};
pub use restart::{Attempts, OnNodeFailure, Restart};
pub use services::ServiceHandle;
pub use standing::NodeState;
