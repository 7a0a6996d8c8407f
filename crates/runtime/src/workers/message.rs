//! What coordinator and workers say to each other.

use checkpoint::Part;
use descriptor_core::DescriptorPool;
use graph::{Deployment, ExecutionGraph};
use serde::{Deserialize, Serialize};
use task::host::{Failure, TaskAccount};

use crate::NodeState;
use crate::checkpoints::{Share, Told};

/// The first message to a worker: the job, and the queues of this run of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) fingerprint: String,
    pub(super) deployment: Deployment,
    /// When it is no longer the one that the program builds.
    pub(super) graph: Option<ExecutionGraph>,
    pub(super) run: String,
    pub(super) pool: DescriptorPool,
    /// What the id of the queue of dead letters begins with.
    pub(super) letters: String,
    pub(super) checkpoints: Option<Share>,
    /// What the code was made with, see [`Job::made_with`](crate::Job::made_with).
    pub(super) made_with: String,
    /// What a worker builds the job from whose arguments do not say it, see [`Told`](crate::Told).
    pub(super) task: Option<String>,
}

/// What the coordinator wants next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Open your queues: the coordinator has opened all of them.
    Open,
    /// Let the packets flow.
    Start,
    /// Stand still where nothing is lost by it.
    Pause,
    /// Go on.
    Resume,
    /// Send the barrier of this checkpoint, and write what is yours of it.
    Barrier(u64),
    /// The checkpoint of this number is complete.
    Completed(u64),
    /// The last one is, or cannot be, and why; all are at their end.
    Conclude(Result<(), String>),
    /// Stop the sources.
    Drain,
    /// Stop where you stand, and leave what is between processes as it is.
    Abort,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// Its graph is another one.
    Differs(Box<ExecutionGraph>),
    /// It cannot do its part.
    Refused(String),
    /// It has built the job, and can take its queues away should nobody else be left. Nothing is open.
    StandsBy,
    /// Everything is open and made.
    Ready,
    /// How far its instances are, where that has changed.
    Progress(Vec<Glance>),
    /// Nothing has changed, and it is there.
    Alive,
    /// Its part of the checkpoint of this number is on disk.
    Saved(u64, Part),
    /// Its part of the checkpoint of this number could not be written, and why.
    Unwritten(u64, String),
    /// It cannot take part in the checkpoint of this number.
    Declined(u64),
    /// All of its instances are at their end, and wait for the last checkpoint.
    Over,
    /// It is giving up, on its own or as told; what failed there so far.
    Aborting(Vec<Failure>),
    /// All is over.
    Done(Box<Done>),
}

/// How far one instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Glance {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) packets_in: u64,
    pub(super) packets_out: u64,
    pub(super) state: NodeState,
    pub(super) restarts: u64,
}

/// The last word of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {
    /// By their place in the plan.
    pub(super) accounts: Vec<(usize, TaskAccount)>,
    /// What failed since the last word about that.
    pub(super) failures: Vec<Failure>,
    /// Instances that did not return.
    pub(super) stuck: Vec<String>,
}

impl From<Told> for Word {
    fn from(told: Told) -> Self {
        match told {
            Told::Saved(number, part) => Self::Saved(number, part),
            Told::Unwritten(number, why) => Self::Unwritten(number, why),
            Told::Declined(number) => Self::Declined(number),
            Told::Over => Self::Over,
        }
    }
}
