//! Where a service takes its requests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use descriptor_core::{DynQueue, Error, ErrorKind, Item};

use crate::message::{CallId, Flag, Message};
use crate::tally::{ServiceTotals, Tally};
use crate::trail::DEEPEST;

/// A service as its workers and callers know it: its name, its request queue, how many workers there are.
///
/// Workers and callers of one process should share one desk, which is cheap to clone: it counts the workers that wait for
/// their own service, and so tells a nested call that can never be answered.
pub struct Desk<Req: Item> {
    pub(crate) inner: Arc<Inner<Req>>,
}

pub(crate) struct Inner<Req: Item> {
    pub(crate) name: Arc<str>,
    workers: u32,
    pub(crate) requests: DynQueue<Message<Req>>,
    /// Workers of this service that wait, through whatever other services, for this service.
    inside: AtomicU32,
    pub(crate) aborted: Flag,
    pub(crate) tally: Tally,
    /// Calls from other processes that are being worked on here.
    running: Mutex<BTreeMap<CallId, Flag>>,
}

impl<Req: Item> Desk<Req> {
    /// The service `name` with this many workers in all, which take from this queue.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, workers: u32, requests: DynQueue<Message<Req>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                name: name.into(),
                workers,
                requests,
                inside: AtomicU32::new(0),
                aborted: Flag::default(),
                tally: Tally::default(),
                running: Mutex::default(),
            }),
        }
    }

    /// The name of the service.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// How many workers it has, everywhere.
    #[must_use]
    pub fn workers(&self) -> u32 {
        self.inner.workers
    }

    /// The request queue.
    #[must_use]
    pub fn requests(&self) -> &DynQueue<Message<Req>> {
        &self.inner.requests
    }

    /// What the workers of this desk have done so far.
    #[must_use]
    pub fn totals(&self) -> ServiceTotals {
        self.inner.tally.totals()
    }

    /// Takes no more requests. The workers finish those that are in the queue, and end.
    pub fn close(&self) {
        self.inner.requests.close();
    }

    /// Takes no more requests and tells the callers of those in the queue that nobody will answer. Handlers at work see
    /// that their call is cancelled.
    pub fn abort(&self) {
        self.inner.aborted.set();
        self.close();
    }

    pub(crate) fn is_aborted(&self) -> bool {
        self.inner.aborted.is_set()
    }

    /// A call that is made for these services, the outermost first, which wait meanwhile: refuses one for which no worker can be left.
    pub(crate) fn enter(&self, names: &[String]) -> Result<Inside<Req>, Error> {
        let name = self.name();
        let refused = || Error::new(ErrorKind::Overloaded, "call service").with("service", name);
        if names.len() > DEEPEST {
            return Err(refused()
                .expected(format!("at most {DEEPEST} services that wait for each other"))
                .found(names.len().to_string())
                .remedy("end the recursion of the services"));
        }
        let own = names.iter().filter(|other| other.as_str() == name).count();
        let mut inside = Inside { desk: None };
        if own > 0 {
            let before = self.inner.inside.fetch_add(1, Ordering::AcqRel);
            inside.desk = Some(self.clone());
            let waiting = before.saturating_add(1).max(own as u32);
            if waiting >= self.workers() {
                return Err(refused()
                    .expected("a worker that does not wait for this service itself")
                    .found(format!("{waiting} waiting of {}", self.workers()))
                    .remedy("give the service more workers than nested calls"));
            }
        }
        Ok(inside)
    }

    /// Remembers a call of another process while it is worked on.
    pub(crate) fn begin(&self, id: CallId, flag: Flag) {
        self.running().insert(id, flag);
    }

    pub(crate) fn end(&self, id: CallId) {
        self.running().remove(&id);
    }

    /// The caller has given up: true when somebody here works on the call.
    pub(crate) fn cancel(&self, id: CallId) -> bool {
        let found = self.running().get(&id).cloned();
        if let Some(flag) = &found {
            flag.set();
        }
        found.is_some()
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<CallId, Flag>> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A worker that waits for its own service.
pub(crate) struct Inside<Req: Item> {
    desk: Option<Desk<Req>>,
}

impl<Req: Item> Inside<Req> {
    pub(crate) const fn none() -> Self {
        Self { desk: None }
    }
}

impl<Req: Item> Drop for Inside<Req> {
    fn drop(&mut self) {
        if let Some(desk) = &self.desk {
            desk.inner.inside.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl<Req: Item> Clone for Desk<Req> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<Req: Item> fmt::Debug for Desk<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk")
            .field("service", &self.name())
            .field("workers", &self.workers())
            .finish_non_exhaustive()
    }
}
