//! One running instance: what it is given, how it ends, what it reports.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use descriptor_core::{DescriptorPool, Error, ErrorKind};
use graph::ErrorPolicy;
use router::{Irregular, StopCause, UpstreamId};
use serde::{Deserialize, Serialize};

use crate::Instance;
use crate::OpError;
use crate::chained::ChainSpec;
use crate::control::{Control, Failure, Phase};
use crate::dead_letter::DeadLetters;
use crate::losses::Loss;
use crate::meter::TaskMeter;
use crate::open_queue::OpenQueue;
use crate::outbox::{GroupParts, Sent};
use crate::restart::Rules;
use crate::seat::Seat;
use crate::services::Caller;
use crate::standing::Standing;

/// What a log is filtered by: to its readers instances and jobs are one.
pub(crate) const LOG: &str = "runtime";

/// Everything an instance is made from.
#[derive(Debug)]
pub struct TaskParts<'a> {
    /// Who it is.
    pub instance: Instance,
    /// Its input queue. Sources have none, and neither have those that another instance calls.
    pub input: Option<&'a OpenQueue>,
    /// The upstream connections, each of which ends with one stop.
    pub expected: &'a [UpstreamId],
    /// Its outgoing edges; none when it calls another instance.
    pub groups: Vec<GroupParts<'a>>,
    /// The operator to call instead of sending, as [`called`](super::host::called) makes it, and where that is.
    pub chained: Option<(Box<dyn Any + Send>, ChainSpec)>,
    /// An [`Output`](super::host::Output) of its item type for each outgoing edge.
    pub outputs: &'a [Box<dyn Any + Send + Sync>],
    /// What becomes of packets that its operator fails on.
    pub on_error: ErrorPolicy,
    /// Where they are put aside.
    pub dead_letters: DeadLetters,
    /// The descriptors of all queues of the job.
    pub pool: Arc<DescriptorPool>,
    /// How it calls services.
    pub caller: Caller,
    /// What its job is told.
    pub control: Arc<Control>,
    /// Where it counts.
    pub meter: Arc<TaskMeter>,
    /// What becomes of it when it fails.
    pub rules: Rules,
    /// That of the thread: those who are called share it with whoever calls.
    pub standing: Arc<Standing>,
    /// Its part in the checkpoints of a job that has some.
    pub seat: Option<Seat>,
}

/// One instance, ready to run on a thread of its own together with those it calls.
pub trait Task: Send {
    /// Runs to the end, whatever the end is.
    ///
    /// # Errors
    /// Every end but the natural one.
    fn run(&mut self) -> Result<(), End>;

    /// Takes a new operator in place of the one that failed; [`run`](Self::run) goes on with what is left to do.
    ///
    /// # Errors
    /// `Failed` when there is no new one, or the old one panics as it is dropped.
    fn restart(&mut self) -> Result<(), End>;

    /// Ends the streams of an instance that will not run again, and sees its input out. It is closed before when the streams
    /// are complete.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn leave(&mut self, cause: StopCause) -> Result<(), End>;

    /// True once something could not be sent.
    fn is_broken(&self) -> bool;

    /// The accounts of this instance and of those it calls, in their order; complete once `run` has returned or
    /// panicked.
    fn account(&mut self) -> Vec<TaskAccount>;

    /// After a panic: whose code it was, if not this instance's own.
    fn culprit(&self) -> Option<&Instance>;

    /// Drops those that this instance calls.
    fn end_chain(&mut self);
}

/// Why an instance did not come to its natural end.
#[derive(Debug)]
pub enum End {
    /// The job is being aborted.
    Cancelled,
    /// A source that is to begin again has come to its end.
    Through,
    /// An operator has ended its streams before its input has.
    Over,
    /// User code or a queue failed.
    Failed(String),
}

impl End {
    /// What an error returned by user code means: once the job is being aborted, closed queues are no news.
    pub(crate) fn of(error: &OpError, control: &Control) -> Self {
        if control.phase() == Phase::Aborting {
            Self::Cancelled
        } else {
            Self::Failed(error.to_string())
        }
    }
}

/// What one instance did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct TaskAccount {
    /// Packets taken from each upstream connection, and what of them was lost.
    pub received: Vec<(UpstreamId, u64, Loss)>,
    /// What each downstream connection accepted.
    pub sent: Vec<Sent>,
    /// Emitted, but never accepted by an edge: the job ended first.
    pub unsent: u64,
    /// Packets whose processing failed and which the error policy let go or put aside.
    pub skipped: u64,
    /// What went against the plan.
    pub irregular: Irregular,
    /// What is still in its input queue, from each upstream connection.
    pub inside: BTreeMap<UpstreamId, u64>,
}

/// Drops a task. That runs code of the user as well, and a thread that died of it would never be counted as ended.
pub fn end(mut task: Box<dyn Task>, instance: &Instance, control: &Control) {
    task.end_chain();
    if let Err(panic) = catch_unwind(AssertUnwindSafe(move || drop(task))) {
        fail(instance, control, panic_message(panic.as_ref()), true);
    }
}

/// The job has failed with this instance.
pub(crate) fn fail(instance: &Instance, control: &Control, message: String, panicked: bool) {
    report(instance, control, message, panicked, false);
}

/// The instance has failed, and the job goes on without it.
pub(crate) fn isolated(instance: &Instance, control: &Control, message: String, panicked: bool) {
    report(instance, control, message, panicked, true);
}

fn report(instance: &Instance, control: &Control, message: String, panicked: bool, isolated: bool) {
    // Of its own: who prints the job's report turns it off.
    tracing::error!(target: "runtime::task", instance = %instance.name, panicked, isolated, "{message}");
    control.fail(Failure {
        node: instance.node.clone(),
        instance: instance.name.clone(),
        message,
        panicked,
        isolated,
    });
}

/// The text of a panic; most carry one.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

/// Runs code of the user that makes something; a panic there is an error like any other.
pub(crate) fn guarded<R>(instance: &Instance, make: impl FnOnce() -> R) -> Result<R, Error> {
    catch_unwind(AssertUnwindSafe(make)).map_err(|panic| {
        Error::new(ErrorKind::UserCode, "make operator")
            .with("instance", &instance.name)
            .found(format!("a panic: {}", panic_message(panic.as_ref())))
            .remedy("mend the closure that makes the operator")
    })
}
