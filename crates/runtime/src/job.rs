//! A job that is ready to run.

use std::fmt;

use crew::Output;
use descriptor_core::{Backends, DefaultStrategy, Error, ErrorKind, QueueId, ServerAddress};
use graph::{Deployment, Plan};

use crate::checkpoints::Checkpoints;
use crate::draft::NodeCode;
use crate::handle::JobHandle;
use crate::ready::ReadyJob;
use crate::report::JobReport;
use crate::services::ServiceCode;
use crate::{attempts, start, workers};

/// A checked plan together with the code of its nodes.
pub struct Job<B: Backends> {
    pub(crate) backends: B,
    pub(crate) plan: Plan,
    pub(crate) code: Vec<NodeCode<B>>,
    /// What the ids of its queues begin with, and what no two running jobs of a process may share.
    pub(crate) prefix: String,
    pub(crate) services: Vec<ServiceCode<B>>,
    pub(crate) checkpoints: Option<Checkpoints>,
    pub(crate) output: Output,
    /// In a worker of another host: how it reaches the server of the job.
    pub(crate) joined: Option<ServerAddress>,
    /// What its code was made with.
    pub(crate) made_with: String,
    /// What its workers build it from, when their arguments do not say it.
    pub(crate) task: Option<String>,
}

impl<B: Backends> Job<B> {
    pub(crate) fn new(backends: B, plan: Plan, code: Vec<NodeCode<B>>, services: Vec<ServiceCode<B>>) -> Self {
        Self {
            backends,
            prefix: plan.job_name().to_owned(),
            plan,
            code,
            services,
            checkpoints: None,
            output: Output::Collected,
            joined: None,
            made_with: String::new(),
            task: None,
        }
    }

    /// The same job as a run of its own: a number of the run is part of the id of every queue, so that it shares nothing
    /// with other runs of the job, be they before, after or beside it. Jobs on processes are so by themselves.
    ///
    /// # Errors
    /// `InvalidDescriptor` when ids would become too long.
    pub fn numbered(mut self) -> Result<Self, Error> {
        if self.plan.deployment() == Deployment::Threads {
            let run = QueueId::generated("run").to_string();
            self.prefix = workers::prefix(self.plan.job_name(), &run);
            self.plan = self.plan.for_run(&run)?;
        }
        Ok(self)
    }

    /// Says what the code of the job was made with that its graph does not show, such as arguments of the program. A
    /// worker that was made with something else is refused: its operators would do other work under the same names. So is a
    /// checkpoint of a job that was.
    #[must_use]
    pub fn made_with(mut self, parameters: impl Into<String>) -> Self {
        self.made_with = parameters.into();
        self
    }

    /// In a worker that joined from another host, which need not know how the job is spread: the job as its coordinator
    /// has laid it out. The records of its queues are still to come.
    pub(crate) fn called_for(mut self, deployment: &Deployment) -> Result<Self, Error> {
        if self.joined.is_some() && self.plan.deployment() != *deployment {
            let (graph, kinds) = (self.plan.graph().clone(), self.backends.registry::<()>().kinds());
            self.plan = Plan::build(graph, deployment.clone(), &DefaultStrategy, &kinds)?;
        }
        Ok(self)
    }

