//! Lending: an item leaves the ring for an entry of the table, or goes from there to its next holder, and comes to its end.
//! Each of these is visible, or not, by one store.

use std::sync::atomic::Ordering;
use std::time::Duration;

use descriptor_core::{Error, ErrorKind};

use crate::cursor::Cursor;
use crate::layout::{
    AWAY, BACK, DAMAGED, FRONT, HEAD, INTENT, LAST_ORDER, LAST_TICKET, NEXT_LOOK, ORDER, RECORD, REDELIVERED, TAKEN,
    TAKEN_NEXT, TAKING, TICKET, record_bytes,
};
use crate::loan::{INDEX_BITS, Loan};
use crate::lock::Held;
use crate::map::At;
use crate::participant::{self, Name};
use crate::record::Front;
use crate::segment::Segment;
use crate::{point, sys};

/// An item that was just lent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent {
    pub(crate) ticket: u64,
    pub(crate) deliveries: u32,
    pub(crate) front: Front,
    /// When the lease runs out; 0 for never.
    pub(crate) due: u64,
}

/// Something is done with an entry and one more word; which of the two comes last, and so decides, is `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Intent {
    kind: u64,
    index: usize,
    who: Name,
}

/// From the ring into an entry: done when the head is where it shall be.
const LEND: u64 = 1;
/// Out of an entry for good: done when the entry is free.
const TAKE: u64 = 2;

impl Intent {
    const fn to_word(self) -> u64 {
        self.kind << 48 | (self.index as u64) << 32 | self.who.0 as u64
    }

    const fn from_word(word: u64) -> Self {
        Self {
            kind: word >> 48,
            index: (word >> 32 & 0xffff) as usize,
            who: Name(word as u32),
        }
    }
}

/// So long from now, as a moment of the host's clock; 0 where that is never.
pub(crate) fn moment(after: Duration) -> u64 {
    u64::try_from(after.as_nanos())
        .ok()
        .and_then(|after| sys::monotonic().checked_add(after))
        .unwrap_or(0)
}

