//! The workers of a job, as their coordinator knows them.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::broom::Broom;
use super::message::Order;
use super::pulse::{Pulse, Watch};
use crate::report::LostWorker;
use crate::workers::WorkerProgress;

/// See the module.
pub(crate) struct Team {
    pub(super) crew: crew::Crew,
    /// By the numbers of the workers.
    pulses: Vec<Pulse>,
    broom: Broom,
    outcome: Mutex<Outcome>,
}

#[derive(Debug, Default)]
struct Outcome {
    lost: Vec<LostWorker>,
    stuck: Vec<String>,
}

impl Team {
    pub(super) fn new(crew: crew::Crew, broom: Broom) -> Self {
        Self {
            pulses: crew.members().iter().map(|_| Pulse::new()).collect(),
            crew,
            broom,
            outcome: Mutex::default(),
        }
    }

    fn outcome(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn start(&self) {
        self.crew.tell(&Order::Start);
    }

    /// Asks for the checkpoint of this number.
    pub(crate) fn barrier(&self, number: u64) {
        self.crew.tell(&Order::Barrier(number));
    }

    /// The checkpoint of this number is complete.
    pub(crate) fn completed(&self, number: u64) {
        self.crew.tell(&Order::Completed(number));
    }

    /// The last checkpoint is complete, or why it is not.
    pub(crate) fn conclude(&self, end: Result<(), String>) {
        self.crew.tell(&Order::Conclude(end));
    }

    pub(crate) fn drain(&self) {
        self.crew.tell(&Order::Drain);
    }

    pub(crate) fn pause(&self, pause: bool) {
        self.crew.tell(if pause { &Order::Pause } else { &Order::Resume });
    }

    pub(crate) fn abort(&self) {
        self.crew.call_off(&Order::Abort);
    }

    /// True when the job is given up and every worker knows it, or has had the time to. A queue that was closed before
    /// would look like a fault to whoever uses it.
    pub(crate) fn may_close(&self) -> bool {
        self.crew.is_called_off()
    }

    /// Ends one process. False when there is no such worker.
    pub(crate) fn kill(&self, worker: u32) -> bool {
        let member = self.crew.members().get(worker as usize);
        member.map(|member| member.kill()).is_some()
    }

    /// Ends every process that has not ended.
    pub(crate) fn end(&self) {
        self.crew.kill();
    }

    /// Takes away what the job has left at a server, when nobody uses it any more.
    pub(crate) fn sweep(&self) {
        self.crew.clear_away();
        self.broom.sweep();
    }

    pub(super) fn lose(&self, lost: LostWorker) {
        self.outcome().lost.push(lost);
    }

    pub(super) fn leave(&self, stuck: Vec<String>) {
        self.outcome().stuck.extend(stuck);
    }

    /// Watches over a worker of this team.
    pub(super) fn watch<'a>(&'a self, job: &'a str, member: &'a crew::Member) -> Option<Watch<'a>> {
        let pulse = self.pulses.get(member.worker() as usize)?;
        Some(Watch { job, member, pulse })
    }

    /// How all workers are doing.
    pub(crate) fn workers(&self) -> Vec<WorkerProgress> {
        let members = self.crew.members().iter().zip(&self.pulses);
        members
            .map(|(member, pulse)| pulse.see(member, self.crew.standing(member.worker())))
            .collect()
    }

    /// Workers that ended too early.
    pub(crate) fn lost(&self) -> Vec<LostWorker> {
        let mut lost = self.outcome().lost.clone();
        lost.sort_by_key(|lost| lost.worker);
        lost
    }

    /// Instances that did not return in their workers.
    pub(crate) fn stuck(&self) -> Vec<String> {
        self.outcome().stuck.clone()
    }
}

impl fmt::Debug for Team {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Team").field("crew", &self.crew).finish_non_exhaustive()
    }
}
