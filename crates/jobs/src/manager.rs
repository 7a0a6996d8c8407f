//! Runs registered jobs.

use std::fmt;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

use crate::keep::Kept;
use crate::table::{Asked, Stage, Table};
use crate::{JobLimits, JobRegistry, JobStatus, JobSummary, Keep, Rescaled, Scalars, runner};

/// How long a job may take to end behind its last moment.
const LEAVE: Duration = Duration::from_secs(10);

/// What the manager and the threads of its jobs share.
pub(crate) struct Shared {
    pub(crate) registry: JobRegistry,
    pub(crate) limits: JobLimits,
    /// Where the checkpoints of its jobs are.
    folder: Option<PathBuf>,
    table: Mutex<Table>,
    pub(crate) changed: Condvar,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs registered jobs, several at once, and knows how far they are. Dropping it cancels those that run.
pub struct JobManager {
    shared: Arc<Shared>,
}

impl JobManager {
    /// Runs jobs of this registry.
    #[must_use]
    pub fn new(registry: JobRegistry, limits: JobLimits) -> Self {
        Self::made(registry, limits, None)
    }

    /// As [`new`](Self::new), with a folder for checkpoints, which no other manager uses. It is made when it is needed, with
    /// access for its owner alone; see [`submit_keeping`](Self::submit_keeping).
    #[must_use]
    pub fn with_folder(registry: JobRegistry, limits: JobLimits, folder: impl Into<PathBuf>) -> Self {
        Self::made(registry, limits, Some(folder.into()))
    }

