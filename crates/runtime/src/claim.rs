//! The name of a running job.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use descriptor_core::{DescriptorRecord, Error, ErrorKind, evict};

/// The right to be the running job of a name, and to the queues under that name: two jobs would share them.
///
/// The handle and every thread of the job hold it. With the last of them the names of the queues become free, and then
/// that of the job.
#[derive(Debug)]
pub(crate) struct Claim {
    job: String,
    opened: Vec<DescriptorRecord>,
}

static RUNNING: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl Claim {
    pub(crate) fn take(job: &str) -> Result<Self, Error> {
        if running().insert(job.into()) {
            Ok(Self {
                job: job.into(),
                opened: Vec::new(),
            })
        } else {
            Err(Error::new(ErrorKind::Overloaded, "start job")
                .with("job", job)
                .expected("a name that no running job of this process has")
                .found("one that is running")
                .remedy("wait for the other job to end, or give this one another name"))
        }
    }

    /// The queue of this record is the job's from now on, and ends with it.
    pub(crate) fn keep(&mut self, record: DescriptorRecord) {
        self.opened.push(record);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A name would keep its queue, closed as it may be, for the next job.
        for record in &self.opened {
            evict(record);
        }
        running().remove(&self.job);
    }
}

fn running() -> MutexGuard<'static, BTreeSet<String>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}