    /// Keeps checkpoints of the job, and goes on from the last complete one in the folder: sources seek, operators have
    /// the state they had, queues begin empty. Whether every node can do so is seen when the job starts.
    ///
    /// ```
    /// use runtime::{Checkpoints, Deployment, Flow, ops};
    /// # #[derive(Clone)]
    /// # struct Builtin;
    /// # impl descriptor_core::Backends for Builtin {
    /// #     fn registry<T: descriptor_core::Wire>(&self) -> descriptor_core::Registry<T> {
    /// #         descriptor_core::Registry::new().with::<queue_sage::SageSpec>()
    /// #     }
    /// # }
    /// let folder = std::env::temp_dir().join(format!("sums-{}", std::process::id()));
    /// let flow = Flow::new("sums", Builtin);
    /// let sums = flow
    ///     .source("numbers", 1, |_| ops::IterSource::new(0..100_u64))
    ///     .key_by("by_rest", |n| n % 3)
    ///     .fold("sum", || 0, |sum, n: u64| *sum += n, |_, sum: u64| Ok(sum))
    ///     .collect("sums");
    /// let job = flow.build(Deployment::Threads)?.checkpoints(Checkpoints::in_folder(&folder))?;
    /// let report = job.run()?.into_result()?;
    /// assert_eq!(sums.take().len(), 3);
    /// assert_eq!(report.checkpoints.and_then(|it| it.last), Some(1)); // the one at the end
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), descriptor_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `Unsupported` for a job of which parts cannot see the folder.
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Result<Self, Error> {
        match self.plan.deployment() {
            Deployment::Threads | Deployment::Processes(_) => {
                self.checkpoints = Some(checkpoints);
                Ok(self)
            }
            other => Err(Error::new(ErrorKind::Unsupported, "keep checkpoints")
                .with("job", self.plan.job_name())
                .expected("a job in processes of this host")
                .found(other.to_string())
                .remedy("build it for threads or processes, or run it without checkpoints")),
        }
    }

    /// Where the workers of a job on processes write to. Unless told otherwise their standard output and error come out of
    /// the process that started them, whole lines with `worker 1: ` in front.
    #[must_use]
    pub const fn worker_output(mut self, output: Output) -> Self {
        self.output = output;
        self
    }

    /// The plan.
    #[must_use]
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// A picture of the nodes and edges for a terminal.
    #[must_use]
    pub fn topology(&self) -> String {
        self.plan.graph().topology()
    }

    /// Opens every queue, makes every operator, and starts a thread per instance. Either everything starts or nothing
    /// does.
    ///
    /// # Errors
    /// `Unsupported` for a job on processes, which starts with [`run`](crate::run) or [`launch`](crate::launch); what
    /// keeps a queue from being opened or an operator from being made; `ResourceExhausted` when the system refuses
    /// a thread; `Overloaded` when a job of this name is running in this process already.
    #[doc(alias = "submit")]
    pub fn start(self) -> Result<JobHandle, Error> {
        Ok(self.ready()?.begin())
    }

    /// As [`start`](Self::start), and over processes too, from anywhere in a program: several jobs at once may run over
    /// processes so. What to build is not what the arguments of the program say, so each worker is told it in these words
    /// and finds them with [`Told::take`](crate::Told::take), first in `main`.
    ///
    /// # Errors
    /// As [`start`](Self::start) on threads and [`launch`](crate::launch) on processes; `Unsupported` for workers of other
    /// hosts, and in a worker that has not asked what it was told.
    pub fn start_told(mut self, task: impl Into<String>) -> Result<JobHandle, Error> {
        match self.plan.deployment() {
            Deployment::Threads => self.start(),
            // It would start workers that do the same, without an end.
            Deployment::Processes(_) if crew::is_told() => Err(Error::new(ErrorKind::Unsupported, "start job")
                .with("job", self.plan.job_name())
                .expected("a process that is no worker itself")
                .found("one that was told its part in another job")
                .remedy("make `Told::take` the first call of main")),
            Deployment::Processes(_) => {
                self.task = Some(task.into());
                workers::start(self)
            }
            other => Err(Error::new(ErrorKind::Unsupported, "start job")
                .with("job", self.plan.job_name())
                .expected("a job in processes of this host")
                .found(other.to_string())
                .remedy("give the function that builds it to `run` or `launch`, first in main")),
        }
    }

    /// The first half of [`start`](Self::start): every queue is open, every operator made, every thread waits. What is
    /// made goes again when the second half does not follow.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn ready(self) -> Result<ReadyJob, Error> {
        if self.plan.deployment() != Deployment::Threads {
            return Err(Error::new(ErrorKind::Unsupported, "start job")
                .with("job", self.plan.job_name())
                .expected("a job on threads")
                .found(self.plan.deployment().to_string())
                .remedy("give the function that builds it to `run` or `launch`, first in main"));
        }
        attempts::handle(self, start::ready).map(ReadyJob::new)
    }

    /// Starts the job and waits for its end.
    ///
    /// # Errors
    /// As [`start`](Self::start). How the job itself ended is in the report.
    pub fn run(self) -> Result<JobReport, Error> {
        Ok(self.start()?.wait())
    }
}

impl<B: Backends> fmt::Debug for Job<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("name", &self.plan.job_name())
            .finish_non_exhaustive()
    }
}
