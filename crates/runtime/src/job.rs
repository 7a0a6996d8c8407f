//! A job that is ready to run.

use std::fmt;

use descriptor_core::{Backends, Error, ErrorKind};
use graph::{Deployment, Plan};

use crate::draft::NodeCode;
use crate::handle::JobHandle;
use crate::report::JobReport;
use crate::start;

/// A checked plan together with the code of its nodes.
pub struct Job<B: Backends> {
    pub(crate) backends: B,
    pub(crate) plan: Plan,
    pub(crate) code: Vec<NodeCode<B>>,
}

impl<B: Backends> Job<B> {
    pub(crate) const fn new(backends: B, plan: Plan, code: Vec<NodeCode<B>>) -> Self {
        Self { backends, plan, code }
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
        if self.plan.deployment() != Deployment::Threads {
            return Err(Error::new(ErrorKind::Unsupported, "start job")
                .with("job", self.plan.job_name())
                .expected("a job on threads")
                .found(self.plan.deployment().to_string())
                .remedy("give the function that builds it to `run` or `launch`, first in main"));
        }
        start::start(self)
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
