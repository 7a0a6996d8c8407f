//! Jobs by name: submitted with parameters, watched, paused, cancelled, and waited for.
//!
//! A [`JobRegistry`] knows functions that build jobs from parameters. A [`JobManager`] runs them, several at once and
//! each on its own: every run has queues of its own, under ids that hold its number, so that a job finds nothing that an
//! earlier one of its name left. [`JobServer`] offers a manager to other processes over two kinds of queue, one for
//! requests and one for each client's replies; [`JobClient`] is the other end.
//!
//! A job may run over processes, as its function builds it: [`JobRegistry::work`], first in `main`, makes a worker of a
//! process that was started for that. With a folder for the manager a job may keep checkpoints, see [`Keep`].
//!
//! No lock is held while code of the user runs: a function that builds a job may use the manager it was submitted to.
//!
//! ```
//! use std::time::Duration;
//!
//! use jobs::{JobLimits, JobManager, JobRegistry, JobState, Param, Submission};
//! use runtime::{Deployment, Flow, ops};
//! # #[derive(Clone)]
//! # struct Builtin;
//! # impl descriptor_core::Backends for Builtin {
//! #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
//! #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
//! #     }
//! # }
//! let registry = JobRegistry::new().with("sum", [Param::optional("upto", 10_i64, "the last number")], |params| {
//!     let upto = params.int_within("upto", 1, 1_000_000)?;
//!     let flow = Flow::new("sum", Builtin);
//!     let numbers = flow.source("numbers", 1, move |_| ops::IterSource::new(1..=upto)).collect("numbers");
//!     let job = flow.build(Deployment::Threads)?;
//!     Ok(Submission::with_result(job, move |_| numbers.take().iter().sum::<i64>().into()))
//! });
//! let manager = JobManager::new(registry, JobLimits::default());
//! let id = manager.submit("sum", &[("upto".to_owned(), 100_i64.into())].into())?;
//! let status = manager.wait(&id, Duration::from_secs(60))?;
//! assert_eq!((status.summary.state, status.result), (JobState::Finished, Some(5050.into())));
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod control;
mod keep;
mod limits;
mod manager;
mod params;
mod registry;
mod runner;
mod scalar;
mod status;
mod table;
mod task;

pub use control::{JobClient, JobServer, REPLIES, REQUESTS};
pub use keep::Keep;
pub use limits::JobLimits;
pub use manager::JobManager;
pub use params::{JobParams, Param};
pub use registry::{JobRegistry, Submission};
pub use scalar::{Scalar, ScalarKind, Scalars};
pub use status::{JobState, JobStatus, JobSummary, Rescaled};
