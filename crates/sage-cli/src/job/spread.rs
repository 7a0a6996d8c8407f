//! The parameters that every job at a server takes: how wide it is, and what it is spread over.

use clap::ValueEnum;
use sage_comm::jobs::{JobParams, Param};
use sage_comm::{Error, ErrorKind};

use crate::args::{JobArgs, Transport};

/// Worker processes of one job at most.
const MOST: i64 = 64;

/// What those parameters are.
pub(crate) fn params() -> [Param; 3] {
    [
        Param::optional("parallelism", 2_i64, "instances of each keyed operator"),
        Param::optional("processes", 0_i64, "worker processes; 0 for threads of the server"),
        Param::optional(
            "transport",
            "auto",
            "queues between instances: auto or shm, and sage or local on threads",
        ),
    ]
}

/// What they say about a job.
pub(crate) fn args(params: &JobParams, job: &str) -> Result<JobArgs, Error> {
    let parallelism = params.int_within("parallelism", 1, 256)?.unsigned_abs();
    let processes = match params.int_within("processes", 0, MOST)? {
        0 => None,
        processes => Some(processes.unsigned_abs()),
    };
    let named = params.text("transport")?;
    let refused = || {
        Error::new(ErrorKind::InvalidDescriptor, "submit job")
            .with("job", job)
            .with("parameter", "transport")
            .found(format!("`{named}`"))
    };
    let transport = match (Transport::from_str(named, false), processes) {
        // Where nothing leaves the process, as the verb of the job has it.
        (Ok(Transport::Auto), None) => Transport::Sage,
        (Ok(near @ (Transport::Sage | Transport::Local)), None) => near,
        (Ok(far @ (Transport::Auto | Transport::Shm)), Some(_)) => far,
        (Ok(Transport::Shm), None) => {
            return Err(refused()
                .expected("a transport inside one process: auto, sage or local")
                .remedy("give it processes"));
        }
        (_, Some(_)) => {
            return Err(refused()
                .expected("a transport between processes: auto or shm")
                .remedy("choose one of these"));
        }
        (_, None) => {
            return Err(refused()
                .expected("one of auto, sage, local, and shm between processes")
                .remedy("choose one of these"));
        }
    };
    Ok(JobArgs::quiet(parallelism, transport, processes))
}
