//! Gets and leases wait here until there is something for them.

use std::time::Instant;

use queue_core::{Error, ErrorKind};
use rpc_wire::{Call, Consumed, Failed, Failure, Handle, Lease, Micros};

use crate::broker::Broker;
use crate::dispatch::{Stop, failed};
use crate::journal::Held;
use crate::queue::{Mode, Waiter};
use crate::rights::Rights;
use crate::store::End;
use crate::table::Key;
use crate::timers::Timer;

/// A `Get` or a `Lease`.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) queue: Handle,
    pub(crate) call: Call,
    pub(crate) mode: Mode,
    pub(crate) once: bool,
    pub(crate) items: u32,
    pub(crate) bytes: u64,
    pub(crate) wait: Micros,
}

impl Broker {
    pub(crate) fn lease(&mut self, at: Key, lease: &Lease, now: Instant) -> Result<(), Stop> {
        let Some(key) = self.member_at(at, lease.queue)? else {
            return Ok(());
        };
        let member = self.members.get(key);
        let usual = member.and_then(|member| self.queues.get(member.queue)?.terms.lease);
        let ask = Ask {
            queue: lease.queue,
            call: lease.call,
            mode: Mode::Loan(match lease.lease {
                Micros::ZERO => usual,
                lease => lease.duration(),
            }),
            once: lease.once.0,
            items: lease.items,
            bytes: lease.bytes,
            wait: lease.wait,
        };
        self.get(at, &ask, now)
    }

    pub(crate) fn get(&mut self, at: Key, ask: &Ask, now: Instant) -> Result<(), Stop> {
        let Some(key) = self.member_at(at, ask.queue)? else {
            return Ok(());
        };
        self.check_call(at, ask.call)?;
        if ask.items == 0 {
            return Err(Stop::wrong("at least one item to ask for", "0"));
        }
        if let Err(error) = self.may_get(at, key, ask)? {
            self.tell(at, failed(Some(ask.queue), ask.call, &error));
            return Ok(());
        }
        let limits = self.settings.limits;
        let id = self.next_id();
        let (Some(member), Some(connection)) = (self.members.get(key), self.connections.get_mut(at)) else {
            return Ok(());
        };
        connection.credit += u64::from(ask.items);
        if matches!(ask.mode, Mode::Loan(_)) {
            connection.asked_loans += u64::from(ask.items);
        }
        connection.calls.insert(ask.call.get(), member.queue);
        let until = ask.wait.duration().and_then(|wait| now.checked_add(wait));
        let queue_key = member.queue;
        if let Some(until) = until {
            self.timers.set(until, Timer::Get(queue_key, id));
        }
        if let Some(queue) = self.queues.get_mut(queue_key) {
            queue.gets.push_back(Waiter {
                id,
                member: key,
                connection: at,
                call: ask.call,
                mode: ask.mode,
                once: ask.once,
                items: ask.items,
                bytes: ask.bytes.min(limits.credit_bytes),
                until,
                late: false,
            });
        }
        self.mark(queue_key);
        Ok(())
    }

    /// Whether the rights and the limits allow it: the inner error is for the call, the outer one for the connection.
    fn may_get(&self, at: Key, key: Key, ask: &Ask) -> Result<Result<(), Error>, Stop> {
        let limits = self.settings.limits;
        let (Some(member), Some(connection)) = (self.members.get(key), self.connections.get(at)) else {
            return Ok(Ok(()));
        };
        let Some(queue) = self.queues.get(member.queue) else {
            return Ok(Ok(()));
        };
        if !member.rights.has(Rights::GET) {
            return Ok(self.permit(at, queue.id.as_str(), Rights::GET, "get"));
        }
        if connection.calls.len() >= limits.calls as usize {
            let found = format!("{} and one more", connection.calls.len());
            return Err(Stop::too_much(
                format!("at most {} calls that wait", limits.calls),
                found,
            ));
        }
        let credit = connection.credit + u64::from(ask.items);
        if credit > limits.credit_items.into() {
            let most = format!("at most {} items asked for ahead of time", limits.credit_items);
            return Err(Stop::too_much(most, credit.to_string()));
        }
        let loans = connection.loans + connection.asked_loans + u64::from(ask.items);
        let most = limits.leases.min(connection.takes.leases);
        if matches!(ask.mode, Mode::Loan(_)) && loans > most.into() {
            let error = queue.error(ErrorKind::ResourceExhausted, "lease");
            return Ok(Err(error
                .expected(format!("at most {most} items on loan, and asked for, at a time"))
                .found(loans.to_string())
                .remedy("settle some, or ask for fewer at once")));
        }
        Ok(Ok(()))
    }

