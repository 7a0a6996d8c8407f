//! Making the attempts at a job: the only one of most, and one after the other of a job that goes back to its checkpoints.

use std::sync::Arc;

use descriptor_core::{Backends, DynQueue, Error, QueueId};
use graph::Deployment;

use crate::CheckpointReport;
use crate::attempt::Attempt;
use crate::checkpoints::Keeping;
use crate::claim::Claim;
use crate::current::Current;
use crate::dead_letter::DeadLetter;
use crate::job::Job;
use crate::{JobHandle, letters, workers};

/// What an attempt is made with.
pub(crate) struct Call<'a> {
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
    let Some((keeping, retries)) = keeping.as_ref().and_then(|it| Some((it, it.retries()?))) else {
        let only = Call {
            keeping: keeping.as_ref(),
            before: CheckpointReport::default(),
            letters: Letters::Own,
            current: None,
            one_of_many: false,
        };
        return make(&job, &only).map(JobHandle::once);
    };
    let keeping = Arc::clone(keeping);
    // The name is the job's, and so are its dead letters, whatever becomes of an attempt.
    let prefix = name(&job);
    let mut claim = Claim::take(&prefix)?;
    let letters = letters::of_job(&job, &prefix, &mut claim)?;
    let again = move |current: Option<&Current>, before: CheckpointReport| {
        let next = Call {
            keeping: Some(&keeping),
            before,
            letters: Letters::OfJob(&prefix, letters.as_ref()),
            current,
            one_of_many: true,
        };
        let _held = &claim;
        make(&job, &next)
    };
    let first = again(None, CheckpointReport::default())?;
    let again = Box::new(move |current: &Current, before| again(Some(current), before));
    JobHandle::conducted(first, again, retries)
}

/// What the job is known by: on threads the name that no other running one has, on processes a number of its own.
fn name<B: Backends>(job: &Job<B>) -> String {
    match job.plan.deployment() {
        Deployment::Threads => job.prefix.clone(),
        _ => workers::prefix(job.plan.job_name(), QueueId::generated("run").as_str()),
    }
}
