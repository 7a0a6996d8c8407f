//! A job that is ready to run.

use std::fmt;

use descriptor_core::{Backends, Error, ErrorKind, QueueId};
use graph::{Deployment, Plan};

use crate::draft::NodeCode;
use crate::handle::JobHandle;
use crate::ready::ReadyJob;
use crate::report::JobReport;
use crate::services::ServiceCode;
use crate::{start, workers};

/// A checked plan together with the code of its nodes.
pub struct Job<B: Backends> {
    pub(crate) backends: B,
    pub(crate) plan: Plan,
    pub(crate) code: Vec<NodeCode<B>>,
    /// What the ids of its queues begin with, and what no two running jobs of a process may share.
    pub(crate) prefix: String,
    pub(crate) services: Vec<ServiceCode<B>>,
}

impl<B: Backends> Job<B> {
    pub(crate) fn new(backends: B, plan: Plan, code: Vec<NodeCode<B>>, services: Vec<ServiceCode<B>>) -> Self {
        Self {
            backends,
            prefix: plan.job_name().to_owned(),
            plan,
            code,
            services,
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
        start::ready(self).map(ReadyJob::new)
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
