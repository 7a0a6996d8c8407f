//! What one actor did, written down by itself.

use std::collections::VecDeque;
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

use descriptor_core::{DynQueue, GetError, PutError, Wait};

use super::{Call, End, Op};

/// The one monotonic clock of a history.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// Starts at 0.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub fn now(self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The calls of one actor. Nobody else writes here, so there is no lock that would order what is recorded.
#[derive(Debug)]
pub struct Log {
    actor: u32,
    clock: Clock,
    ops: Vec<Op>,
}

impl Log {
    /// An empty log.
    #[must_use]
    pub const fn new(actor: u32, clock: Clock) -> Self {
        Self {
            actor,
            clock,
            ops: Vec::new(),
        }
    }

    /// The time, to be taken right before a call.
    #[must_use]
    pub fn now(&self) -> u64 {
        let now = self.clock.now();
        // What the call reads, it reads after this moment.
        fence(Ordering::SeqCst);
        now
    }

    /// Writes down a call that ends now.
    pub fn note(&mut self, call: Call, items: impl IntoIterator<Item = u64>, invoked: u64, end: End) {
        // Reading a clock orders nothing: a store of the call may still wait in this processor's buffer while another
        // processor reads a later time. The fence makes what was done visible before the time at which it is over.
        fence(Ordering::SeqCst);
        let returned = self.clock.now();
        let actor = self.actor;
        self.ops.extend(items.into_iter().map(|item| Op {
            actor,
            call,
            item,
            invoked,
            returned,
            end,
        }));
    }

    /// The end of a put of this item that began at `invoked`.
    ///
    /// # Panics
    /// When it ended in a way a history has no word for: unknown, or failed.
    pub fn put_ended(&mut self, item: u64, invoked: u64, result: Result<(), PutError<u64>>) -> End {
        let end = match result {
            Ok(()) => End::Ok,
            Err(PutError::Full(_)) => End::Full,
            Err(PutError::Closed(_)) => End::Closed,
            Err(other) => panic!("put: {other}"),
        };
        self.note(Call::Put, [item], invoked, end);
        end
    }

    /// The end of a get that began at `invoked`.
    ///
    /// # Panics
    /// When it failed.
    pub fn get_ended(&mut self, invoked: u64, result: Result<u64, GetError>) -> End {
        let (item, end) = match result {
            Ok(item) => (item, End::Ok),
            Err(GetError::Empty) => (0, End::Empty),
            Err(GetError::Closed) => (0, End::Closed),
            Err(other) => panic!("get: {other}"),
        };
        self.note(Call::Get, [item], invoked, end);
        end
    }

    /// The end of a batch of puts that began at `invoked` with these items, and left the rest.
    ///
    /// # Panics
    /// When it failed, or did not leave what it did not take.
    pub fn put_batch_ended(
        &mut self,
        items: &[u64],
        left: &VecDeque<u64>,
        invoked: u64,
        result: Result<usize, PutError<()>>,
    ) -> End {
        let (stored, end) = match result {
            Ok(stored) => (stored, End::Ok),
            Err(PutError::Full(())) => (1, End::Full),
            Err(PutError::Closed(())) => (1, End::Closed),
            Err(other) => panic!("put_batch: {other}"),
        };
        let (done, rest) = items.split_at(stored.min(items.len()));
        let rest = if end == End::Ok { rest } else { items };
        assert!(left.iter().eq(rest), "a batch leaves {left:?}, not {rest:?}");
        self.note(Call::Put, done.iter().copied(), invoked, end);
        end
    }

    /// The end of a batch of gets that began at `invoked` and brought these items.
    ///
    /// # Panics
    /// When it failed, or miscounted.
    pub fn get_batch_ended(&mut self, items: &[u64], invoked: u64, result: Result<usize, GetError>) -> End {
        match result {
            Ok(count) => {
                assert_eq!(count, items.len(), "a batch of gets miscounts");
                self.note(Call::Get, items.iter().copied(), invoked, End::Ok);
                End::Ok
            }
            Err(refusal) => self.get_ended(invoked, Err(refusal)),
        }
    }

    /// Puts and writes it down.
    pub fn put(&mut self, queue: &DynQueue<u64>, item: u64, wait: Wait) -> End {
        let invoked = self.now();
        let result = queue.put_within(item, wait);
        self.put_ended(item, invoked, result)
    }

    /// Gets and writes it down.
    pub fn get(&mut self, queue: &DynQueue<u64>, wait: Wait) -> End {
        let invoked = self.now();
        let result = queue.get_within(wait);
        self.get_ended(invoked, result)
    }

    /// Closes and writes it down.
    pub fn close(&mut self, queue: &DynQueue<u64>) {
        let invoked = self.now();
        queue.close();
        self.note(Call::Close, [0], invoked, End::Ok);
    }

    /// How many operations are written down.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ops.len()
    }

    /// True before the first.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    pub(super) fn into_ops(self) -> Vec<Op> {
        self.ops
    }
}
