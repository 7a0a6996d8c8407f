//! Items on loan.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use descriptor_core::wait::Waiter;
use descriptor_core::{Error, ErrorKind, GetError, Lease, LeaseKeeper, Wait, Wire};
use rpc_wire::{Ack, Call, Extend, Handle, Message, Nack, Ranges};

use crate::RpcQueue;
use crate::door::Door;
use crate::get::Wanting;
use crate::session::{Cause, Loan, Step, delivery, ticket};

/// Ends loans of one queue.
#[derive(Debug)]
pub(crate) struct Keeper {
    door: Arc<Door>,
}

impl Keeper {
    pub(crate) const fn new(door: Arc<Door>) -> Self {
        Self { door }
    }

    /// Settles one loan, and does not return before the server did.
    fn settle(
        &self,
        operation: &'static str,
        ticket: u64,
        message: impl Fn(Handle, Call, Ranges) -> Message,
    ) -> Result<(), Error> {
        let (life, number) = delivery(ticket);
        let (is_current, is_up) = self.door.link.with(|session| {
            let queue = session.queue(self.door.key);
            (queue.is_some_and(|queue| queue.loans.life == life), session.is_up())
        });
        if !is_current {
            return Err(self.stale(operation));
        }
        if !is_up {
            // Without a connection the item goes back by itself.
            let cause = Cause::lost(self.door.link.status().error.unwrap_or_else(|| "none right now".into()));
            return Err(self.door.named(cause.error(operation)));
        }
        let answer = self.door.call(operation, self.door.deadline(), |call, queue| {
            // One number makes one range.
            message(queue, call, Ranges::of([number]).unwrap_or_default())
        })?;
        match answer {
            Message::Settled(settled) if settled.stale.contains(number) => Err(self.stale(operation)),
            _ => Ok(()),
        }
    }

    /// As [`settle`](Self::settle), for the end of the loan: whatever becomes of it, the program has it no more.
    fn end(
        &self,
        operation: &'static str,
        ticket: u64,
        message: impl Fn(Handle, Call, Ranges) -> Message,
    ) -> Result<(), Error> {
        let settled = self.settle(operation, ticket, message);
        let (life, _) = delivery(ticket);
        self.door.link.with(|session| session.loan_ended(self.door.key, life));
        settled
    }

    fn stale(&self, operation: &'static str) -> Error {
        let error = Error::new(ErrorKind::StaleHandle, operation)
            .expected("a lease that has not run out")
            .found("one that has, or whose connection was lost: the item is somebody else's by now")
            .remedy("ask for longer leases (lease_time), or extend them in time");
        self.door.named(error)
    }
}

impl<T: Wire> LeaseKeeper<T> for Keeper {
    fn ack(&self, ticket: u64) -> Result<(), Error> {
        self.end("ack", ticket, |queue, call, deliveries| {
            Message::from(Ack {
                queue,
                call,
                deliveries,
            })
        })
    }

    fn nack(&self, ticket: u64, _item: T, after: Duration) -> Result<(), Error> {
        self.end("nack", ticket, |queue, call, deliveries| {
            Message::from(Nack {
                queue,
                call,
                after: after.into(),
                deliveries,
            })
        })
    }

    fn extend(&self, ticket: u64, by: Duration) -> Result<(), Error> {
        self.settle("extend", ticket, |queue, call, deliveries| {
            Message::from(Extend {
                queue,
                call,
                by: by.into(),
                deliveries,
            })
        })
    }
}

type Lent = (u16, Loan);

impl<T: Wire> RpcQueue<T> {
    fn pop_loan(&self, waited: bool) -> Option<Result<Lent, GetError>> {
        let key = self.door.key;
        match self.door.link.with(|session| session.pop_loan(key, waited)) {
            Ok(lent) => Some(Ok(lent)),
            Err(Step::Drained) => Some(Err(GetError::Closed)),
            Err(Step::Failed(cause)) => Some(Err(self.failed(&cause, "lease"))),
            Err(_) => None,
        }
    }

