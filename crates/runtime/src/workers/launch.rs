//! The way into a job that may run on several processes.

use crew::Seat;
use descriptor_core::{Backends, Error};
use graph::Deployment;

use super::{coordinator, meeting, worker};
use crate::{Job, JobHandle, JobReport, attempts};

/// Runs a job on the threads or processes that its deployment asks for, and waits for its end.
///
/// To be the first call of `main`, and the only one of its kind in the program: on processes the program is started again,
/// with the same arguments, for each worker, and there this call builds the same graph, does the worker's part and ends
/// the process. What stands before it in `main` happens in every worker too. Workers have no standard input.
///
/// Workers of other hosts are started by hand, with the variable `SAGE_JOIN` that says where the server of queues is, and
/// [`join`](crate::join) the job here.
///
/// # Errors
/// What `graph` says, and what keeps the job from starting: as [`Job::start`]; `Incompatible` when a worker builds another
/// graph, naming the difference; `PeerDied` when a worker ends before it is ready; `Timeout` when it is not ready within a
/// minute, or too few have come. How the job itself ended is in the report.
pub fn run<B, F>(graph: F) -> Result<JobReport, Error>
where
    B: Backends,
    F: FnOnce() -> Result<Job<B>, Error>,
{
    Ok(launch(graph)?.wait())
}

/// As [`run`], for a program that watches its job: does not wait for the end. In a worker it does not return either.
///
/// # Errors
/// As [`run`].
pub fn launch<B, F>(graph: F) -> Result<JobHandle, Error>
where
    B: Backends,
    F: FnOnce() -> Result<Job<B>, Error>,
{
    if let Some(seat) = Seat::take()? {
        worker::serve(seat, graph);
    }
    if let Some(server) = meeting::address()? {
        match meeting::join(&server, graph)? {}
    }
    let job = graph()?;
    match job.plan().deployment() {
        Deployment::Processes(_) | Deployment::Workers(_) => start(job),
        _ => job.start(),
    }
}

/// Starts a job with workers, as their coordinator.
pub(crate) fn start<B: Backends>(job: Job<B>) -> Result<JobHandle, Error> {
    let handle = attempts::handle(job, coordinator::attempt)?;
    handle.begin();
    Ok(handle)
}
