//! What coordinator and workers say to each other.

use descriptor_core::DescriptorPool;
use graph::{Deployment, ExecutionGraph};
use serde::{Deserialize, Serialize};

use crate::NodeState;
use crate::control::Failure;
use crate::task::TaskAccount;

/// The first message to a worker: the job, and the queues of this run of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Setup {
    pub(super) fingerprint: String,
    pub(super) deployment: Deployment,
    pub(super) run: String,
    pub(super) pool: DescriptorPool,
}

/// What the coordinator wants next.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Order {
    /// Let the packets flow.
    Start,
    /// Stand still where nothing is lost by it.
    Pause,
    /// Go on.
    Resume,
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
    /// Everything is open and made.
    Ready,
    /// How far its instances are, where that has changed.
    Progress(Vec<Glance>),
    /// Nothing has changed, and it is there.
    Alive,
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
