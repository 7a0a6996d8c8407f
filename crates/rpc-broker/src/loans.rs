//! How what was delivered comes back, and how loans end.

use std::time::{Duration, Instant};

use queue_core::Error;
use rpc_wire::{Ack, Extend, Message, Micros, Nack, Ranges, Settled};

use crate::broker::Broker;
use crate::dispatch::Stop;
use crate::piece::Piece;
use crate::session::{Loan, Member};
use crate::store::{End, room};
use crate::table::Key;
use crate::timers::Timer;

/// The longest that an item stays out of sight.
const LONGEST_DELAY: Duration = Duration::from_secs(366 * 24 * 3600);

impl Broker {
    pub(crate) fn ack(&mut self, key: Key, ack: &Ack) -> Result<Message, Stop> {
        let (loans, stale) = self.settled(key, &ack.deliveries)?;
        for number in loans {
            if let Some((queue_key, loan)) = self.take_loan(key, number)
                && let Some(queue) = self.queues.get_mut(queue_key)
            {
                let bytes = loan.piece.payload();
                queue.store.settle(1, bytes, End::Got);
                queue.settled(&mut self.journal, &loan.piece);
                self.usage = (self.usage.0 - 1, self.usage.1 - bytes);
                self.mark(queue_key);
            }
        }
        Ok(Settled { call: ack.call, stale }.into())
    }

    pub(crate) fn nack(&mut self, key: Key, nack: &Nack, now: Instant) -> Result<Message, Stop> {
        let (loans, stale) = self.settled(key, &nack.deliveries)?;
        let delay = nack.after.duration().unwrap_or(LONGEST_DELAY).min(LONGEST_DELAY);
        let visible = (nack.after != Micros::ZERO).then(|| now.checked_add(delay)).flatten();
        for number in loans {
            if let Some((queue, loan)) = self.take_loan(key, number) {
                self.give_back(queue, loan.piece, visible);
            }
        }
        Ok(Settled { call: nack.call, stale }.into())
    }

    pub(crate) fn extend(&mut self, key: Key, extend: &Extend, now: Instant) -> Result<Message, Stop> {
        let (loans, stale) = self.settled(key, &extend.deliveries)?;
        let wanted = extend.by.duration().and_then(|by| now.checked_add(by));
        for number in loans {
            let loan = self
                .members
                .get_mut(key)
                .and_then(|member| member.loans.get_mut(&number));
            let Some(loan) = loan else {
                continue;
            };
            // Never shorter than it is; without end is longest.
            let until = loan.until.and_then(|until| wanted.map(|wanted| wanted.max(until)));
            let before = std::mem::replace(&mut loan.until, until);
            self.timers.clear(before, Timer::Loan(key, number));
            if let Some(until) = until {
                self.timers.set(until, Timer::Loan(key, number));
            }
        }
        Ok(Settled {
            call: extend.call,
            stale,
        }
        .into())
    }

    /// Which of these are loans of the member, and those that are not.
    fn settled(&self, key: Key, wanted: &Ranges) -> Result<(Vec<u64>, Ranges), Error> {
        let Some(member) = self.members.get(key) else {
            return Ok((Vec::new(), wanted.clone()));
        };
        let of = |range| member.loans.range(range).map(|(number, _)| *number);
        let loans: Vec<u64> = wanted.iter().flat_map(of).collect();
        let stale = wanted.without(loans.iter().copied())?;
        Ok((loans, stale))
    }

    /// A loan ends; what becomes of the item is up to the caller.
    fn take_loan(&mut self, key: Key, number: u64) -> Option<(Key, Loan)> {
        let member = self.members.get_mut(key)?;
        let loan = member.loans.remove(&number)?;
        let (queue, open) = (member.queue, member.open);
        self.timers.clear(loan.until, Timer::Loan(key, number));
        if let Some(connection) = open.and_then(|(at, _)| self.connections.get_mut(at)) {
            connection.loans = connection.loans.saturating_sub(1);
        }
        Some((queue, loan))
    }

    pub(crate) fn loan_ran_out(&mut self, key: Key, number: u64) {
        if let Some((at, loan)) = self.take_loan(key, number) {
            if let Some(queue) = self.queues.get_mut(at) {
                queue.store.totals.expired += 1;
            }
            self.give_back(at, loan.piece, None);
        }
    }