impl Held<'_> {
    /// The item that came back and whose turn it is. Those go before what is in the ring.
    #[inline]
    pub(crate) fn returned(&self) -> Option<(usize, Front)> {
        if self.segment.map.u64(BACK).load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.first_returned()
    }

    #[cold]
    fn first_returned(&self) -> Option<(usize, Front)> {
        let segment = self.segment;
        loop {
            let returned = (0..segment.loans_used()).filter(|index| segment.loan(*index).0 == Loan::Returned);
            let Some(index) = returned.min_by_key(|index| segment.order(*index)) else {
                // The number was wrong.
                self.count_loans();
                return None;
            };
            if let Some(front) = segment.loan_front(index) {
                return Some((index, front));
            }
            // Somebody who breaks the rules wrote here, and nobody knows where the item was.
            segment.map.u64(DAMAGED).fetch_add(1, Ordering::Relaxed);
            segment.set_loan(index, Loan::Free, 0);
            self.count_loans();
        }
    }

    /// Lends the item whose turn it is, and copies it to the end of `out`. `None` when there is none.
    ///
    /// # Errors
    /// `Corrupt` as a get; `ResourceExhausted`, `OutOfSpace`, `Unsupported` when there is no entry for it: then it
    /// stays where it is.
    pub(crate) fn lend(&self, out: &mut Vec<u8>) -> Result<Option<Lent>, Error> {
        if let Some((index, front)) = self.returned() {
            self.segment
                .map
                .take(self.segment.loan_place(index, front), front.len(), out);
            return Ok(Some(self.lend_again(index, front)));
        }
        let Some((head, _, bytes)) = self.next(1)? else {
            return Ok(None);
        };
        let front = self.front(head, bytes)?;
        let index = self.segment.free_entry(front.len())?;
        let start = out.len();
        self.segment
            .map
            .take(At::Ring(head.position()).after(RECORD), front.len(), out);
        let item = out.get(start..).unwrap_or_default();
        self.segment.map.put(self.segment.loan_place(index, front), item);
        Ok(Some(self.lend_first(index, front, head)))
    }

    fn lend_first(&self, index: usize, front: Front, head: Cursor) -> Lent {
        let (segment, map) = (self.segment, &self.segment.map);
        let order = map.u64(LAST_ORDER);
        order.store(order.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        let at = |word| map.u64(segment.entry(index, word));
        at(FRONT).store(front.to_word(), Ordering::Relaxed);
        at(ORDER).store(order.load(Ordering::Relaxed), Ordering::Relaxed);
        let lent = self.hand_out(index, front, 1);
        point::reach("lease.copied");
        let bytes = record_bytes(front.len());
        let next = head.after(bytes, 1);
        // Nobody takes it for good: the count of the taker stays.
        let taken = map.u64(participant::at(segment.index, TAKEN));
        map.u64(TAKEN_NEXT)
            .store(taken.load(Ordering::Relaxed), Ordering::Relaxed);
        map.u64(TAKING).store(next.0, Ordering::Relaxed);
        self.intend(LEND, index);
        point::reach("lease.marked");
        segment.set_loan(index, Loan::Lent(segment.me), 1);
        // Counted as away before it leaves the ring: putters rather see too little room than too much.
        let away = Cursor(map.u64(AWAY).load(Ordering::Relaxed));
        map.u64(AWAY).store(away.after(bytes, 1).0, Ordering::Release);
        point::reach("lease.counted");
        map.u64(HEAD).store(next.0, Ordering::Release);
        point::reach("lease.published");
        map.u64(INTENT).store(0, Ordering::Release);
        self.settle(next);
        lent
    }

    fn lend_again(&self, index: usize, front: Front) -> Lent {
        let segment = self.segment;
        let (_, deliveries) = segment.loan(index);
        let lent = self.hand_out(index, front, deliveries.saturating_add(1));
        point::reach("lease.copied");
        segment.set_loan(index, Loan::Lent(segment.me), lent.deliveries);
        point::reach("lease.again");
        self.add(BACK, -1);
        self.add(REDELIVERED, 1);
        lent
    }

    /// A ticket and a time limit. Nobody looks at either before the entry is lent.
    fn hand_out(&self, index: usize, front: Front, deliveries: u32) -> Lent {
        let (segment, map) = (self.segment, &self.segment.map);
        let last = map.u64(LAST_TICKET);
        let number = last.load(Ordering::Relaxed).wrapping_add(1);
        last.store(number, Ordering::Relaxed);
        let ticket = number << INDEX_BITS | index as u64;
        map.u64(segment.entry(index, TICKET)).store(ticket, Ordering::Relaxed);
        let due = match segment.header.lease_time {
            0 => 0,
            time => moment(Duration::from_nanos(time)),
        };
        segment.set_due(index, due);
        self.look_by(due);
        Lent {
            ticket,
            deliveries,
            front,
            due,
        }
    }

    /// Has the table looked through at `due`, if not before.
    pub(crate) fn look_by(&self, due: u64) {
        let next = self.segment.map.u64(NEXT_LOOK);
        if due != 0 && due < next.load(Ordering::Relaxed) {
            next.store(due, Ordering::Relaxed);
        }
    }

    fn intend(&self, kind: u64, index: usize) {
        let who = self.segment.me;
        let word = Intent { kind, index, who }.to_word();
        self.segment.map.u64(INTENT).store(word, Ordering::Release);
    }

    pub(crate) fn add(&self, word: usize, change: i64) {
        let word = self.segment.map.u64(word);
        word.store(
            word.load(Ordering::Relaxed).saturating_add_signed(change),
            Ordering::Release,
        );
    }

    /// An item that came back is taken for good.
    pub(crate) fn take_loan(&self, index: usize, front: Front) {
        let (segment, map) = (self.segment, &self.segment.map);
        let taken = map.u64(participant::at(segment.index, TAKEN));
        let taken_next = taken.load(Ordering::Relaxed).wrapping_add(1);
        map.u64(TAKEN_NEXT).store(taken_next, Ordering::Relaxed);
        self.intend(TAKE, index);
        point::reach("back.marked");
        segment.set_loan(index, Loan::Free, 0);
        point::reach("back.taken");
        taken.store(taken_next, Ordering::Relaxed);
        map.u64(INTENT).store(0, Ordering::Release);
        self.add(BACK, -1);
        self.add(REDELIVERED, 1);
        self.forget(index, front);
    }

    /// Ends an entry: its item is gone, and takes no room.
    pub(crate) fn end(&self, index: usize) {
        let front = self.segment.loan_front(index);
        self.segment.set_loan(index, Loan::Free, 0);
        point::reach("lease.ended");
        match front {
            Some(front) => self.forget(index, front),
            None => self.count_loans(),
        }
    }

    fn forget(&self, index: usize, front: Front) {
        let away = Cursor(self.segment.map.u64(AWAY).load(Ordering::Relaxed));
        let away = away.before(record_bytes(front.len()), 1);
        self.segment.map.u64(AWAY).store(away.0, Ordering::Release);
        self.segment.suggest(index);
    }

    /// An item is to be had again.
    pub(crate) fn give_back(&self, index: usize, deliveries: u32) {
        self.segment.set_loan(index, Loan::Returned, deliveries);
        point::reach("lease.returned");
        self.add(BACK, 1);
    }

    /// Counts what is away and what is to be had, from the entries.
    pub(crate) fn count_loans(&self) {
        let segment = self.segment;
        let (mut away, mut back) = (Cursor::default(), 0);
        for index in 0..segment.loans_used() {
            let (loan, _) = segment.loan(index);
            if loan != Loan::Free {
                let len = segment.loan_front(index).map_or(0, Front::len);
                away = away.after(record_bytes(len), 1);
                back += u64::from(loan == Loan::Returned);
            }
        }
        segment.map.u64(BACK).store(back, Ordering::Release);
        segment.map.u64(AWAY).store(away.0, Ordering::Release);
        segment.suggest(0);
    }

    /// After the holder of the lock died: what it began with an entry is done or undone.
    pub(crate) fn repair_loans(&self) {
        let (segment, map) = (self.segment, &self.segment.map);
        if segment.loans_used() == 0 || point::planted("loans-unrepaired") {
            return;
        }
        let word = map.u64(INTENT).load(Ordering::Acquire);
        let Intent { kind, index, who } = Intent::from_word(word);
        if index < segment.loans_used() {
            if kind == LEND && map.u64(TAKING).load(Ordering::Relaxed) != map.u64(HEAD).load(Ordering::Relaxed) {
                // It is still in the ring.
                segment.set_loan(index, Loan::Free, 0);
            }
            if kind == TAKE
                && segment.loan(index).0 == Loan::Free
                && let Some(taker) = who.index()
                && participant::name_of(map, taker) == Some(who)
            {
                let taken_next = map.u64(TAKEN_NEXT).load(Ordering::Relaxed);
                map.u64(participant::at(taker, TAKEN))
                    .store(taken_next, Ordering::Relaxed);
            }
        }
        map.u64(INTENT).store(0, Ordering::Release);
        self.count_loans();
        point::reach("repair.loans");
        // The dead one may have given items back and told nobody.
        segment.ring(crate::layout::ITEMS, usize::MAX);
    }
}

impl Segment {
    pub(crate) fn ended(&self, operation: &'static str, ticket: u64) -> Error {
        self.error(ErrorKind::StaleHandle, operation)
            .expected("a lease that has not ended")
            .found(format!(
                "lease {ticket}, which ran out: its item is back in the queue or with somebody else"
            ))
            .remedy("undo what was done with the item, and extend leases before they run out")
    }
}
