//! Items that take room and are not to be had: on loan, or resting after they were given back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

/// An item with its place in the order of first deliveries.
pub(crate) struct Entry<T> {
    pub(crate) order: u64,
    /// How often it has been handed out.
    pub(crate) deliveries: u32,
    pub(crate) item: T,
}

/// What the queue keeps of an item on loan.
pub(crate) struct Lent<T> {
    pub(crate) order: u64,
    pub(crate) deliveries: u32,
    until: Option<Instant>,
    spare: Option<T>,
}

enum Piece<T> {
    Lent(Lent<T>),
    Resting { entry: Entry<T>, until: Instant },
}

impl<T> Piece<T> {
    const fn until(&self) -> Option<Instant> {
        match self {
            Self::Lent(lent) => lent.until,
            Self::Resting { until, .. } => Some(*until),
        }
    }
}

/// What has come due.
pub(crate) enum Due<T> {
    /// A lease has run out.
    Expired(Entry<T>),
    /// An item has rested long enough.
    Rested(Entry<T>),
}

/// Everything that is away, by ticket. Tickets are never used twice, so one that has ended leads nowhere.
pub(crate) struct Away<T> {
    pieces: HashMap<u64, Piece<T>>,
    // Moments with their tickets. Those that ended early or were extended stay until they are met, or until there are too
    // many of them.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    last_ticket: u64,
    lent: usize,
}

impl<T> Away<T> {
    pub(crate) fn new() -> Self {
        Self {
            pieces: HashMap::new(),
            due: BinaryHeap::new(),
            last_ticket: 0,
            lent: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.pieces.len()
    }

    pub(crate) const fn lent(&self) -> usize {
        self.lent
    }

    /// A new lease, without a time limit, of the item with this place, for the `deliveries`-th time.
    pub(crate) fn lend(&mut self, order: u64, deliveries: u32) -> u64 {
        self.lent += 1;
        self.add(Piece::Lent(Lent {
            order,
            deliveries,
            until: None,
            spare: None,
        }))
    }

    /// Gives a lease its time limit, and the copy that comes back then.
    pub(crate) fn limit(&mut self, ticket: u64, limit: Instant, copy: T) {
        if let Some(Piece::Lent(lent)) = self.pieces.get_mut(&ticket) {
            lent.spare = Some(copy);
            lent.until = Some(limit);
            self.note(limit, ticket);
        }
    }

    /// Ends a lease; `None` when it had ended.
    pub(crate) fn end(&mut self, ticket: u64) -> Option<Lent<T>> {
        match self.pieces.remove(&ticket)? {
            Piece::Lent(lent) => {
                self.lent -= 1;
                Some(lent)
            }
            resting @ Piece::Resting { .. } => {
                self.pieces.insert(ticket, resting);
                None
            }
        }
    }

    /// Makes a lease last until `until` at least, `None` for ever; false when it had ended.
    pub(crate) fn extend(&mut self, ticket: u64, until: Option<Instant>) -> bool {
        let Some(Piece::Lent(lent)) = self.pieces.get_mut(&ticket) else {
            return false;
        };
        match (lent.until, until) {
            (None, _) => {}
            (Some(_), None) => lent.until = None,
            (Some(old), Some(new)) if new <= old => {}
            (Some(_), Some(new)) => {
                lent.until = Some(new);
                self.note(new, ticket);
            }
        }
        true
    }

    /// Keeps an item aside until then.
    pub(crate) fn rest(&mut self, entry: Entry<T>, until: Instant) {
        let ticket = self.add(Piece::Resting { entry, until });
        self.note(until, ticket);
    }

    /// One of those that are due by `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Due<T>> {
        while self.next_due()? <= now {
            let Reverse((_, ticket)) = self.due.pop()?;
            match self.pieces.remove(&ticket)? {
                Piece::Resting { entry, .. } => return Some(Due::Rested(entry)),
                Piece::Lent(lent) => {
                    self.lent -= 1;
                    // Always: a lease gets its limit together with its copy.
                    if let Some(item) = lent.spare {
                        return Some(Due::Expired(Entry {
                            order: lent.order,
                            deliveries: lent.deliveries,
                            item,
                        }));
                    }
                }
            }
        }
        None
    }

    /// The next moment at which something is due.
    pub(crate) fn next_due(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, ticket))) = self.due.peek() {
            if self.is_current(*at, *ticket) {
                return Some(*at);
            }
            self.due.pop();
        }
        None
    }

    fn is_current(&self, at: Instant, ticket: u64) -> bool {
        self.pieces.get(&ticket).and_then(Piece::until) == Some(at)
    }

    fn add(&mut self, piece: Piece<T>) -> u64 {
        self.last_ticket += 1;
        self.pieces.insert(self.last_ticket, piece);
        self.last_ticket
    }

    fn note(&mut self, at: Instant, ticket: u64) {
        self.due.push(Reverse((at, ticket)));
        // Most leases end long before their time: what they leave behind must not pile up.
        if self.due.len() > 64 + 2 * self.pieces.len() {
            let pieces = &self.pieces;
            self.due
                .retain(|Reverse((at, ticket))| pieces.get(ticket).and_then(Piece::until) == Some(*at));
        }
    }
}
