//! Requests that wait for their answer.

use std::sync::Arc;

use descriptor_core::ErrorKind;
use rpc_wire::{Call, Cancel, Done, Failed, Handle, Message};

use super::{Answer, CallTicket, Cause, Key, Session, Stage, Wake};

/// Calls that are not used up by those who wait.
const KEPT_CALLS: usize = 16;

/// What a call was for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// To open a queue.
    Open(Key),
    /// To give one back for good, or before it is opened again.
    Release(Key, Handle),
    /// For items, so many.
    Credit(Key, u32),
    /// For items on loan, so many.
    Loan(Key, u32),
    /// Something whose answer nobody waits for.
    Unheard,
    /// Anything that somebody waits for. When it is for items, they go to the queue; so many at most.
    Ticket(Arc<CallTicket>, u32),
}

impl Asked {
    /// The items that it may bring.
    const fn items(&self) -> u32 {
        match self {
            Self::Credit(_, items) | Self::Loan(_, items) | Self::Ticket(_, items) => *items,
            _ => 0,
        }
    }
}

impl Session {
    pub(super) fn asked(&mut self, asked: Asked) -> Call {
        let call = self.next_call();
        self.credit += u64::from(asked.items());
        self.calls.insert(call.get(), asked);
        call
    }

    /// Makes a call about a queue for somebody who waits. `None` while the connection, or the queue, is not there, or too
    /// much is asked already.
    pub(crate) fn ask(&mut self, key: Key, message: impl FnOnce(Call, Handle) -> Message) -> Option<Arc<CallTicket>> {
        let handle = self.queue(key)?.handle()?;
        let (call, ticket) = self.ticket(0)?;
        self.send_puts_of(key, None);
        self.say(&message(call, handle));
        Some(ticket)
    }

    /// Asks for up to `most` items that are there now, or as many as may be asked for, for somebody who waits for the answer: they
    /// are in the queue then. `None` as for [`ask`](Self::ask).
    pub(crate) fn ask_now(&mut self, key: Key, is_loan: bool, most: usize) -> Option<Arc<CallTicket>> {
        let handle = self.queue(key)?.handle()?;
        let items = self.credit_for(most.try_into().unwrap_or(u32::MAX), is_loan)?;
        let (call, ticket) = self.ticket(items)?;
        self.send_puts_of(key, None);
        let message = if is_loan {
            self.lease_now(call, handle, items)
        } else {
            self.get_now(key, call, handle, items)
        };
        self.say(&message);
        Some(ticket)
    }

    /// As [`ask`](Self::ask), about no queue that is open.
    pub(crate) fn ask_server(&mut self, message: impl FnOnce(Call) -> Message) -> Option<Arc<CallTicket>> {
        let (call, ticket) = self.ticket(0)?;
        self.say(&message(call));
        Some(ticket)
    }

    fn ticket(&mut self, items: u32) -> Option<(Call, Arc<CallTicket>)> {
        if !self.is_up() {
            return None;
        }
        if self.is_full() {
            self.is_crowded = true;
            return None;
        }
        self.alone |= self.awaited == 0;
        self.awaited += 1;
        let ticket = CallTicket::new();
        let call = self.asked(Asked::Ticket(Arc::clone(&ticket), items));
        Some((call, ticket))
    }

    /// Nobody waits for the answer of that call any more.
    pub(super) fn cancel(&mut self, call: Call) {
        self.say(&Message::from(Cancel { call }));
    }

