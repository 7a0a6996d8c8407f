//! Jobs that can be started by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use descriptor_core::{Backends, Error, ErrorKind, nearest};
use runtime::{Job, JobHandle, JobReport, Told};
use serde_json::Value;

use crate::task::Task;
use crate::{JobParams, Param, Scalars};

/// Says what a job that has ended came to.
type Conclude = Box<dyn FnOnce(&JobReport) -> Value + Send>;

/// A job with what there is to say at its end.
pub struct Submission<B: Backends> {
    job: Job<B>,
    conclude: Option<Conclude>,
}

impl<B: Backends> Submission<B> {
    /// `conclude` is called when the job has ended, however it did; what it says is the result of the job.
    #[must_use]
    pub fn with_result(job: Job<B>, conclude: impl FnOnce(&JobReport) -> Value + Send + 'static) -> Self {
        Self {
            job,
            conclude: Some(Box::new(conclude)),
        }
    }
}

impl<B: Backends> From<Job<B>> for Submission<B> {
    fn from(job: Job<B>) -> Self {
        Self { job, conclude: None }
    }
}

impl<B: Backends> fmt::Debug for Submission<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission")
            .field("job", &self.job)
            .finish_non_exhaustive()
    }
}

/// A job that runs.
pub(crate) struct Started {
    pub(crate) handle: JobHandle,
    pub(crate) conclude: Option<Conclude>,
}

/// Starts the job; workers of it are told the task.
type Start = Box<dyn Fn(&JobParams, &Task) -> Result<Started, Error> + Send + Sync>;
/// Does the part of this process in it, and does not return.
type Work = Box<dyn Fn(Told, &JobParams) -> Result<(), Error> + Send + Sync>;

struct Entry {
    params: Vec<Param>,
    start: Start,
    work: Work,
}

/// Functions that build jobs from parameters, by name.
///
/// ```
/// use jobs::{JobRegistry, Param};
/// use runtime::{Deployment, Flow, ops};
/// # #[derive(Clone)]
/// # struct Builtin;
/// # impl descriptor_core::Backends for Builtin {
/// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
/// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
/// #     }
/// # }
/// let registry = JobRegistry::new().with("squares", [Param::optional("upto", 10_i64, "the last number")], |params| {
///     let upto = params.int_within("upto", 1, 1_000_000)?;
///     let flow = Flow::new("squares", Builtin);
///     let _ = flow.source("numbers", 1, move |_| ops::IterSource::new(1..=upto)).for_each("print", |n| println!("{}", n * n));
///     Ok(flow.build(Deployment::Threads)?.into())
/// });
/// assert_eq!(registry.names().collect::<Vec<_>>(), ["squares"]);
/// ```
#[derive(Default)]
pub struct JobRegistry {
    entries: BTreeMap<String, Entry>,
}

impl JobRegistry {
    /// Knows no job.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a job under a name; one that was there under it before goes.
    #[must_use]
    pub fn with<B, F>(mut self, name: &str, params: impl IntoIterator<Item = Param>, build: F) -> Self
    where
        B: Backends,
        F: Fn(&JobParams) -> Result<Submission<B>, Error> + Send + Sync + 'static,
    {
        let build = Arc::new(build);
        let again = Arc::clone(&build);
        let start: Start = Box::new(move |params, task| {
            let Submission { job, conclude } = build(params)?;
            // Two of a name may run at once, and what one leaves is not found by the next.
            let job = keeping(job.numbered()?, params)?;
            Ok(Started {
                handle: job.start_told(task.to_text()?)?,
                conclude,
            })
        });
        let work: Work = Box::new(move |told, params| told.work(|| keeping(again(params)?.job, params)));
        let params = params.into_iter().collect();
        self.entries.insert(name.into(), Entry { params, start, work });
        self
    }

    /// Lets the jobs of this registry run over processes: their functions build them with
    /// [`Deployment::Processes`](runtime::Deployment::Processes), and the program that has the manager is started again for each
    /// worker. To be the first call of `main`: in a worker it builds the job that was submitted, does the worker's part and ends the
    /// process; elsewhere it returns at once. What stands before it happens in every worker too.
    ///
    /// # Errors
    /// As [`Told::take`].
    pub fn work(&self) -> Result<(), Error> {
        let Some(told) = Told::take()? else {
            return Ok(());
        };
        let found = Task::from_text(told.task()).and_then(|task| {
            let params = self.check(&task.name, &task.params)?.with_kept(task.kept);
            Ok((self.find(&task.name)?, params))
        });
        match found {
            Ok((entry, params)) => (entry.work)(told, &params),
            Err(error) => told.refuse(&error),
        }
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// The parameters of a job; `None` when it is not known.
    #[must_use]
    pub fn params(&self, name: &str) -> Option<&[Param]> {
        self.entries.get(name).map(|entry| entry.params.as_slice())
    }

    /// The parameters of a submission with all defaults.
    pub(crate) fn check(&self, name: &str, given: &Scalars) -> Result<JobParams, Error> {
        JobParams::check(name, &self.find(name)?.params, given)
    }

    /// Builds and starts a job: this runs code of the user.
    pub(crate) fn start(&self, name: &str, params: &JobParams) -> Result<Started, Error> {
        let (entry, task) = (self.find(name)?, Task::new(name, params));
        let Some(kept) = params.kept() else {
            return (entry.start)(params, &task);
        };
        kept.prepare(&task)?;
        let started = (entry.start)(params, &task)?;
        // From here on there may be something to go on from.
        kept.label(&task)?;
        Ok(started)
    }

    fn find(&self, name: &str) -> Result<&Entry, Error> {
        self.entries.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.names().collect();
            let error = Error::new(ErrorKind::NotFound, "submit job")
                .with("job", name)
                .expected(if names.is_empty() {
                    "a registered job, and there is none".to_owned()
                } else {
                    format!("one of {}", names.join(", "))
                });
            match nearest(name, names.iter().copied()) {
                Some(close) => error.remedy(format!("did you mean `{close}`?")),
                None => error.remedy("submit one of these"),
            }
        })
    }
}

/// The job with the checkpoints that were asked for.
fn keeping<B: Backends>(job: Job<B>, params: &JobParams) -> Result<Job<B>, Error> {
    match params.checkpoints() {
        Some(checkpoints) => job.checkpoints(checkpoints),
        None => Ok(job),
    }
}

impl fmt::Debug for JobRegistry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
