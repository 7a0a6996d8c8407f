//! What the services of a job did.

use serde::Serialize;
use service::{ServiceTotals, StaffReport};

/// What one service did, over all its workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ServiceReport {
    /// The service.
    pub service: String,
    /// How many workers it had.
    pub workers: u32,
    /// What became of its requests.
    #[serde(flatten)]
    pub totals: ServiceTotals,
    /// Workers that had not returned when the wait for them was given up.
    pub stuck: Vec<String>,
    /// What ended workers before the end of the job.
    pub failures: Vec<String>,
}

impl ServiceReport {
    pub(super) fn new(service: String, workers: u32, staff: StaffReport) -> Self {
        Self {
            service,
            workers,
            totals: staff.totals,
            stuck: staff.stuck,
            failures: staff.failures.iter().map(ToString::to_string).collect(),
        }
    }
}
