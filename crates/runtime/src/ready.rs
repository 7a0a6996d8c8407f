//! A job between its two phases.

use crate::handle::{JobController, JobHandle};

/// A job of which everything is made and nothing runs. Dropping it takes all of that back.
#[derive(Debug)]
pub struct ReadyJob {
    controller: JobController,
    handle: Option<JobHandle>,
}

impl ReadyJob {
    pub(crate) fn new(handle: JobHandle) -> Self {
        Self {
            controller: handle.controller(),
            handle: Some(handle),
        }
    }

    /// Lets the packets flow.
    #[must_use]
    pub fn begin(mut self) -> JobHandle {
        let handle = self.handle.take();
        let handle = handle.unwrap_or_else(|| unreachable!("it goes with this"));
        handle.begin();
        handle
    }

    /// Shows the job, and ends it once it runs.
    #[must_use]
    pub const fn controller(&self) -> &JobController {
        &self.controller
    }
}

impl Drop for ReadyJob {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            handle.abort();
            // Nothing has begun, so every thread ends at once, and its queues with it.
            let _ = handle.wait();
        }
    }
}
