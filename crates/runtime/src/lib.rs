//! Runs dataflow jobs: operators on threads, queues between them, and an account of every packet.
//!
//! [`Flow`] writes a job down; [`Flow::build`] checks it as a whole and lays out instances and queues as a
//! [`Plan`]; [`Job::start`] opens every queue, makes every operator and starts a thread per instance, all or nothing;
//! [`JobHandle`] watches, drains or aborts it; [`JobReport`] says what became of every packet.
//!
//! How a job ends is counted, not guessed: every instance waits for one stop from each of its upstream connections,
//! and each stop travels behind the data of its sender. A panic or an error ends the job with a report and never with
//! a hang.
//!
//! Inside a process an edge moves batches whose size follows the load: a busy instance takes what is there and lets its
//! output gather; before it waits, everything goes out. So an idle job answers at once and a busy one wakes nobody
//! needlessly.
//!
//! The crate names no queue type. It sees [`Backends`](descriptor_core::Backends), and the plan says which to use.
//!
//! ```
//! use runtime::{Deployment, Flow, ops};
//! # #[derive(Clone)]
//! # struct Builtin;
//! # impl descriptor_core::Backends for Builtin {
//! #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
//! #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
//! #     }
//! # }
//! let flow = Flow::new("letters", Builtin);
//! let counts = flow
//!     .source("words", 1, |_| ops::IterSource::new(["a", "b", "a"].map(String::from)))
//!     .key_by("letter", |word| word.clone())
//!     .fold("count", || 0_u64, |count, _| *count += 1, |key, count| Ok((key.decode::<String>()?, count)))
//!     .parallelism(2)
//!     .collect("counts");
//! let report = flow.build(Deployment::Threads)?.run()?;
//! assert!(report.is_complete());
//! let mut counts = counts.take();
//! counts.sort();
//! assert_eq!(counts, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod accounts;
mod ahead;
mod assembly;
mod attempt;
mod attempts;
mod chain;
mod checkpoints;
mod claim;
mod conductor;
mod current;
mod draft;
mod explain;
mod flow;
mod handle;
mod job;
mod keyed_stream;
mod letters;
mod monitor;
mod ready;
mod report;
mod services;
mod shared;
mod start;
mod stream;
mod workers;

pub use checkpoint::{Report as CheckpointReport, State};
pub use checkpoints::Checkpoints;
pub use crew::Output as WorkerOutput;
pub use explain::{EdgeExplanation, Explanation, NodeExplanation, NotChosen, QueueExplanation};
pub use flow::Flow;
pub use graph::{Deployment, ErrorPolicy, Meeting, NodeKind, Plan, RouteDiff};
pub use handle::{JobController, JobHandle, NodeProgress};
pub use job::Job;
pub use keyed_state::{ByKey, KeyedState};
pub use keyed_stream::KeyedStream;
pub use ready::ReadyJob;
pub use report::{AttemptReport, FailureReport, JobReport, LeftBehind, LostWorker, NodeReport, Outcome, RescaleReport};
pub use service::{Replies, ServiceClient, ServiceTotals};
pub use services::{Asked, ServiceContext, ServiceReport};
pub use stream::Stream;
pub use task::{
    AsyncOrder, Attempts, Data, DeadLetter, Instance, NodeState, OnNodeFailure, OpError, OpResult, Operator, Restart,
    ServiceHandle, Source, SourceStep, TaskContext, ops,
};
pub use workers::{Told, WorkerProgress, WorkerState, is_worker, join, launch, run};
