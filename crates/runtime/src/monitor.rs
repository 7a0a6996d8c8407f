//! Watches a running job: how full its queues are, and whether a drain keeps its deadline.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use task::host::Progress;

use crate::shared::Shared;

/// How often loads are sampled; ten samples make a trend.
const EVERY: Duration = Duration::from_millis(100);

/// Samples every input queue until all tasks have ended, and cuts off a drain that misses its deadline while nobody
/// waits for the job. A job without a monitor runs all the same, so a refused thread is only noted.
pub(crate) fn spawn(shared: &Arc<Shared>, tasks: usize) -> Option<JoinHandle<()>> {
    let at = Arc::clone(shared);
    let spawned = thread::Builder::new()
        .name(format!("{}-monitor", shared.plan.job_name()))
        .spawn(move || {
            let mut next = Instant::now();
            loop {
                let now = Instant::now();
                at.sample_loads(now);
                if at.deadline().is_some_and(|deadline| now >= deadline) {
                    at.abort();
                }
                next += EVERY;
                if at.control.wait_all(tasks, Some(next.max(now))) == Progress::AllEnded {
                    return;
                }
            }
        });
    match spawned {
        Ok(monitor) => Some(monitor),
        Err(cause) => {
            tracing::warn!(job = %shared.plan.job_name(), %cause, "no thread for the monitor: loads have no trend");
            None
        }
    }
}