    /// A get has waited as long as it may, unless it is its reader that is waited for: there are items. Or the disk: a client that
    /// put something and gets after it is not told that there is nothing.
    pub(crate) fn get_is_late(&mut self, at: Key, id: u64) {
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        let Some(waiter) = queue.gets.iter_mut().find(|waiter| waiter.id == id) else {
            return;
        };
        let on_its_way = self.members.get(waiter.member).is_some_and(|member| member.staged > 0);
        if on_its_way && !std::mem::replace(&mut waiter.late, true) {
            let upto = self.journal.made();
            self.journal.held.push_back((upto, Held::Late(at, id)));
            return;
        }
        match self.connections.get_mut(waiter.connection) {
            Some(connection) if connection.stalled && queue.store.has_some() => connection.overdue.push((at, id)),
            _ => self.end_get(at, id, &Failure::plain(ErrorKind::Empty)),
        }
    }

    /// A get fails.
    pub(crate) fn end_get(&mut self, at: Key, id: u64, failure: &Failure) {
        let Some(queue) = self.queues.get_mut(at) else {
            return;
        };
        let found = queue.gets.iter().position(|waiter| waiter.id == id);
        if let Some(waiter) = found.and_then(|index| queue.gets.remove(index)) {
            self.fail_get(at, &waiter, failure);
        }
    }

    /// A get that is out of its queue's list has failed.
    pub(crate) fn fail_get(&mut self, at: Key, waiter: &Waiter, failure: &Failure) {
        self.timers.clear(waiter.until, Timer::Get(at, waiter.id));
        let member = self.members.get(waiter.member);
        let open = member.and_then(|member| member.open);
        let queue = self.queues.get(at).filter(|queue| queue.terms.durable);
        let waits = queue.is_some_and(|queue| queue.closed)
            || member.is_some_and(|member| !self.journal.is_written(member.delivers_after));
        if let Some(connection) = self.connections.get_mut(waiter.connection) {
            connection.calls.remove(&waiter.call.get());
            connection.credit = connection.credit.saturating_sub(waiter.items.into());
            if matches!(waiter.mode, Mode::Loan(_)) {
                connection.asked_loans = connection.asked_loans.saturating_sub(waiter.items.into());
            }
        }
        self.tell_in_turn(
            waits,
            waiter.connection,
            Failed {
                queue: open.map(|(_, handle)| handle),
                call: Some(waiter.call),
                failure: failure.clone(),
            },
        );
    }

    /// The client does not wait for this call any more.
    pub(crate) fn cancel(&mut self, at: Key, call: Call) {
        let connection = self.connections.get(at);
        let Some(queue_key) = connection.and_then(|connection| connection.calls.get(&call.get()).copied()) else {
            return;
        };
        let gets = self.queues.get(queue_key).map(|queue| &queue.gets);
        let of = |waiter: &&Waiter| waiter.connection == at && waiter.call == call;
        if let Some(id) = gets.and_then(|gets| gets.iter().find(of)).map(|waiter| waiter.id) {
            self.end_get(queue_key, id, &Failure::plain(ErrorKind::Cancelled));
        }
    }

    /// Items were handed over to the program.
    pub(crate) fn consumed(&mut self, at: Key, consumed: &Consumed) -> Result<(), Stop> {
        let Some(key) = self.member_at(at, consumed.queue)? else {
            return Ok(());
        };
        let Some(member) = self.members.get_mut(key) else {
            return Ok(());
        };
        if consumed.up_to >= member.next_delivery {
            let most = format!("at most number {} consumed", member.next_delivery - 1);
            return Err(Stop::wrong(most, consumed.up_to.to_string()));
        }
        let Some(queue) = self.queues.get_mut(member.queue) else {
            return Ok(());
        };
        let mut sum = (0, 0);
        while let Some((first, piece)) = member.away.front_mut() {
            let marked = (consumed.up_to + 1).saturating_sub(*first).min(piece.count.into());
            let front = match marked {
                0 => break,
                all if all == u64::from(piece.count) => member.away.pop_front().map(|(_, piece)| piece),
                _ => {
                    let marked = crate::store::room(&piece.bytes, piece.count, marked, u64::MAX);
                    *first += u64::from(marked.0);
                    Some(piece.split_to(marked))
                }
            };
            if let Some(front) = front {
                queue.settled(&mut self.journal, &front);
                sum = (sum.0 + u64::from(front.count), sum.1 + front.payload());
            }
        }
        if sum.0 > 0 {
            queue.store.settle(sum.0, sum.1, End::Got);
            self.usage = (self.usage.0 - sum.0, self.usage.1 - sum.1);
            let at = member.queue;
            self.mark(at);
        }
        Ok(())
    }
}