    /// Whether the server takes no more calls. A few are kept for those to open and release queues.
    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= (self.limits.calls as usize).saturating_sub(KEPT_CALLS).max(1)
    }

    fn answered(&mut self, call: Call) -> Option<Asked> {
        let asked = self.calls.remove(&call.get())?;
        self.credit = self.credit.saturating_sub(asked.items().into());
        if matches!(asked, Asked::Ticket(..)) {
            self.awaited = self.awaited.saturating_sub(1);
        }
        if std::mem::take(&mut self.is_crowded) {
            // Those who could not make a call may try again.
            for key in self.keys() {
                self.ask_again(key);
                if let Some(queue) = self.queue(key) {
                    let lines = Arc::clone(&queue.lines);
                    self.wake(Wake::Openers(lines));
                }
            }
        }
        Some(asked)
    }

    /// An answer to a call that somebody waits for.
    pub(super) fn heard_answer(&mut self, call: Call, message: Message) {
        match self.calls.get(&call.get()) {
            Some(Asked::Ticket(..)) => {
                if let Some(Asked::Ticket(ticket, _)) = self.answered(call) {
                    self.wake(Wake::Call(ticket, Answer::Heard(message)));
                }
            }
            // One that nobody waits for.
            _ => drop(self.answered(call)),
        }
    }

    /// Items came for a call; `last` when it has ended. False when it was for an earlier opening of the queue.
    pub(super) fn call_used(&mut self, call: Call, items: u64, last: bool) -> bool {
        let (key, is_loan) = match self.calls.get(&call.get()) {
            Some(Asked::Credit(key, _)) => (*key, false),
            Some(Asked::Loan(key, _)) => (*key, true),
            _ => return false,
        };
        if last {
            self.answered(call);
        }
        match self.queue_mut(key) {
            Some(queue) if is_loan => queue.loans.used(call, items, last),
            Some(queue) => queue.gets.used(call, items, last),
            None => false,
        }
    }

    pub(super) fn done(&mut self, done: Done) {
        match self.calls.get(&done.call.get()) {
            Some(Asked::Release(key, handle)) => {
                let (key, handle) = (*key, *handle);
                self.answered(done.call);
                self.released(key, handle, done.call);
            }
            _ => self.heard_answer(done.call, done.into()),
        }
    }

    pub(super) fn failed(&mut self, failed: Failed) -> Result<(), Cause> {
        let Some(call) = failed.call else {
            return self.failed_alone(failed);
        };
        let kind = failed.failure.kind.kind();
        match self.calls.get(&call.get()) {
            Some(Asked::Open(key)) => {
                let key = *key;
                self.answered(call);
                if self.queue(key).is_some_and(|queue| queue.stage == Stage::Opening(call)) {
                    self.fail_queue(key, Cause::peer(failed.failure));
                }
            }
            Some(Asked::Release(key, handle)) => {
                let (key, handle) = (*key, *handle);
                self.answered(call);
                self.released(key, handle, call);
            }
            Some(Asked::Credit(key, _) | Asked::Loan(key, _)) => {
                let key = *key;
                if self.call_used(call, 0, true) {
                    self.credit_failed(key, kind, failed);
                }
            }
            _ => self.heard_answer(call, failed.into()),
        }
        Ok(())
    }

    /// A call for items ended without one.
    fn credit_failed(&mut self, key: Key, kind: Option<ErrorKind>, failed: Failed) {
        match kind {
            Some(ErrorKind::Closed) => self.note_drained(key),
            Some(ErrorKind::Cancelled | ErrorKind::Empty) => self.ask_again(key),
            _ if failed.failure.retryable => self.ask_again(key),
            _ => self.fail_queue(key, Cause::peer(failed.failure)),
        }
    }

    fn failed_alone(&mut self, failed: Failed) -> Result<(), Cause> {
        let cause = Cause::peer(failed.failure);
        match failed.queue {
            Some(handle) => {
                if let Some(key) = self.handles.remove(&handle.get())
                    && self.queue(key).is_some_and(|queue| queue.handle() == Some(handle))
                {
                    self.fail_queue(key, cause);
                }
                Ok(())
            }
            None => Err(cause),
        }
    }

    /// The connection is gone, and no call will be answered.
    pub(super) fn lose_calls(&mut self, cause: &Cause) {
        for (_, asked) in std::mem::take(&mut self.calls) {
            if let Asked::Ticket(ticket, _) = asked {
                self.wake(Wake::Call(ticket, Answer::Lost(cause.clone())));
            }
        }
        self.credit = 0;
        self.awaited = 0;
    }
}