    fn made(registry: JobRegistry, limits: JobLimits, folder: Option<PathBuf>) -> Self {
        Self {
            shared: Arc::new(Shared {
                registry,
                limits,
                folder,
                table: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    /// The jobs that can be submitted.
    #[must_use]
    pub fn registry(&self) -> &JobRegistry {
        &self.shared.registry
    }

    /// Starts a job; it runs when this returns. Its id is of no other job of this manager.
    ///
    /// # Errors
    /// `NotFound` when no job of that name is registered; `InvalidDescriptor` when it does not take these parameters;
    /// `Overloaded` when too many jobs run; `Closed` behind [`close`](Self::close); what keeps it from being built or
    /// started, `UserCode` when that panicked.
    #[doc(alias = "submit_job")]
    pub fn submit(&self, name: &str, params: &Scalars) -> Result<String, Error> {
        self.start(name, params, None)
    }

    /// As [`submit`](Self::submit), for a job that keeps checkpoints in the folder of the manager, and goes back to the last one by
    /// itself when it fails.
    ///
    /// # Errors
    /// As [`submit`](Self::submit); `Unsupported` without such a folder and for a job that cannot do so; `Overloaded` when a
    /// running job has the checkpoints of that name; `Incompatible` when they are of another job, or of other parameters.
    pub fn submit_keeping(&self, name: &str, params: &Scalars, keep: &Keep) -> Result<String, Error> {
        self.start(name, params, Some(keep))
    }

    fn start(&self, name: &str, params: &Scalars, keep: Option<&Keep>) -> Result<String, Error> {
        let params = self.shared.registry.check(name, params)?;
        let (number, id, kept) = self.admit(name, params.all().clone(), keep)?;
        let params = params.with_kept(kept);
        let (tell, told) = sync_channel(1);
        let (shared, job) = (Arc::clone(&self.shared), name.to_owned());
        let spawned = thread::Builder::new().name(format!("job-{number}")).spawn(move || {
            runner::run(&shared, number, &job, &params, move |started| {
                // Whoever submitted it waits for this.
                let _ = tell.send(started);
            });
        });
        if let Err(cause) = spawned {
            self.shared.lock().remove(number);
            return Err(Error::new(ErrorKind::ResourceExhausted, "submit job")
                .with("job", name)
                .expected("a thread for each job")
                .caused_by(cause)
                .remedy("raise the limit of threads, or wait for other jobs to end"));
        }
        match told.recv() {
            Ok(started) => started.map(|()| id),
            Err(_) => Err(Error::new(ErrorKind::Unknown, "submit job")
                .with("job", name)
                .expected("word from its thread")
                .remedy("ask for its status")),
        }
    }

    fn admit(&self, name: &str, params: Scalars, keep: Option<&Keep>) -> Result<(u64, String, Option<Kept>), Error> {
        let mut table = self.shared.lock();
        if table.closed {
            return Err(Error::new(ErrorKind::Closed, "submit job")
                .with("job", name)
                .found("a manager that has been closed")
                .remedy("submit it to another one"));
        }
        let (live, most) = (table.live(), self.shared.limits.at_once);
        if live >= most {
            return Err(Error::new(ErrorKind::Overloaded, "submit job")
                .with("job", name)
                .expected(format!("fewer than {most} jobs at once"))
                .found(live.to_string())
                .remedy("wait for one to end, or cancel one"));
        }
        let (number, id) = table.add(name, params);
        match keep.map(|keep| self.keep(&mut table, number, &id, keep)).transpose() {
            Ok(kept) => Ok((number, id, kept)),
            Err(error) => {
                table.remove(number);
                Err(error.with("job", name))
            }
        }
    }

    /// Gives a job its folder.
    fn keep(&self, table: &mut Table, number: u64, id: &str, keep: &Keep) -> Result<Kept, Error> {
        let Some(root) = &self.shared.folder else {
            return Err(Error::new(ErrorKind::Unsupported, "submit job")
                .expected("a manager with a folder for checkpoints")
                .found("one without")
                .remedy(
                    "start it with one, as `sage serve --jobs --data-dir PATH`, or submit the job without checkpoints",
                ));
        };
        let kept = Kept::new(root, id, keep)?;
        if let Some(holder) = table.holder(&kept.folder) {
            return Err(Error::new(ErrorKind::Overloaded, "submit job")
                .expected("checkpoints that no running job has")
                .found(format!("those of {}", holder.id))
                .remedy("wait for its end, or give them another name"));
        }
        if let Some(record) = table.get_mut(number) {
            record.folder = Some(kept.folder.clone());
        }
        Ok(kept)
    }

    /// Every job that runs or is remembered, in the order of submission.
    #[doc(alias = "list_jobs")]
    #[must_use]
    pub fn list(&self) -> Vec<JobSummary> {
        self.shared.lock().all().map(crate::table::Record::summary).collect()
    }

    /// What is known of a job.
    ///
    /// # Errors
    /// `NotFound` when it was never submitted, or ended too many jobs ago.
    #[doc(alias = "get_job_status")]
    pub fn status(&self, id: &str) -> Result<JobStatus, Error> {
        let mut table = self.shared.lock();
        let record = table.find(id).ok_or_else(|| missing("ask for job", id))?;
        Ok(record.status())
    }

    /// Lets a job stand still; see [`JobController::pause`](runtime::JobController::pause). One that is paused stays so.
    ///
    /// # Errors
    /// `NotFound` as for [`status`](Self::status); `Closed` when it has ended, or has been told to.
    #[doc(alias = "pause_job")]
    pub fn pause(&self, id: &str) -> Result<(), Error> {
        self.hold(id, true)
    }

    /// Lets a paused job go on. One that runs does so already.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    #[doc(alias = "continue_job")]
    pub fn resume(&self, id: &str) -> Result<(), Error> {
        self.hold(id, false)
    }

    /// Gives a keyed node of a job with checkpoints another number of instances while it runs; see
    /// [`JobController::rescale`](runtime::JobController::rescale).
    ///
    /// # Errors
    /// As [`pause`](Self::pause), and what [`JobController::rescale`](runtime::JobController::rescale) says.
    pub fn rescale(&self, id: &str, node: &str, instances: u32) -> Result<Rescaled, Error> {
        let job = self.live("rescale job", id)?;
        job.rescale(node, instances).map(Rescaled::from)
    }

    fn hold(&self, id: &str, pause: bool) -> Result<(), Error> {
        let job = self.live(if pause { "pause job" } else { "resume job" }, id)?;
        if pause {
            job.pause();
        } else {
            job.resume();
        }
        self.shared.changed.notify_all();
        Ok(())
    }

    /// A job that runs and has not been told to end.
    fn live(&self, operation: &'static str, id: &str) -> Result<runtime::JobController, Error> {
        let mut table = self.shared.lock();
        let record = table.find(id).ok_or_else(|| missing(operation, id))?;
        match &record.stage {
            Stage::Live(job) if record.asked == Asked::Nothing => Ok(job.clone()),
            _ => Err(Error::new(ErrorKind::Closed, operation)
                .with("job", id)
                .expected("one that runs")
                .found(format!("one that is {}", record.summary().state))
                .remedy("see its status")),
        }
    }

    /// Cuts a job off where it stands: what is inside stays behind and is counted in its report. One that has ended stays
    /// as it is.
    ///
    /// # Errors
    /// `NotFound` as for [`status`](Self::status).
    #[doc(alias = "delete_job")]
    pub fn cancel(&self, id: &str) -> Result<(), Error> {
        self.end(id, Asked::Cancel)
    }

    /// Stops the sources of a job and lets what is inside flow out, for at most `limit`.
    ///
    /// # Errors
    /// `NotFound` as for [`status`](Self::status).
    pub fn drain(&self, id: &str, limit: Duration) -> Result<(), Error> {
        self.end(id, Asked::Drain(limit))
    }

    fn end(&self, id: &str, asked: Asked) -> Result<(), Error> {
        let mut table = self.shared.lock();
        let record = table.find(id).ok_or_else(|| missing("end job", id))?;
        record.asked = record.asked.max(asked);
        let job = match &record.stage {
            Stage::Live(job) => Some(job.clone()),
            // One that is being started is told when it runs.
            _ => None,
        };
        drop(table);
        tell(job.as_slice(), asked);
        Ok(())
    }

    /// Waits for the end of a job, at most this long.
    ///
    /// # Errors
    /// `NotFound` as for [`status`](Self::status); `Timeout` when it has not ended by then.
    pub fn wait(&self, id: &str, limit: Duration) -> Result<JobStatus, Error> {
        let until = Instant::now().checked_add(limit);
        let mut table = self.shared.lock();
        loop {
            let record = table.find(id).ok_or_else(|| missing("wait for job", id))?;
            if record.has_ended() {
                return Ok(record.status());
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            table = match left {
                Some(left) if left.is_zero() => {
                    return Err(Error::new(ErrorKind::Timeout, "wait for job")
                        .with("job", id)
                        .expected(format!("its end within {limit:?}"))
                        .found(format!("that it is {}", record.summary().state))
                        .remedy("wait longer, or cancel it"));
                }
                Some(left) => {
                    let waited = self.shared.changed.wait_timeout(table, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    let waited = self.shared.changed.wait(table);
                    waited.unwrap_or_else(PoisonError::into_inner)
                }
            };
        }
    }

    /// Takes nothing on any more, drains every job for at most `limit`, and waits until all have ended. False when some had
    /// not when they should have: code that builds a job, or an operator, does not return.
    #[must_use]
    pub fn close(&self, limit: Duration) -> bool {
        self.end_all(Asked::Drain(limit));
        let until = Instant::now().checked_add(limit.saturating_add(LEAVE));
        let mut table = self.shared.lock();
        while table.live() > 0 {
            let left = until.map_or(LEAVE, |until| until.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return false;
            }
            let waited = self.shared.changed.wait_timeout(table, left);
            table = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Takes nothing on any more and cancels every job.
    pub fn cancel_all(&self) {
        self.end_all(Asked::Cancel);
    }

    fn end_all(&self, asked: Asked) {
        let mut live = Vec::new();
        let mut table = self.shared.lock();
        table.closed = true;
        for record in table.all_mut() {
            record.asked = record.asked.max(asked);
            if let Stage::Live(job) = &record.stage {
                live.push(job.clone());
            }
        }
        drop(table);
        tell(&live, asked);
    }
}

fn tell(jobs: &[runtime::JobController], asked: Asked) {
    for job in jobs {
        match asked {
            Asked::Nothing => {}
            Asked::Drain(limit) => job.drain(limit),
            Asked::Cancel => job.abort(),
        }
    }
}

fn missing(operation: &'static str, id: &str) -> Error {
    Error::new(ErrorKind::NotFound, operation)
        .with("job", id)
        .expected("the id of a job that runs or ended not long ago")
        .remedy("list the jobs to see which there are")
}

impl Drop for JobManager {
    fn drop(&mut self) {
        self.cancel_all();
    }
}

impl fmt::Debug for JobManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobManager")
            .field("registry", &self.shared.registry)
            .field("live", &self.shared.lock().live())
            .finish_non_exhaustive()
    }
}
