//! What is kept under the lock.

use std::collections::VecDeque;
use std::time::Instant;

use descriptor_core::{GetError, Item};

use crate::Lendable;
use crate::away::{Away, Due, Entry};

/// All items of a queue that has lent, but those that were in the queue inside before; and the accounts.
///
/// The order is: what came back, what is left in the queue inside, what was put since. The queue inside is closed, so it
/// only ever gets emptier.
pub(crate) struct Store<T> {
    pub(crate) closed: bool,
    // By `order`: an item that comes back goes before all that were first handed out after it.
    back: VecDeque<Entry<T>>,
    inner_is_exhausted: bool,
    fresh: VecDeque<T>,
    pub(crate) away: Away<T>,
    /// Items between their last delivery and the queue for dead letters.
    pub(crate) dying: usize,
    last_order: u64,
    /// The moment that the clock was asked for.
    pub(crate) armed: Option<Instant>,
    pub(crate) tally: Tally,
}

#[derive(Default)]
pub(crate) struct Tally {
    /// Items put here.
    pub(crate) put: u64,
    /// Items taken from the queue inside.
    pub(crate) pulled: u64,
    /// Items handed out for good.
    pub(crate) got: u64,
    pub(crate) redelivered: u64,
    pub(crate) expired: u64,
    pub(crate) dead_lettered: u64,
    pub(crate) dropped: u64,
    pub(crate) refused: u64,
}

impl<T: Item> Store<T> {
    pub(crate) fn new() -> Self {
        Self {
            closed: false,
            back: VecDeque::new(),
            inner_is_exhausted: false,
            fresh: VecDeque::new(),
            away: Away::new(),
            dying: 0,
            last_order: 0,
            armed: None,
            tally: Tally::default(),
        }
    }

    /// Items that take room.
    pub(crate) fn inside<Q: Lendable<T>>(&self, inner: &Q) -> usize {
        self.visible(inner) + self.away.len() + self.dying
    }

    /// Items that are to be had.
    pub(crate) fn visible<Q: Lendable<T>>(&self, inner: &Q) -> usize {
        // Of a queue that is exhausted the depth is 0 as well; this one asks it less.
        let left = if self.inner_is_exhausted {
            0
        } else {
            inner.depth().unwrap_or(0)
        };
        self.back.len() + left + self.fresh.len()
    }

    /// True when the getters must learn that nothing will come any more.
    pub(crate) fn is_drained<Q: Lendable<T>>(&self, inner: &Q) -> bool {
        self.closed && self.inside(inner) == 0
    }

    pub(crate) fn push(&mut self, item: T) {
        self.fresh.push_back(item);
        self.tally.put += 1;
    }

    /// Takes the item whose turn it is.
    pub(crate) fn next<Q: Lendable<T>>(&mut self, inner: &Q) -> Result<Entry<T>, GetError> {
        if let Some(entry) = self.back.pop_front() {
            self.tally.redelivered += 1;
            return Ok(entry);
        }
        let item = match self.pull(inner) {
            Ok(item) => item,
            Err(GetError::Closed) => self.fresh.pop_front().ok_or_else(|| {
                if self.closed && self.away.len() == 0 && self.dying == 0 {
                    GetError::Closed
                } else {
                    GetError::Empty
                }
            })?,
            // A put that was let in before the first lease is not done, and what was put since is younger.
            Err(other) => return Err(other),
        };
        self.last_order += 1;
        Ok(Entry {
            order: self.last_order,
            deliveries: 0,
            item,
        })
    }

    fn pull<Q: Lendable<T>>(&mut self, inner: &Q) -> Result<T, GetError> {
        if self.inner_is_exhausted {
            return Err(GetError::Closed);
        }
        let pulled = inner.take_quietly();
        match pulled {
            Ok(_) => self.tally.pulled += 1,
            Err(GetError::Closed) => self.inner_is_exhausted = true,
            Err(_) => {}
        }
        pulled
    }

    /// Puts an item back where it was.
    pub(crate) fn give_back(&mut self, entry: Entry<T>) {
        let place = self.back.partition_point(|other| other.order < entry.order);
        self.back.insert(place, entry);
    }

    /// Takes back what is due, and says how many items are to be had again. Those that were handed out often enough, as
    /// `is_enough` says, go to `dying` instead.
    pub(crate) fn collect(
        &mut self,
        now: Instant,
        is_enough: impl Fn(u32) -> bool,
        dying: &mut Vec<Entry<T>>,
    ) -> usize {
        let mut returned = 0;
        while let Some(due) = self.away.pop_due(now) {
            let entry = match due {
                Due::Rested(entry) => entry,
                Due::Expired(entry) => {
                    self.tally.expired += 1;
                    if is_enough(entry.deliveries) {
                        self.dying += 1;
                        dying.push(entry);
                        continue;
                    }
                    entry
                }
            };
            self.give_back(entry);
            returned += 1;
        }
        returned
    }
}
