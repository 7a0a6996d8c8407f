//! The queue of the dead letters of a job.

use descriptor_core::{Backends, DescriptorRecord, DynQueue, Error, ErrorKind, QueueId, Reach, Scope, Value};
use graph::{Deployment, ErrorPolicy};
use task::host::DEFAULT_ROOM;

use crate::DeadLetter;
use crate::attempts::Letters;
use crate::claim::Claim;
use crate::job::Job;
use crate::start::{Post, unused};

type Queue = Option<DynQueue<DeadLetter>>;

/// That of a job with several attempts, for as long as the claim.
pub(crate) fn of_job<B: Backends>(job: &Job<B>, prefix: &str, claim: &mut Claim) -> Result<Queue, Error> {
    let (worker, reach) = match job.plan.deployment() {
        Deployment::Threads => (0, Reach::Process),
        _ => (Deployment::COORDINATOR, Reach::Host),
    };
    open(job, worker, reach, prefix, Some(claim))
}

/// That of one attempt in one process.
pub(crate) fn of_attempt<B: Backends>(job: &Job<B>, post: &Post<'_>, claim: &mut Claim) -> Result<Queue, Error> {
    match post.letters {
        Letters::Own => open(job, post.worker, post.reach, post.prefix, Some(claim)),
        Letters::OfJob(_, Some(open)) => Ok(Some(open.clone())),
        Letters::OfJob(prefix, None) => open(job, post.worker, post.reach, prefix, None),
    }
}

/// One that is claimed is new.
fn open<B: Backends>(
    job: &Job<B>,
    worker: u32,
    reach: Reach,
    prefix: &str,
    claim: Option<&mut Claim>,
) -> Result<Queue, Error> {
    let Some(record) = record(job, worker, reach, prefix)? else {
        return Ok(None);
    };
    let queue = job.backends.registry().for_worker(worker).open(&record)?;
    if let Some(claim) = claim {
        unused(queue.as_ref(), &record)?;
        claim.keep(record);
    }
    Ok(Some(queue))
}

/// Where they go, in a job that has some.
pub(crate) fn record<B: Backends>(
    job: &Job<B>,
    worker: u32,
    reach: Reach,
    prefix: &str,
) -> Result<Option<DescriptorRecord>, Error> {
    let nodes = job.plan.graph().nodes();
    if !nodes.iter().any(|node| node.on_error == ErrorPolicy::DeadLetter) {
        return Ok(None);
    }
    // Any type that reaches every process of the job will do; the letters are read through the job's handle.
    let mut kinds = job.backends.registry::<DeadLetter>().kinds().into_iter();
    let kind = kinds.find(|kind| kind.reach == reach).ok_or_else(|| {
        Error::new(ErrorKind::Unsupported, "start job")
            .expected(format!("a queue type of reach {reach} for dead letters"))
            .remedy("build in `local` or `sage`, `shm` for several processes, and `rpc` for several hosts")
    })?;
    let id = QueueId::new(format!("{prefix}/dead_letters"))?;
    let deployment = job.plan.deployment();
    // A worker may have a way of its own to the server.
    let record = match job.joined.as_ref().or_else(|| deployment.server()) {
        Some(server) => server.record(id),
        None => DescriptorRecord::new(id, kind.kind),
    };
    let mut record = record.with("maxsize", Value::Int(DEFAULT_ROOM));
    if kind.reach == Reach::Process {
        record.scope = Scope::Worker(worker);
    }
    Ok(Some(record))
}