    /// The loan as the program has it; an item that cannot be read is given back by dropping it.
    fn lend(&self, (life, loan): Lent) -> Result<Lease<T>, GetError> {
        let number = ticket(life, loan.number);
        match self.format.decode(loan.codec, loan.item) {
            Ok(item) => Ok(Lease::new(item, number, loan.deliveries, Arc::clone(&self.keeper) as _)),
            Err(error) => {
                // It would come back for ever.
                let _ = LeaseKeeper::<T>::ack(&*self.keeper, number);
                Err(GetError::Failed(self.door.named(error)))
            }
        }
    }

    /// Gives back what was fetched ahead, before the first lease.
    fn prepare(&self) -> Result<(), GetError> {
        let key = self.door.key;
        let ready = || self.door.link.with(|session| session.prepare_leases(key)).then_some(());
        match ready().or_else(|| self.door.lines.openers.block(self.door.deadline(), ready)) {
            Some(()) => Ok(()),
            None => Err(GetError::Failed(self.door.late("lease"))),
        }
    }

    /// Asks the server for items that are there now; they are here when it has answered.
    fn fetch_loans(&self, max: usize) -> Result<(), GetError> {
        let key = self.door.key;
        if !self.door.is_up() {
            return Err(self.offline("lease"));
        }
        let answer = self
            .door
            .answer(self.door.deadline(), |session| session.ask_now(key, true, max));
        match answer {
            Ok(Some(Message::Failed(failed))) => self.refused(failed.failure, "lease"),
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                self.door.link.with(|session| session.unwant_loan(key));
                Err(GetError::Failed(self.door.late("lease")))
            }
            Err(cause) => Err(self.failed(&cause, "lease")),
        }
    }

    pub(crate) fn borrow(&self, wait: Wait) -> Result<Lease<T>, GetError> {
        if let Some(fault) = self.fault() {
            return Err(GetError::Failed(fault));
        }
        self.prepare()?;
        if let Some(lent) = self.pop_loan(false) {
            return self.lend(lent?);
        }
        if wait != Wait::Never {
            let (link, key) = (&self.door.link, self.door.key);
            link.with(|session| session.want_loan(key, 1));
            match self.door.lines.borrowers.block(wait, || self.pop_loan(true)) {
                Some(Ok(lent)) => return self.lend(lent),
                Some(Err(error)) => {
                    link.with(|session| session.unwant_loan(key));
                    return Err(error);
                }
                None => link.with(|session| session.unwant_loan(key)),
            }
        }
        self.fetch_loans(1)?;
        self.lend(self.pop_loan(false).unwrap_or(Err(GetError::Empty))?)
    }

    pub(crate) fn borrow_many(&self, out: &mut Vec<Lease<T>>, max: usize, wait: Wait) -> Result<usize, GetError> {
        if max == 0 {
            return Ok(0);
        }
        out.push(self.borrow(wait)?);
        let mut taken = 1;
        if taken < max && self.fetch_loans(max - taken).is_ok() {
            while taken < max
                && let Some(Ok(lent)) = self.pop_loan(false)
            {
                match self.lend(lent) {
                    Ok(lease) => {
                        out.push(lease);
                        taken += 1;
                    }
                    Err(GetError::Failed(error)) => self.keep_fault(error),
                    Err(_) => break,
                }
            }
        }
        Ok(taken)
    }

    pub(crate) fn poll_borrow(&self, cx: &Context<'_>, waiter: &mut Waiter) -> Poll<Result<Lease<T>, GetError>> {
        if !waiter.is_armed() {
            let first = self.prepare().map(|()| self.pop_loan(false)).transpose();
            if let Some(done) = first {
                return Poll::Ready(done.flatten().and_then(|lent| self.lend(lent)));
            }
            *waiter.state() = Some(Box::new(Wanting::Loan));
            self.door.link.with(|session| session.want_loan(self.door.key, 1));
        }
        match self.door.lines.borrowers.poll(cx, waiter, || self.pop_loan(true)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(lent)) => {
                *waiter.state() = None;
                Poll::Ready(self.lend(lent))
            }
            Poll::Ready(Err(error)) => {
                self.give_up_get(waiter);
                Poll::Ready(Err(error))
            }
        }
    }
}
