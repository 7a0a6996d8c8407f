//! An instance's part in the checkpoints of its job.

use std::sync::Arc;

use checkpoint::{Restored, Round, Saved, State};

use crate::OpResult;
use crate::restart::Rules;

/// One instance's place in the rounds, and what it goes on from.
#[derive(Debug)]
pub struct Seat {
    round: Arc<Round>,
    /// Its place in the plan.
    place: usize,
    restored: Option<Restored>,
    /// It had come to its end before the checkpoint that it goes on from.
    over: bool,
    /// Up to here the instance knows that checkpoints are complete.
    known: u64,
    /// The last barrier that it sent, or let go by.
    passed: u64,
}

impl Seat {
    /// Of the instance at this place of the plan; `restored` is what it goes on from.
    #[must_use]
    pub fn new(round: &Arc<Round>, place: usize, restored: Option<Restored>) -> Self {
        let over = restored.as_ref().is_some_and(Restored::is_over);
        Self {
            known: round.complete(),
            passed: round.complete(),
            round: Arc::clone(round),
            place,
            restored,
            over,
        }
    }

    /// Looks for what keeps the job from having checkpoints, or from going on from the one that it has: `what` the code
    /// says of its `state`. All instances of a node are alike, and what is found counts once.
    pub(crate) fn inspect(&self, node: &str, what: &str, state: &State<'_>, rules: Rules) {
        if !state.is_divisible() {
            self.round.undivided(node);
        }
        if state.is_unknown() {
            self.round.object(format!(
                "error[not-kept] node `{node}`: expected a {what} that can be written down, found none; implement \
                 `{what}`, or take an operator that has one"
            ));
        } else if self.restored.as_ref().is_some_and(Restored::is_share) && !state.is_divisible() {
            self.round.object(format!(
                "error[not-divided] node `{node}`: expected a {what} by key for another parallelism, found one that \
                 belongs to its instance; give the node the parallelism that it had, or say `State::by_key`"
            ));
        }
        if rules.stand_alone() {
            self.round.object(format!(
                "error[kept-and-restarted] node `{node}`: expected no rule of its own for failures, found one; remove \
                 `restart` and `on_failure`, and let all of the job go back with `retries` of its checkpoints"
            ));
        }
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.over
    }

    /// What the operator is to become, once, and the number of the checkpoint.
    pub(crate) fn restored(&mut self) -> Option<(Restored, u64)> {
        let number = self.known;
        self.restored.take().map(|restored| (restored, number))
    }

    /// The last complete checkpoint, if the instance has not heard of it yet.
    pub(crate) fn completed(&mut self) -> Option<u64> {
        let complete = self.round.complete();
        (complete > self.known).then(|| {
            self.known = complete;
            complete
        })
    }

    /// The barrier that sources are to send next.
    #[inline]
    pub(crate) fn wanted(&self) -> Option<u64> {
        Some(self.round.wanted()).filter(|wanted| *wanted > self.passed)
    }

    /// True when nothing is to be sent behind the barrier that was sent last.
    #[inline]
    pub(crate) fn is_halted(&self) -> bool {
        let halted = self.round.halted();
        halted != 0 && halted == self.passed
    }

    /// False for a barrier that has been dealt with.
    pub(crate) const fn is_next(&self, barrier: u64) -> bool {
        barrier > self.passed
    }

    pub(crate) fn save(&self, state: &State<'_>) -> OpResult<Vec<u8>> {
        Ok(state.save(self.round.state_bytes())?)
    }

    /// Hands over the state at this barrier, and how many packets a source has sent by then.
    pub(crate) fn hand_over(&mut self, barrier: u64, state: Vec<u8>, sent: u64) {
        self.passed = barrier;
        let over = false;
        self.round.hand_over(self.place, barrier, Saved { state, over, sent });
    }

    /// This instance cannot take part in that checkpoint, so nobody need.
    pub(crate) fn decline(&mut self, barrier: u64) {
        self.passed = barrier;
        self.round.decline(barrier);
    }

    /// Hands over the state at the end: it stands for all checkpoints from here on.
    pub(crate) fn end(&self, state: Vec<u8>, sent: u64) {
        let over = true;
        self.round.end(self.place, Saved { state, over, sent });
    }

    /// Waits until all instances have come to their end and the last checkpoint is complete.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn wait_last(&self) -> Result<bool, String> {
        self.round.wait_last()
    }
}
