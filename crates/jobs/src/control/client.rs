//! The manager of another process.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use descriptor_core::{Backends, DescriptorRecord, Error, ErrorKind, QueueId, Wait};
use serde::de::DeserializeOwned;
use service::{Answer, Desk, Mailbox, Message, ServiceClient};

use super::call::Call;
use super::server::{REPLIES, REQUESTS};
use super::{SERVICE, at};
use crate::{JobStatus, JobSummary, Keep, Rescaled, Scalars};

/// How often the state of a job that is waited for is asked.
const LOOK: Duration = Duration::from_millis(100);

/// Asks a [`JobServer`](crate::JobServer). Its calls mean what those of [`JobManager`](crate::JobManager) mean.
pub struct JobClient {
    service: ServiceClient<String, String>,
    mailbox: Mailbox,
    patience: Duration,
}

impl JobClient {
    /// Asks the server at the place that `place` describes; its queue id means nothing. Each answer is waited for as long
    /// as `patience`.
    ///
    /// # Errors
    /// What opening the two queues says.
    pub fn open<B: Backends>(backends: &B, place: &DescriptorRecord, patience: Duration) -> Result<Self, Error> {
        let requests = backends.registry::<Message<String>>().open(&at(place, REQUESTS)?)?;
        let own = at(place, &format!("{REPLIES}{}", QueueId::generated("client")))?;
        let mailbox = Mailbox::open(&backends.registry::<Answer>(), &own)?;
        let desk = Desk::new(SERVICE, 1, requests);
        Ok(Self {
            service: ServiceClient::new(&desk, &mailbox),
            mailbox,
            patience,
        })
    }

    /// Starts a job and says its id.
    ///
    /// # Errors
    /// As [`JobManager::submit`](crate::JobManager::submit), and as [`ServiceClient::call`].
    pub fn submit(&self, name: &str, params: &Scalars) -> Result<String, Error> {
        self.ask(&Call::Submit {
            name: name.into(),
            params: params.clone(),
            keep: None,
        })
    }

    /// Starts a job that keeps checkpoints in the folder of the server, and says its id.
    ///
    /// # Errors
    /// As [`JobManager::submit_keeping`](crate::JobManager::submit_keeping), and as [`ServiceClient::call`].
    pub fn submit_keeping(&self, name: &str, params: &Scalars, keep: &Keep) -> Result<String, Error> {
        self.ask(&Call::Submit {
            name: name.into(),
            params: params.clone(),
            keep: Some(keep.clone()),
        })
    }

    /// Every job that runs or is remembered.
    ///
    /// # Errors
    /// As [`ServiceClient::call`].
    pub fn list(&self) -> Result<Vec<JobSummary>, Error> {
        self.ask(&Call::List)
    }

    /// What is known of a job.
    ///
    /// # Errors
    /// As [`JobManager::status`](crate::JobManager::status), and as [`ServiceClient::call`].
    pub fn status(&self, id: &str) -> Result<JobStatus, Error> {
        self.ask(&Call::Status { id: id.into() })
    }

    /// Lets a job stand still.
    ///
    /// # Errors
    /// As [`JobManager::pause`](crate::JobManager::pause), and as [`ServiceClient::call`].
    pub fn pause(&self, id: &str) -> Result<(), Error> {
        self.ask(&Call::Pause { id: id.into() })
    }

    /// Lets a paused job go on.
    ///
    /// # Errors
    /// As [`pause`](Self::pause).
    pub fn resume(&self, id: &str) -> Result<(), Error> {
        self.ask(&Call::Resume { id: id.into() })
    }

    /// Gives a keyed node of a job with checkpoints another number of instances.
    ///
    /// # Errors
    /// As [`JobManager::rescale`](crate::JobManager::rescale), and as [`ServiceClient::call`].
    pub fn rescale(&self, id: &str, node: &str, instances: u32) -> Result<Rescaled, Error> {
        self.ask(&Call::Rescale {
            id: id.into(),
            node: node.into(),
            instances,
        })
    }

    /// Cuts a job off, or stops its sources and lets what is inside flow out for at most `drain`.
    ///
    /// # Errors
    /// As [`JobManager::cancel`](crate::JobManager::cancel), and as [`ServiceClient::call`].
    pub fn cancel(&self, id: &str, drain: Option<Duration>) -> Result<(), Error> {
        let drain_ms = drain.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        self.ask(&Call::Cancel {
            id: id.into(),
            drain_ms,
        })
    }

    /// Waits for the end of a job, until `is_enough` or `limit` says otherwise, and says what is known of it then.
    ///
    /// # Errors
    /// As [`status`](Self::status).
    pub fn wait(
        &self,
        id: &str,
        limit: Option<Duration>,
        mut is_enough: impl FnMut() -> bool,
    ) -> Result<JobStatus, Error> {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        loop {
            let status = self.status(id)?;
            let is_late = until.is_some_and(|until| Instant::now() >= until);
            if status.summary.state.is_end() || is_late || is_enough() {
                return Ok(status);
            }
            thread::park_timeout(LOOK);
        }
    }

    fn ask<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        let unreadable = |cause| {
            Error::new(ErrorKind::Incompatible, "ask job server")
                .expected("an answer of this version")
                .caused_by(cause)
                .remedy("use client and server of one version")
        };
        let text = serde_json::to_string(call).map_err(unreadable)?;
        let answer = self.service.call(text, Wait::from(self.patience))?;
        serde_json::from_str(&answer).map_err(unreadable)
    }
}

impl Drop for JobClient {
    fn drop(&mut self) {
        // Its queue is nobody else's.
        self.mailbox.close();
    }
}

impl fmt::Debug for JobClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobClient").finish_non_exhaustive()
    }
}
