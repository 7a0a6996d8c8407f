//! The workers of a service in this process.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind, Wire};

use crate::desk::Desk;
use crate::reply_to::ReplyQueues;
use crate::tally::ServiceTotals;
use crate::worker::{Call, Failure, Worker};

/// A thread for each worker of a service. Dropping it aborts the service and waits for nobody.
pub struct Staff {
    threads: Vec<(String, JoinHandle<Result<(), Error>>)>,
    desk: Box<dyn Office>,
}

/// A desk that has forgotten what it is asked.
trait Office: Send + Sync {
    fn close(&self);
    fn abort(&self);
    fn totals(&self) -> ServiceTotals;
    fn name(&self) -> &str;
}

impl<Req: Wire> Office for Desk<Req> {
    fn close(&self) {
        Self::close(self);
    }

    fn abort(&self) {
        Self::abort(self);
    }

    fn totals(&self) -> ServiceTotals {
        Self::totals(self)
    }

    fn name(&self) -> &str {
        Self::name(self)
    }
}

/// How the workers of a service ended.
#[derive(Debug)]
pub struct StaffReport {
    /// What they did.
    pub totals: ServiceTotals,
    /// The workers that had not returned in time, by the names of their threads.
    pub stuck: Vec<String>,
    /// What ended workers that did not end by themselves.
    pub failures: Vec<Error>,
}

impl Staff {
    /// Starts `workers` threads. `make` is called with the number of the worker, on its thread, and again after a panic of
    /// its handler.
    ///
    /// # Errors
    /// `ResourceExhausted` when the system refuses a thread; those that exist end, and the desk is closed.
    pub fn start<Req, Resp, H>(
        desk: &Desk<Req>,
        workers: u32,
        replies: &Arc<ReplyQueues>,
        make: impl Fn(u32) -> H + Send + Sync + 'static,
    ) -> Result<Self, Error>
    where
        Req: Wire,
        Resp: Wire,
        H: FnMut(Req, &mut Call<Resp>) -> Result<Option<Resp>, Failure>,
    {
        let make = Arc::new(make);
        let mut staff = Self {
            threads: Vec::new(),
            desk: Box::new(desk.clone()),
        };
        for index in 0..workers {
            let name = format!("{}_{index}", desk.name());
            let worker = Worker::with_replies(desk, Arc::clone(replies));
            let make = Arc::clone(&make);
            let thread = thread::Builder::new()
                .name(name.clone())
                .spawn(move || worker.run(|| make(index)))
                .map_err(|cause| {
                    Error::new(ErrorKind::ResourceExhausted, "start service")
                        .with("service", desk.name())
                        .expected("a thread per worker")
                        .caused_by(cause)
                        .remedy("use fewer workers, or raise the limit of threads")
                })?;
            staff.threads.push((name, thread));
        }
        Ok(staff)
    }

    /// The name of the service.
    #[must_use]
    pub fn name(&self) -> &str {
        self.desk.name()
    }

    /// What they have done so far.
    #[must_use]
    pub fn totals(&self) -> ServiceTotals {
        self.desk.totals()
    }

    /// Takes no more requests; those in the queue are answered.
    pub fn close(&self) {
        self.desk.close();
    }

    /// Takes no more requests; those in the queue fail, and handlers at work see that they are cancelled.
    pub fn abort(&self) {
        self.desk.abort();
    }

    /// Closes the service, waits until its workers have ended, and reports. Who has not within `limit` is named and left
    /// alone.
    #[must_use]
    pub fn end(mut self, limit: Duration) -> StaffReport {
        self.desk.close();
        let until = Instant::now().checked_add(limit);
        let (mut stuck, mut failures) = (Vec::new(), Vec::new());
        for (name, thread) in std::mem::take(&mut self.threads) {
            // A thread cannot be waited for with a limit; these are few, and it is the end.
            while !thread.is_finished() && until.is_none_or(|until| Instant::now() < until) {
                thread::park_timeout(Duration::from_millis(1));
            }
            if !thread.is_finished() {
                stuck.push(name);
                continue;
            }
            match thread.join() {
                Ok(Ok(())) => {}
                Ok(Err(error)) => failures.push(error),
                Err(_) => failures.push(
                    Error::new(ErrorKind::UserCode, "end service")
                        .with("worker", name)
                        .found("a panic outside of the handler"),
                ),
            }
        }
        if !stuck.is_empty() {
            self.desk.abort();
        }
        StaffReport {
            totals: self.desk.totals(),
            stuck,
            failures,
        }
    }
}

impl Drop for Staff {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.desk.abort();
        }
    }
}

impl fmt::Debug for Staff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staff")
            .field("service", &self.name())
            .field("workers", &self.threads.len())
            .finish_non_exhaustive()
    }
}
