//! `sage serve --jobs`: a server that runs jobs as well, for those who reach its queues.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::jobs::{JobLimits, JobManager, JobServer};
use sage_comm::serve::{Address, RunningServer};
use sage_comm::{Builtin, Descriptor, DescriptorRecord, Error, RpcSpec};

use super::Serves;
use crate::failure::Failure;
use crate::job::{self, settled};

/// How long calls that are being answered may take when it ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A server and the manager of jobs beside it.
pub(super) struct WithJobs {
    server: Arc<RunningServer>,
    manager: Arc<JobManager>,
    /// Goes when the end begins.
    calls: Mutex<Option<JobServer>>,
}

impl WithJobs {
    /// Takes calls at this server, over the way that `place` describes, or over its first address. Checkpoints of jobs are below
    /// the folder for its data, if it has one.
    pub(super) fn start(server: RunningServer, place: &str, data: Option<&Path>) -> Result<Self, Failure> {
        let place = if place.is_empty() {
            settled(first_address(&server)?)
        } else {
            job::place(place)?
        };
        let (registry, limits) = (job::registry(), JobLimits::default());
        let manager = Arc::new(match data {
            Some(data) => JobManager::with_folder(registry, limits, data.join("jobs")),
            None => JobManager::new(registry, limits),
        });
        let calls = JobServer::start(&manager, &Builtin, &place)?;
        Ok(Self {
            server: Arc::new(server),
            manager,
            calls: Mutex::new(Some(calls)),
        })
    }
}

fn first_address(server: &RunningServer) -> Result<DescriptorRecord, Failure> {
    let spec = match server.addresses().first() {
        Some(Address::Unix(path)) => RpcSpec::on_socket(path.display().to_string()),
        Some(Address::Tcp(address)) if address.ip().is_unspecified() => RpcSpec::at("localhost", address.port()),
        Some(Address::Tcp(address)) => RpcSpec::at(address.ip().to_string(), address.port()),
        _ => {
            return Err(Failure::usage(
                "--jobs: expected a descriptor that says how to connect to this server with TLS, found none; write for \
                 example --jobs 'rpc://?port=7420&tls=true&ca=file:ca.pem'",
            ));
        }
    };
    Ok(Descriptor::new("any", spec)?.to_record())
}

impl Serves for WithJobs {
    fn wait(&self, timeout: Option<Duration>) -> Result<bool, Error> {
        self.server.wait(timeout)
    }

    fn begin_stop(&self, grace: Duration) {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(calls) = calls else {
            // Asked twice.
            self.manager.cancel_all();
            self.server.begin_stop(grace);
            self.server.begin_stop(grace);
            return;
        };
        let (server, manager) = (Arc::clone(&self.server), Arc::clone(&self.manager));
        let ending = move || {
            // The jobs may use queues of this server, so they go first.
            let begun = Instant::now();
            let _ = manager.close(grace);
            let _ = calls.end(LAST_WORDS);
            server.begin_stop(grace.saturating_sub(begun.elapsed()));
        };
        if thread::Builder::new()
            .name("last-jobs".to_owned())
            .spawn(ending)
            .is_err()
        {
            self.manager.cancel_all();
            self.server.begin_stop(grace);
        }
    }

    fn connections(&self) -> usize {
        // Its own is none that anybody has to end.
        Serves::connections(&*self.server).saturating_sub(1)
    }
}
