//! The waiting of one task, from poll to poll.

use std::any::Any;
use std::fmt;

/// What one asynchronous operation keeps between two polls. Starts as [`Waiter::new`], one per operation.
#[derive(Default)]
pub struct Waiter {
    // 0: not registered. Ids start at 1 and are never used twice.
    pub(super) id: u64,
    // One of several that wait together: a moment spent trying again would be spent for each of them.
    hurried: bool,
    // Turns given away since the operation began to wait, until it waits in line.
    pub(super) turns_given: u8,
    state: Option<Box<dyn Any + Send>>,
}

impl Waiter {
    /// Not waiting for anything yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            id: 0,
            hurried: false,
            turns_given: 0,
            state: None,
        }
    }

    /// As [`new`](Self::new), for one of several operations that wait together.
    pub(crate) const fn hurried() -> Self {
        Self {
            id: 0,
            hurried: true,
            turns_given: 0,
            state: None,
        }
    }

    /// True when the operation may try again for a while before it waits in line.
    pub(super) const fn may_linger(&self) -> bool {
        !self.hurried && !self.is_armed()
    }

    /// True before the first poll and after the last one.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.turns_given == 0 && !self.is_armed()
    }

    /// True while a wake-up may be on its way, so that giving up must be told to the queue.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.id != 0 || self.state.is_some()
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
