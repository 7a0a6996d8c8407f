//! What is known of a job.

use std::fmt;

use runtime::{CheckpointReport, JobController, NodeProgress, Outcome, RouteDiff, WorkerProgress};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Scalars;

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobState {
    /// Its queues are being opened and its operators made.
    Starting,
    /// Packets flow.
    Running,
    /// It has been told to stand still.
    Paused,
    /// Its sources have been stopped, and what is inside flows out.
    Draining,
    /// It has been told to stop where it stands.
    Cancelling,
    /// It came to its natural end.
    Finished,
    /// It was drained, and everything flowed out.
    Drained,
    /// It was cut off.
    Cancelled,
    /// It came to its end without instances that failed.
    Degraded,
    /// It failed.
    Failed,
}

impl JobState {
    /// True when nothing follows.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Finished | Self::Drained | Self::Cancelled | Self::Degraded | Self::Failed
        )
    }

    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Cancelling => "cancelling",
            Self::Finished => "finished",
            Self::Drained => "drained",
            Self::Cancelled => "cancelled",
            Self::Degraded => "degraded",
            Self::Failed => "failed",
        }
    }
}

impl From<Outcome> for JobState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Finished,
            Outcome::Drained => Self::Drained,
            Outcome::Aborted => Self::Cancelled,
            Outcome::Degraded => Self::Degraded,
            _ => Self::Failed,
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A job in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSummary {
    /// Its id, `{name}-{number}`, given once in the life of a manager.
    pub id: String,
    /// The name it was submitted by.
    pub name: String,
    /// How far it is.
    pub state: JobState,
    /// When it was submitted, in milliseconds since 1970-01-01 UTC.
    pub submitted_ms: u64,
    /// How long it has run, or ran.
    pub seconds: f64,
}

/// Everything that is known of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobStatus {
    /// What a list says.
    #[serde(flatten)]
    pub summary: JobSummary,
    /// All its parameters.
    pub params: Scalars,
    /// Its nodes, in the order of the plan; none before it runs.
    pub nodes: Vec<NodeProgress>,
    /// Its worker processes, those it has or had last; none on threads.
    #[serde(default)]
    pub workers: Vec<WorkerProgress>,
    /// How often all of it went back to a checkpoint, or to its beginning, and on from there.
    #[serde(default)]
    pub restarts: u64,
    /// What has come of its checkpoints; `None` for a job without.
    #[serde(default)]
    pub checkpoints: Option<CheckpointReport>,
    /// What failed first, in words.
    pub error: Option<String>,
    /// The [`JobReport`](runtime::JobReport) of one that has ended.
    pub report: Option<Value>,
    /// What it came to, if there is something to say.
    pub result: Option<Value>,
}

/// What there is to see of a job while it runs, and what was there last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) nodes: Vec<NodeProgress>,
    pub(crate) workers: Vec<WorkerProgress>,
    pub(crate) restarts: u64,
    pub(crate) checkpoints: Option<CheckpointReport>,
}

impl Seen {
    pub(crate) fn of(job: &JobController) -> Self {
        Self {
            nodes: job.progress(),
            workers: job.workers(),
            restarts: job.restarts(),
            checkpoints: job.checkpoints(),
        }
    }
}

/// A node that has another number of instances now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescaled {
    /// The node.
    pub node: String,
    /// Its instances before.
    pub before: u32,
    /// Its instances now.
    pub after: u32,
    /// How many groups of keys went to another instance.
    pub moved: u32,
    /// How many stayed.
    pub stayed: u32,
}

impl From<RouteDiff> for Rescaled {
    fn from(diff: RouteDiff) -> Self {
        Self {
            before: diff.before,
            after: diff.after,
            moved: diff.moved(),
            stayed: diff.stay(),
            node: diff.node,
        }
    }
}
