//! What a job did, for people and for programs.

use std::fmt;

use descriptor_core::{Error, ErrorKind, LedgerReport};
use serde::Serialize;

use crate::{CheckpointReport, NodeState, ServiceReport, WorkerProgress};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Every source came to its end and everything flowed out.
    Finished,
    /// Sources were told to stop, and everything inside flowed out.
    Drained,
    /// The job was cut off; what was inside stayed behind and is counted.
    Aborted,
    /// User code or a queue failed; what was inside stayed behind and is counted.
    Failed,
    /// The job came to its end without instances that had failed and were isolated.
    Degraded,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Drained => "drained",
            Self::Aborted => "aborted",
            Self::Failed => "failed",
            Self::Degraded => "degraded",
        })
    }
}

/// One failure of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailureReport {
    /// The node.
    pub node: String,
    /// The instance.
    pub instance: String,
    /// What its code said, or the panic's message.
    pub message: String,
    /// True for a panic, false for an error.
    pub panicked: bool,
    /// True when the job went on without the instance.
    pub isolated: bool,
}

impl fmt::Display for FailureReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.panicked { "panicked" } else { "failed" };
        write!(f, "`{}` {verb}: {}", self.instance, self.message)
    }
}

/// What one node did, over all its instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// The node.
    pub node: String,
    /// How many instances it had.
    pub parallelism: u32,
    /// Packets its operators were given.
    pub packets_in: u64,
    /// Packets its operators emitted.
    pub packets_out: u64,
    /// Packets whose processing failed and which the error policy let go or put aside.
    pub skipped: u64,
    /// Packets it emitted that no edge took, because the job ended first.
    pub unsent: u64,
    /// How it ended; of several instances, how the one did of which there is most to say.
    pub state: NodeState,
    /// How often its instances were started again.
    pub restarts: u64,
    /// Events that went against the plan: repeated stops, packets behind a stop, unknown senders. 0 in a sound job.
    pub irregular: u64,
}

/// What was still in one queue when the job ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftBehind {
    /// The queue.
    pub queue_id: String,
    /// Packets inside.
    pub packets: u64,
}

/// A worker process that ended before it had given its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LostWorker {
    /// Its number.
    pub worker: u32,
    /// Its process id.
    pub pid: u32,
    /// How it ended.
    pub fate: String,
    /// The instances that ran there, with their state.
    pub instances: Vec<String>,
    /// Packets that it had taken, as far as those who sent them know. Which of them it had worked through is not known:
    /// the ledger has all of them as lost in flight.
    pub taken: u64,
}

/// An attempt that failed, and behind which all of the job went back to a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttemptReport {
    /// The checkpoint that it had gone on from; `None` when it was the beginning.
    pub restored: Option<u64>,
    /// What failed, in the order it happened, behind new starts that came to nothing.
    pub failures: Vec<FailureReport>,
    /// Worker processes that ended too early.
    pub lost_workers: Vec<LostWorker>,
    /// How long it lasted.
    pub seconds: f64,
    /// Packets that its sources had sent behind its last checkpoint, as far as is known: the next attempt sends them again.
    pub replayed: u64,
    /// From the moment that the failure was noticed until packets flowed in the next attempt.
    pub recovery_seconds: f64,
}

/// A change of the parallelism of a node of a running job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RescaleReport {
    /// The node.
    pub node: String,
    /// Its instances before.
    pub before: u32,
    /// Its instances from then on.
    pub after: u32,
    /// How many of its key groups moved.
    pub moved: u32,
    /// The checkpoint that was made for it.
    pub checkpoint: Option<u64>,
    /// From the end of the old instances to the start of the new ones.
    pub seconds: f64,
}

/// Everything a job did. Of several attempts at a job with checkpoints, what the last one did, unless said otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct JobReport {
    /// The job.
    pub job: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall time from the start of the threads to the end of the last one, of all attempts.
    pub seconds: f64,
    /// Every node, in the order of the plan.
    pub nodes: Vec<NodeReport>,
    /// Every edge: what went in, what came out, what was dropped and why.
    pub ledger: LedgerReport,
    /// Every failure, in the order they happened. Empty unless the outcome is [`Outcome::Failed`] or
    /// [`Outcome::Degraded`].
    pub failures: Vec<FailureReport>,
    /// Queues that were not empty at the end.
    pub left_behind: Vec<LeftBehind>,
    /// Instances that had not returned when the wait for them was given up. What they did is not known: the ledger has what
    /// they had taken as lost in flight.
    pub stuck: Vec<String>,
    /// Worker processes that ended too early.
    pub lost_workers: Vec<LostWorker>,
    /// Every worker process, by their numbers, with the longest time that nothing was heard of it; none on threads.
    pub workers: Vec<WorkerProgress>,
    /// Every service, in the order of the plan.
    pub services: Vec<ServiceReport>,
    /// Answers of services that came when their callers had given up, and were dropped.
    pub late_answers: u64,
    /// Of a job with checkpoints. What it counts is that of all attempts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoints: Option<CheckpointReport>,
    /// How often all of the job went back to a checkpoint.
    pub restarts: u64,
    /// The attempts that failed before the last one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<AttemptReport>,
    /// What became of the parallelism of its nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rescales: Vec<RescaleReport>,
}

impl JobReport {
    /// The node of that name.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeReport> {
        self.nodes.iter().find(|node| node.node == name)
    }

    /// True when everything that went in came out and every account closes.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.outcome, Outcome::Finished | Outcome::Drained)
            && self.left_behind.is_empty()
            && self.stuck.is_empty()
            && self.ledger.check().is_ok()
    }

    /// The report as a result: an unsuccessful job is an error that says what happened first.
    ///
    /// # Errors
    /// `UserCode` for a failed or degraded job, `PeerDied` when a worker process ended too early, `Cancelled` for an aborted one, and what the ledger says when it does not close.
    pub fn into_result(self) -> Result<Self, Error> {
        match self.outcome {
            Outcome::Finished | Outcome::Drained => {
                self.ledger.check()?;
                Ok(self)
            }
            Outcome::Aborted => Err(Error::new(ErrorKind::Cancelled, "run job")
                .with("job", &self.job)
                .found(format!("{} packets left behind", self.packets_left_behind()))
                .remedy("start it again, or drain it with a longer deadline")),
            Outcome::Failed | Outcome::Degraded => {
                let first = self.failures.first().map_or_else(String::new, ToString::to_string);
                let (kind, remedy) = if self.lost_workers.is_empty() {
                    (
                        ErrorKind::UserCode,
                        "mend the operator, or give its node another error policy",
                    )
                } else {
                    (
                        ErrorKind::PeerDied,
                        "see what ended the process, and start the job again",
                    )
                };
                Err(Error::new(kind, "run job")
                    .with("job", &self.job)
                    .found(first)
                    .remedy(remedy))
            }
        }
    }

    /// Packets that were still in some queue at the end.
    #[must_use]
    pub fn packets_left_behind(&self) -> u64 {
        self.left_behind.iter().map(|queue| queue.packets).sum()
    }
}
