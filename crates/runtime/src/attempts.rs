//! Making the attempts at a job: the only one of most, and one after the other of a job that goes back to its checkpoints.

use std::sync::Arc;

use descriptor_core::{Backends, DynQueue, Error, QueueId};
use graph::{Deployment, ExecutionGraph, Plan};

use crate::CheckpointReport;
use crate::DeadLetter;
use crate::attempt::Attempt;
use crate::checkpoints::Keeping;
use crate::claim::Claim;
use crate::current::{Current, Layout};
use crate::job::Job;
use crate::{JobHandle, letters, workers};

/// What an attempt is made with.
pub(crate) struct Call<'a> {
    /// That of the job, or the one that it has come to.
    pub(crate) plan: &'a Plan,
    pub(crate) keeping: Option<&'a Arc<Keeping>>,
    /// What came of the checkpoints of the attempts before.
    pub(crate) before: CheckpointReport,
    pub(crate) letters: Letters<'a>,
    /// Where to show it, for it to be called off while it is made.
    pub(crate) current: Option<&'a Current>,
    /// There may be another one behind it, which must share no queue with it.
    pub(crate) one_of_many: bool,
}

/// Where the dead letters of an attempt go.
#[derive(Clone, Copy)]
pub(crate) enum Letters<'a> {
    /// Into a queue of its own.
    Own,
    /// Into the queue of its job, which other processes know by this prefix.
    OfJob(&'a str, Option<&'a DynQueue<DeadLetter>>),
}

/// Makes an attempt, up to the point where only the start is missing.
pub(crate) type Make<B> = fn(&Job<B>, &Call<'_>) -> Result<Attempt, Error>;

/// Makes the first attempt, and the conductor of a job that may have more.
pub(crate) fn handle<B: Backends>(job: Job<B>, make: Make<B>) -> Result<JobHandle, Error> {
    let keeping = Keeping::of(&job)?;
    let Some(keeping) = keeping else {
        let only = Call {
            plan: &job.plan,
            keeping: None,
            before: CheckpointReport::default(),
            letters: Letters::Own,
            current: None,
            one_of_many: false,
        };
        return make(&job, &only).map(JobHandle::once);
    };
    // The name is the job's, and so are its dead letters, whatever becomes of an attempt.
    let prefix = name(&job);
    let mut claim = Claim::take(&prefix)?;
    let letters = letters::of_job(&job, &prefix, &mut claim)?;
    let retries = keeping.retries();
    let (kinds, plan) = (job.backends.registry::<()>().kinds(), job.plan.clone());
    let replan = move |plan: &Plan, graph: ExecutionGraph| Ok(plan.with_graph(graph, &kinds)?);
    let again = move |current: Option<&Current>, plan: &Plan, before: CheckpointReport| {
        let next = Call {
            plan,
            keeping: Some(&keeping),
            before,
            letters: Letters::OfJob(&prefix, letters.as_ref()),
            current,
            one_of_many: true,
        };
        let _held = &claim;
        make(&job, &next)
    };
    let first = again(None, &plan, CheckpointReport::default())?;
    let again = Box::new(move |current: &Current, plan: &Plan, before| again(Some(current), plan, before));
    JobHandle::conducted(first, again, retries, Layout::new(plan, Box::new(replan)))
}

/// What the job is known by: on threads the name that no other running one has, on processes a number of its own.
fn name<B: Backends>(job: &Job<B>) -> String {
    match job.plan.deployment() {
        Deployment::Threads => job.prefix.clone(),
        _ => workers::prefix(job.plan.job_name(), QueueId::generated("run").as_str()),
    }
}
