//! Runs one instance to its end, starting it again as its rules say.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use router::StopCause;

use crate::Instance;
use crate::control::{Control, Phase};
use crate::restart::{History, OnNodeFailure, Rules};
use crate::standing::{NodeState, Standing};
use crate::task::{self, End, LOG, Task, TaskAccount};

/// What one instance is supervised with.
#[derive(Debug)]
pub struct Supervisor<'a> {
    /// Which one.
    pub instance: &'a Instance,
    /// What its job is told.
    pub control: &'a Control,
    /// Where it says how far it is.
    pub standing: &'a Standing,
    /// What becomes of it when it fails.
    pub rules: Rules,
}

/// One try at running an instance.
enum Tried {
    Ended,
    Cancelled,
    /// A source is through and is to begin again.
    Through,
    /// An operator wants no more of its input.
    Over,
    Failed {
        message: String,
        panicked: bool,
    },
}

impl Supervisor<'_> {
    /// Runs a task to its end on this thread and tells the job.
    pub fn run(&self, task: &mut dyn Task) -> Vec<TaskAccount> {
        if self.control.wait_for_start() {
            self.standing.enter(NodeState::Running);
            let end = self.live(task);
            self.standing.enter(end);
            tracing::debug!(target: LOG, state = %end, "the instance has ended");
        } else {
            self.standing.enter(NodeState::Cancelled);
        }
        // After a panic the task is only asked for its accounts, which are plain counters.
        catch_unwind(AssertUnwindSafe(|| task.account())).unwrap_or_default()
    }

    fn live(&self, task: &mut dyn Task) -> NodeState {
        let mut history = History::new(self.rules.restart);
        let mut tried = attempt(|| task.run());
        loop {
            let pause = match &tried {
                Tried::Ended => return NodeState::Finished,
                Tried::Cancelled => return NodeState::Cancelled,
                Tried::Over => None,
                // What an edge did not take is lost to a new operator as well.
                Tried::Failed { .. } if task.is_broken() => None,
                _ => history.again(Instant::now()),
            };
            let Some(pause) = pause else {
                return self.give_up(task, tried);
            };
            if let Tried::Failed { message, panicked } = &tried {
                tracing::warn!(target: LOG, instance = %self.instance.name, panicked, ?pause, "{message}; it is started again");
            }
            self.standing.enter(NodeState::Restarting);
            self.control.idle(pause);
            if self.control.phase() == Phase::Aborting {
                return NodeState::Cancelled;
            }
            self.standing.count_restart();
            tried = match attempt(|| task.restart()) {
                Tried::Ended => {
                    self.standing.enter(NodeState::Running);
                    attempt(|| task.run())
                }
                failed => failed,
            };
        }
    }

    fn give_up(&self, task: &mut dyn Task, tried: Tried) -> NodeState {
        let (message, panicked) = match tried {
            Tried::Ended => return NodeState::Finished,
            Tried::Cancelled => return NodeState::Cancelled,
            Tried::Through | Tried::Over => {
                return match attempt(|| task.leave(StopCause::Finished)) {
                    Tried::Failed { message, panicked } => self.fail(task, message, panicked),
                    Tried::Cancelled => NodeState::Cancelled,
                    _ => NodeState::Finished,
                };
            }
            Tried::Failed { message, panicked } => (message, panicked),
        };
        let broken = task.is_broken();
        if self.rules.on_failure == OnNodeFailure::Isolate && !broken && self.control.phase() < Phase::Aborting {
            task::isolated(self.instance, self.control, message.clone(), panicked);
            self.standing.enter(NodeState::Isolated);
            return match attempt(|| task.leave(StopCause::Isolated(message))) {
                Tried::Failed { message, panicked } => self.fail(task, message, panicked),
                Tried::Cancelled => NodeState::Cancelled,
                _ => NodeState::Isolated,
            };
        }
        self.fail(task, message, panicked)
    }

    fn fail(&self, task: &dyn Task, message: String, panicked: bool) -> NodeState {
        let culprit = task.culprit().filter(|_| panicked);
        task::fail(culprit.unwrap_or(self.instance), self.control, message, panicked);
        NodeState::Failed
    }
}

fn attempt(run: impl FnOnce() -> Result<(), End>) -> Tried {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => Tried::Ended,
        Ok(Err(End::Cancelled)) => Tried::Cancelled,
        Ok(Err(End::Through)) => Tried::Through,
        Ok(Err(End::Over)) => Tried::Over,
        Ok(Err(End::Failed(message))) => Tried::Failed {
            message,
            panicked: false,
        },
        Err(panic) => Tried::Failed {
            message: task::panic_message(panic.as_ref()),
            panicked: true,
        },
    }
}
