//! How far an instance is, for whoever watches.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::control::{Control, Phase};

/// How far a node or one of its instances is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[repr(u8)]
pub enum NodeState {
    /// It is part of a plan.
    #[default]
    Created,
    /// Every queue of the job is open, its operator is made, and it waits for the start.
    QueuesReady,
    /// It works, or waits for input.
    Running,
    /// The job is paused and it stands still: between two steps or items, or because there is no input for it or no room
    /// for its output.
    Paused,
    /// The sources have been stopped and it works on what is inside.
    Draining,
    /// It failed and will be started again.
    Restarting,
    /// It came to its end, and everything it sent arrived.
    Finished,
    /// It was cut off with the job.
    Cancelled,
    /// It failed, and the job goes on without it.
    Isolated,
    /// It failed, and the job with it.
    Failed,
    /// It had not returned when the wait for the end of the job was given up.
    Stuck,
}

impl NodeState {
    const ALL: [Self; 11] = [
        Self::Created,
        Self::QueuesReady,
        Self::Running,
        Self::Paused,
        Self::Draining,
        Self::Restarting,
        Self::Finished,
        Self::Cancelled,
        Self::Isolated,
        Self::Failed,
        Self::Stuck,
    ];

    /// True when nothing follows.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Finished | Self::Cancelled | Self::Isolated | Self::Failed | Self::Stuck
        )
    }

    /// The word for it, as in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::QueuesReady => "queues_ready",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Restarting => "restarting",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Isolated => "isolated",
            Self::Failed => "failed",
            Self::Stuck => "stuck",
        }
    }

    /// What says most about several instances comes last.
    const fn weight(self) -> u8 {
        match self {
            Self::Finished => 0,
            Self::Cancelled => 1,
            Self::Created => 2,
            Self::QueuesReady => 3,
            Self::Paused => 4,
            Self::Draining => 5,
            Self::Running => 6,
            Self::Restarting => 7,
            Self::Isolated => 8,
            Self::Failed => 9,
            Self::Stuck => 10,
        }
    }
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The state of one thread's instances, written by that thread alone.
#[derive(Debug, Default)]
pub struct Standing {
    state: AtomicU8,
    waiting: AtomicBool,
    restarts: AtomicU64,
}

impl Standing {
    /// The state of a node with instances in both states: the one that says more.
    #[must_use]
    pub const fn of_both(one: NodeState, other: NodeState) -> NodeState {
        if one.weight() < other.weight() { other } else { one }
    }

    /// It is in this state from now on.
    pub fn enter(&self, state: NodeState) {
        self.waiting.store(false, Ordering::Relaxed);
        self.state.store(state as u8, Ordering::Release);
    }

    /// It waits for input or for room, or not any more.
    #[inline]
    pub(crate) fn wait(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    pub(crate) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    /// As another process says.
    pub fn copy(&self, state: NodeState, restarts: u64) {
        self.restarts.store(restarts, Ordering::Relaxed);
        self.enter(state);
    }

    /// How often it was started again.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// The state now, with what the job is told to do.
    pub fn see(&self, control: &Control) -> NodeState {
        let state = self.state.load(Ordering::Acquire);
        let state = NodeState::ALL.get(usize::from(state)).copied().unwrap_or_default();
        match state {
            NodeState::Running if control.phase() == Phase::Draining => NodeState::Draining,
            NodeState::Running if control.is_paused() && self.waiting.load(Ordering::Relaxed) => NodeState::Paused,
            state => state,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_as_it_was_written() {
        let (standing, control) = (Standing::default(), Control::new());
        assert_eq!(standing.see(&control), NodeState::Created);
        for state in NodeState::ALL {
            standing.enter(state);
            assert_eq!(standing.see(&control), state);
        }
    }

    #[test]
    fn a_node_is_in_the_state_that_says_most() {
        use NodeState::{Failed, Finished, Paused, Running};
        for (one, other, both) in [
            (Finished, Running, Running),
            (Running, Paused, Running),
            (Running, Failed, Failed),
            (Finished, Finished, Finished),
        ] {
            assert_eq!(Standing::of_both(one, other), both);
            assert_eq!(Standing::of_both(other, one), both);
        }
    }
}
