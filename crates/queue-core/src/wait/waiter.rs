//! The waiting of one task, from poll to poll.

use std::any::Any;
use std::fmt;

/// What one asynchronous operation keeps between two polls. Starts as [`Waiter::new`], one per operation.
#[derive(Default)]
pub struct Waiter {
    // The place in the line, 0 without one, and above it the turns given away; one word, as every operation that is ready at
    // once looks at both. Ids start at 1 and are never used twice.
    word: u64,
    // One of several that wait together: a moment spent trying again would be spent for each of them.
    hurried: bool,
    state: Option<Box<dyn Any + Send>>,
}

const TURN_SHIFT: u32 = 56;
const ID: u64 = (1 << TURN_SHIFT) - 1;

impl Waiter {
    /// Not waiting for anything yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            word: 0,
            hurried: false,
            state: None,
        }
    }

    /// As [`new`](Self::new), for one of several operations that wait together.
    pub(crate) const fn hurried() -> Self {
        Self {
            word: 0,
            hurried: true,
            state: None,
        }
    }

    /// Its place in the line, 0 without one.
    pub(super) const fn id(&self) -> u64 {
        self.word & ID
    }

    /// Gives it that place, with no turns given away.
    pub(super) const fn set_id(&mut self, id: u64) {
        self.word = id & ID;
    }

    /// Turns given away since the operation began to wait, until it waits in line.
    pub(super) const fn turns_given(&self) -> u8 {
        (self.word >> TURN_SHIFT) as u8
    }

    /// For who has no place in the line.
    pub(super) const fn set_turns_given(&mut self, turns: u8) {
        self.word = (turns as u64) << TURN_SHIFT;
    }

    /// True before the first poll, unless it waits together with others.
    pub(super) const fn is_fresh(&self) -> bool {
        self.word == 0 && !self.hurried && self.state.is_none()
    }

    /// True when the operation may try again for a while before it waits in line.
    pub(super) const fn may_linger(&self) -> bool {
        !self.hurried && self.id() == 0 && self.state.is_none()
    }

    /// True while the operation waits, in line or by giving its turns away, so that giving up must be told to the queue.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.word != 0 || self.state.is_some()
    }

    /// Room for a queue that waits in another way than a [`WaitList`](super::WaitList), such as for an answer from a peer.
    pub const fn state(&mut self) -> &mut Option<Box<dyn Any + Send>> {
        &mut self.state
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("armed", &self.is_armed()).finish()
    }
}
