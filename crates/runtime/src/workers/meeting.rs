//! Workers of other hosts: how the coordinator finds them, and they the coordinator.

use std::convert::Infallible;
use std::io::Write as _;
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use crew::{Hall, JOIN, Listener, Member, Output, Place, Roll, Seat};
use descriptor_core::{Backends, DynQueue, Error, ErrorKind, QueueId, Registry, Result, ServerAddress};
use graph::{Deployment, Meeting};

use super::broom;
use super::worker::{self, Life};
use crate::Job;

/// How long a worker waits until somebody needs it.
const WAIT: Duration = Duration::from_secs(600);

/// Where the workers of a job come from.
pub(super) enum Recruiter {
    /// They are started here, and write there; true when they have to be told what the job is.
    Here(Output, bool),
    /// They come by themselves.
    Hall(Roll, String),
}

impl Recruiter {
    pub(super) fn of<B: Backends>(job: &Job<B>) -> Result<Self> {
        let Deployment::Workers(meeting) = job.plan.deployment() else {
            return Ok(Self::Here(job.output, job.task.is_some()));
        };
        let remedy = format!(
            "start this program once for each of them, on whatever host, with {JOIN}={} or the way from there to this server",
            meeting.server()
        );
        let roll = hall(job, meeting.server())?;
        Ok(Self::Hall(call(roll, &meeting), remedy))
    }

    pub(super) fn next(&mut self, worker: u32) -> Result<(Member, Listener)> {
        match self {
            Self::Here(output, false) => Member::start(worker, *output),
            Self::Here(output, true) => Member::start_told(worker, *output),
            Self::Hall(roll, remedy) => roll.next(worker, remedy.clone()),
        }
    }
}

fn call(hall: Hall, meeting: &Meeting) -> Roll {
    hall.call(meeting.workers(), meeting.longest_silence(), meeting.patience())
}

/// Where those who want to work at a job and those who need them meet.
fn hall<B: Backends>(job: &Job<B>, server: &ServerAddress) -> Result<Hall> {
    let site = Site {
        registry: job.backends.registry(),
        server: server.clone(),
    };
    Hall::enter(job.plan.job_name(), Arc::new(site))
}

/// The server of a job.
struct Site {
    registry: Registry<String>,
    server: ServerAddress,
}

impl Place for Site {
    fn open(&self, id: QueueId, room: usize) -> Result<DynQueue<String>> {
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        self.registry.open(&self.server.record(id).with("maxsize", room))
    }

    fn remove(&self, id: QueueId) {
        broom::remove(&self.registry, &self.server.record(id));
    }
}

/// The address of the server where this process is to look for work, if it was started so.
pub(super) fn address() -> Result<Option<ServerAddress>> {
    let Some(text) = std::env::var_os(JOIN) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let address = text.parse().map_err(|cause: Error| {
        Error::new(ErrorKind::InvalidDescriptor, "join job")
            .expected(format!("the address of a server in {JOIN}"))
            .remedy(format!("correct {JOIN}, or remove it from the environment"))
            .caused_by(cause)
    })?;
    Ok(Some(address))
}

/// Joins the job as a worker, whatever its deployment says, does the worker's part and ends the process.
///
/// As [`run`](crate::run) does in a program that was started with the variable `SAGE_JOIN`: the process that starts the
/// job with [`Deployment::Workers`] finds this one by the job's name at the server of that address. The worker may have
/// another way to the server than that process, and credentials of its own.
///
/// # Errors
/// What `graph` says, what keeps the server from being reached, and `Timeout` when nobody needs a worker within ten minutes.
pub fn join<B, F>(server: &ServerAddress, graph: F) -> Result<Infallible>
where
    B: Backends,
    F: FnOnce() -> Result<Job<B>>,
{
    let mut job = graph()?;
    job.joined = Some(server.clone());
    loop {
        let seat = hall(&job, server)?.join(WAIT)?;
        job = serve(job, seat);
    }
}

/// The life of a worker in a seat that it has found in the hall, which ends the process; unless whoever needed it has gone
/// before anything began: somebody else may come for the job.
fn serve<B: Backends>(job: Job<B>, seat: Seat) -> Job<B> {
    let (number, speaker, desk) = (seat.worker, seat.speaker.clone(), seat.desk.clone());
    let last = speaker.clone();
    let called_off = move || {
        // Otherwise the coordinator would wait for it as long as for a silent one.
        last.hang_up();
        complain(number, "the job was called off before it was ready here");
    };
    let lived = match worker::called(seat) {
        Ok(Some(called)) => called.expected(move || Ok(job), called_off),
        // Whoever lives takes away what the two had when it has seen how this worker ends.
        Ok(None) => {
            desk.filter(|_| !speaker.is_dismissed()).inspect(|desk| desk.remove());
            Ok(Life::Free(Box::new(job)))
        }
        Err(error) => Err(error),
    };
    speaker.hang_up();
    let complaint = match lived {
        Ok(Life::Done) => exit(0),
        Ok(Life::Free(job)) => return *job,
        Ok(Life::Refused) => "was refused; the process that coordinates the job says why".to_owned(),
        // The coordinator cannot be told any more.
        Err(error) => error.to_string(),
    };
    complain(number, &complaint);
    exit(1)
}

fn complain(number: u32, why: &str) {
    let _ = writeln!(std::io::stderr(), "worker {number}: {why}");
}
