//! Executes plans.
#![forbid(unsafe_code)]

mod accounts;
mod assembly;
mod context;
mod control;
mod dead_letter;
mod draft;
mod flow;
mod handle;
mod job;
mod keyed_stream;
mod losses;
mod meter;
mod monitor;
mod operator;
mod operator_task;
pub mod ops;
mod outbox;
mod port;
mod report;
mod shared;
mod source_task;
mod start;
mod state;
mod stream;
mod task;

pub use context::{Instance, TaskContext};
pub use dead_letter::DeadLetter;
pub use flow::Flow;
pub use graph::{Deployment, ErrorPolicy, NodeKind, Plan};
pub use handle::{JobController, JobHandle, NodeProgress};
pub use job::Job;
pub use keyed_stream::KeyedStream;
pub use operator::{Data, OpError, OpResult, Operator, Source, SourceStep};
pub use report::{FailureReport, JobReport, LeftBehind, NodeReport, Outcome};
pub use state::KeyedState;
pub use stream::Stream;