    /// Everything that a member holds goes back to the queue. `lost`: nobody knows how far the client came with it, so it counts as
    /// delivered.
    pub(crate) fn return_of(&mut self, key: Key, lost: bool) {
        let Some(member) = self.members.get_mut(key) else {
            return;
        };
        let queue_key = member.queue;
        let away = std::mem::take(&mut member.away);
        let loans: Vec<u64> = member.loans.keys().copied().collect();
        member.lost |= !(away.is_empty() && loans.is_empty());
        if let Some(queue) = self.queues.get_mut(queue_key) {
            for (_, mut piece) in away {
                piece.deliveries = piece.deliveries.saturating_add(u32::from(lost));
                queue.store.give_back(piece, None);
            }
        }
        self.mark(queue_key);
        for number in loans {
            if let Some((queue, loan)) = self.take_loan(key, number) {
                self.give_back(queue, loan.piece, None);
            }
        }
    }

    /// The queue is no more, and what a member holds of it.
    pub(crate) fn drop_loans(&mut self, key: Key) {
        let loans = self
            .members
            .get(key)
            .map(|member| member.loans.keys().copied().collect::<Vec<u64>>());
        for number in loans.into_iter().flatten() {
            self.take_loan(key, number);
        }
    }

    /// An item that was on loan waits again, or is buried when it was lent as often as it may be.
    fn give_back(&mut self, at: Key, piece: Piece, visible: Option<Instant>) {
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        let most = queue.terms.max_deliveries;
        if most > 0 && piece.deliveries >= most {
            return self.bury(at, piece);
        }
        queue.store.give_back(piece, visible);
        if let Some(visible) = visible
            && queue.sight_due.is_none_or(|due| visible < due)
        {
            self.timers.clear(queue.sight_due, Timer::Sight(at));
            queue.sight_due = Some(visible);
            self.timers.set(visible, Timer::Sight(at));
        }
        self.mark(at);
    }

    pub(crate) fn reveal(&mut self, at: Key, now: Instant) {
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        queue.sight_due = queue.store.reveal(now);
        if let Some(due) = queue.sight_due {
            self.timers.set(due, Timer::Sight(at));
        }
        self.mark(at);
    }

    /// An item goes to the queue for dead letters. Without one it is dropped; without room there it is delivered once more, so that
    /// nothing is lost.
    fn bury(&mut self, at: Key, piece: Piece) {
        let bytes = piece.payload();
        let named = self
            .queues
            .get(at)
            .is_some_and(|queue| queue.terms.dead_letter.is_some());
        let grave = self.grave_of(at, &piece);
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        match grave {
            Some(grave) => {
                queue.store.settle(1, bytes, End::Buried);
                queue.settled(&mut self.journal, &piece);
                if let Some(grave) = self.queues.get_mut(grave) {
                    grave.bury(&mut self.journal, &piece);
                }
                self.mark(grave);
            }
            None if named => {
                queue.store.totals.refused += 1;
                queue.store.give_back(piece, None);
            }
            None => {
                queue.store.settle(1, bytes, End::Dropped);
                queue.settled(&mut self.journal, &piece);
                self.usage = (self.usage.0 - 1, self.usage.1 - bytes);
            }
        }
        self.mark(at);
    }

    /// The queue for the dead letters of this one, when it has room. It is made when nobody has.
    fn grave_of(&mut self, at: Key, piece: &Piece) -> Option<Key> {
        let queue = self.queues.get(at)?;
        let id = queue.terms.dead_letter.clone()?;
        let found = match self.names.get(&id) {
            Some(key) => *key,
            None => self.make_grave(at, id)?,
        };
        let grave = self.queues.get(found)?;
        let (items, bytes) = grave.room();
        let fits = room(&piece.bytes, 1, items, bytes).0 == 1;
        (fits && !grave.closed && grave.puts.is_empty()).then_some(found)
    }
}

impl Member {
    /// Whether it holds something that could go back.
    pub(crate) fn holds(&self) -> bool {
        !self.away.is_empty() || !self.loans.is_empty()
    }
}
