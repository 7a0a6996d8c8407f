//! Looking through the table of loans: what ran out, what has rested, whose holder is dead. And the end of items that were
//! handed out too often.
//!
//! Whoever takes items looks, five times a second and when something is due, while there is anything away. Sleepers wake up four
//! times a second for it, so items are back well within a second after their holder died.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use descriptor_core::Wait;

use crate::layout::{AWAY, DEAD_LETTERED, DROPPED, EXPIRED, GETTERS, ITEMS, NEXT_LOOK, REFUSED, TICKET};
use crate::loan::Loan;
use crate::lock::Held;
use crate::participant::{self, Name};
use crate::record::Front;
use crate::segment::Segment;
use crate::{point, sys};

/// Asking whether holders live costs a system call each.
const BETWEEN_LOOKS: u64 = 200_000_000;
/// How long to wait for a lock to look under.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long others may be at work where a letter goes. For room nobody waits.
const AT_WORK: Duration = Duration::from_millis(10);

/// An item on its way to the dead letters: its entry, that one's ticket, and itself as a record.
pub(crate) struct Letter {
    index: usize,
    ticket: u64,
    deliveries: u32,
    front: Front,
    item: Vec<u8>,
}

/// What a look came to.
#[derive(Default)]
struct Looked {
    returned: usize,
    dropped: usize,
    letters: Vec<Letter>,
}

impl Segment {
    /// Looks through the table when it is time for that.
    #[inline]
    pub(crate) fn tend(&self) {
        if self.map.u64(AWAY).load(Ordering::Relaxed) != 0 {
            // Whoever holds the lock looks, or the next one does.
            self.tend_if_due(Wait::Never);
        }
    }

    #[cold]
    fn tend_if_due(&self, wait: Wait) {
        let now = sys::monotonic();
        if now < self.map.u64(NEXT_LOOK).load(Ordering::Relaxed) {
            return;
        }
        let Some(held) = self.lock(GETTERS, wait) else {
            return;
        };
        let Looked {
            returned,
            dropped,
            letters,
        } = held.look(now);
        drop(held);
        for letter in letters {
            self.bury(letter);
        }
        if returned > 0 {
            self.ring(ITEMS, returned);
        }
        if dropped > 0 {
            self.announce_room(dropped);
        }
    }

    /// Looks now, and says when to look next; `None` when nothing is away.
    pub(crate) fn watch_loans(&self) -> Option<u64> {
        if self.away() != 0 {
            self.tend_if_due(PATIENCE.into());
        }
        (self.away() != 0).then(|| self.map.u64(NEXT_LOOK).load(Ordering::Relaxed))
    }

    /// True when an item that was handed out so often shall not come back.
    pub(crate) fn is_enough(&self, deliveries: u32) -> bool {
        let most = self.header.max_deliveries;
        most != 0 && u64::from(deliveries) >= most
    }

    /// Has an item put among the dead letters, where it is once more if this process dies in between: it is lost never.
    pub(crate) fn bury(&self, letter: Letter) {
        let Letter {
            index,
            ticket,
            deliveries,
            front,
            item,
        } = letter;
        let there = self.dead_letters.get();
        let is_there = there.is_some_and(|queue| queue.put_letter(front, &item));
        point::reach("lease.buried");
        let Some(held) = self.lock(GETTERS, Wait::Forever) else {
            return;
        };
        if self.index_of(ticket) != Some(index) || self.loan(index).0 != Loan::Dying(self.me) {
            return;
        }
        if is_there {
            held.add(DEAD_LETTERED, 1);
            held.end(index);
            drop(held);
            self.announce_room(1);
        } else {
            // Nothing is lost for want of room: it is delivered once more, and tried again after that.
            held.add(REFUSED, 1);
            held.give_back(index, deliveries);
            drop(held);
            self.ring(ITEMS, 1);
        }
    }

    /// The dead letters of this queue go there.
    pub(crate) fn set_dead_letters(&self, queue: Arc<Self>) {
        let _ = self.dead_letters.set(queue);
    }

    /// Puts one item as it is, if there is room now.
    fn put_letter(&self, front: Front, item: &[u8]) -> bool {
        self.check("put").is_ok()
            && item.len() as u64 <= self.header.max_item
            && self.put(front, item, AT_WORK.into()).is_ok()
    }
}

impl Held<'_> {
    fn look(&self, now: u64) -> Looked {
        let segment = self.segment;
        let mut looked = Looked::default();
        let mut next = now + BETWEEN_LOOKS;
        let mut last: Option<(Name, bool)> = None;
        let mut is_dead = |name: Name| {
            let known = last.filter(|(known, _)| *known == name);
            let (_, is_dead) =
                known.unwrap_or_else(|| (name, !participant::is_alive(&segment.map, segment.host, name)));
            last = Some((name, is_dead));
            is_dead
        };
        for index in 0..segment.loans_used() {
            let (loan, deliveries) = segment.loan(index);
            let due = segment.due(index);
            let is_due = due != 0 && due <= now;
            match loan {
                Loan::Free | Loan::Returned => continue,
                Loan::Lent(name) => {
                    if is_due {
                        self.add(EXPIRED, 1);
                    }
                    if is_due || is_dead(name) {
                        self.come_to_an_end(index, deliveries, &mut looked);
                        continue;
                    }
                }
                Loan::Resting => {
                    if is_due {
                        self.give_back(index, deliveries);
                        looked.returned += 1;
                        continue;
                    }
                }
                Loan::Dying(name) => {
                    if name != segment.me && is_dead(name) {
                        self.come_to_an_end(index, deliveries, &mut looked);
                    }
                    continue;
                }
            }
            if due != 0 {
                next = next.min(due);
            }
        }
        segment.map.u64(NEXT_LOOK).store(next, Ordering::Relaxed);
        looked
    }

    /// A delivery of this entry's item has ended without success.
    fn come_to_an_end(&self, index: usize, deliveries: u32, looked: &mut Looked) {
        match self.end_delivery(index, deliveries) {
            Ended::Returned => looked.returned += 1,
            Ended::Dropped => looked.dropped += 1,
            Ended::Dying(letter) => looked.letters.push(letter),
        }
    }

    /// Gives the item back, or ends it when it was handed out often enough.
    pub(crate) fn end_delivery(&self, index: usize, deliveries: u32) -> Ended {
        let segment = self.segment;
        if !segment.is_enough(deliveries) {
            self.give_back(index, deliveries);
            return Ended::Returned;
        }
        let front = segment
            .loan_front(index)
            .filter(|_| segment.dead_letters.get().is_some());
        let Some(front) = front else {
            self.add(DROPPED, 1);
            self.end(index);
            return Ended::Dropped;
        };
        segment.set_loan(index, Loan::Dying(segment.me), deliveries);
        point::reach("lease.dying");
        let mut item = Vec::new();
        segment
            .map
            .take(segment.loan_place(index, front), front.len(), &mut item);
        Ended::Dying(Letter {
            index,
            ticket: segment.map.u64(segment.entry(index, TICKET)).load(Ordering::Relaxed),
            deliveries,
            front,
            item,
        })
    }
}

/// How a delivery without success ended.
pub(crate) enum Ended {
    Returned,
    Dropped,
    Dying(Letter),
}
