//! Offers a manager to whoever reaches its request queue.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{Backends, DescriptorRecord, Error, ErrorKind};
use serde_json::Value;
use service::{Answer, Desk, Failure, Message, ReplyQueues, ServiceTotals, Staff};

use super::call::Call;
use super::{SERVICE, at};
use crate::JobManager;

/// The queue that takes the calls.
pub const REQUESTS: &str = "sage_jobs/requests";
/// What the name of a queue for answers begins with.
pub const REPLIES: &str = "sage_jobs/replies/";

/// Calls that are worked on at once: to build a job may take its time.
const WORKERS: u32 = 4;

/// A manager that takes calls from a queue. Dropping it ends the calls and leaves the jobs alone.
///
/// Whoever may put into [`REQUESTS`] runs jobs with the rights of this process. Answers go to queues at the same place
/// alone, whatever a request says.
pub struct JobServer {
    staff: Staff,
}

impl JobServer {
    /// Takes calls from the queue [`REQUESTS`] at the place that `place` describes; its queue id means nothing.
    ///
    /// # Errors
    /// What opening that queue says; `ResourceExhausted` when the system refuses a thread.
    pub fn start<B: Backends>(
        manager: &Arc<JobManager>,
        backends: &B,
        place: &DescriptorRecord,
    ) -> Result<Self, Error> {
        let requests = backends.registry::<Message<String>>().open(&at(place, REQUESTS)?)?;
        let home = place.clone();
        let replies = ReplyQueues::new()
            .with_registry(backends.registry::<Answer>())
            .with_rule(move |named| {
                let id = named.queue_id.as_str();
                if id.starts_with(REPLIES) {
                    return at(&home, id);
                }
                Err(Error::new(ErrorKind::PermissionDenied, "answer call")
                    .queue(id)
                    .expected(format!("a queue under `{REPLIES}`"))
                    .remedy("use the client of this library"))
            });
        let desk = Desk::new(SERVICE, WORKERS, requests);
        let manager = Arc::clone(manager);
        let staff = Staff::start(&desk, WORKERS, &Arc::new(replies), move |_| {
            let manager = Arc::clone(&manager);
            move |text: String, _: &mut service::Call<String>| answer(&manager, &text).map(Some)
        })?;
        Ok(Self { staff })
    }

    /// What became of the calls so far.
    #[must_use]
    pub fn totals(&self) -> ServiceTotals {
        self.staff.totals()
    }

    /// Takes no more calls and waits, at most this long, until those at hand are answered. True when they were.
    #[must_use]
    pub fn end(self, limit: Duration) -> bool {
        let report = self.staff.end(limit);
        report.stuck.is_empty() && report.failures.is_empty()
    }
}

fn answer(manager: &JobManager, text: &str) -> Result<String, Failure> {
    let call: Call = serde_json::from_str(text).map_err(|cause| {
        Error::new(ErrorKind::Incompatible, "read call")
            .expected("a call of this version")
            .caused_by(cause)
            .remedy("use client and server of one version")
    })?;
    let answer = match call {
        Call::Submit {
            name,
            params,
            keep: None,
        } => Value::from(manager.submit(&name, &params)?),
        Call::Submit {
            name,
            params,
            keep: Some(keep),
        } => Value::from(manager.submit_keeping(&name, &params, &keep)?),
        Call::List => serde_json::to_value(manager.list())?,
        Call::Status { id } => serde_json::to_value(manager.status(&id)?)?,
        Call::Pause { id } => {
            manager.pause(&id)?;
            Value::Null
        }
        Call::Resume { id } => {
            manager.resume(&id)?;
            Value::Null
        }
        Call::Rescale { id, node, instances } => serde_json::to_value(manager.rescale(&id, &node, instances)?)?,
        Call::Cancel { id, drain_ms: None } => {
            manager.cancel(&id)?;
            Value::Null
        }
        Call::Cancel {
            id,
            drain_ms: Some(limit),
        } => {
            manager.drain(&id, Duration::from_millis(limit))?;
            Value::Null
        }
    };
    Ok(answer.to_string())
}

impl fmt::Debug for JobServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobServer").field("totals", &self.totals()).finish()
    }
}
