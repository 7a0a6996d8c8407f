//! Requests that go their own way before they are answered.

use descriptor_core::{Error, ErrorKind, GetError, Wait, Wire};

use crate::desk::Desk;
use crate::fault::Fault;
use crate::mailbox::is_item;
use crate::message::{Flag, Reply, Ticket, What};
use crate::parcel::Parcel;
use crate::reply_to::ReplyQueues;
use crate::worker::{Delivery, Failure};

impl<Req: Wire> Desk<Req> {
    /// Takes the next request that somebody still waits for, with what it takes to [`answer`](Self::answer) it later. In
    /// place of a [`Worker`](crate::Worker), for whoever does the work in several steps.
    ///
    /// # Errors
    /// As [`Queue::get_within`](descriptor_core::Queue::get_within); one item that cannot be read is counted and skipped.
    pub fn take(&self, wait: Wait) -> Result<(Ticket, Req), GetError> {
        let tally = &self.inner.tally;
        loop {
            let request = match self.inner.requests.get_within(wait) {
                Ok(message) => match message.what {
                    What::Call(request) => request,
                    What::Cancel(id) => {
                        self.cancel(id);
                        continue;
                    }
                },
                Err(GetError::Failed(error)) if is_item(&error) => {
                    tally.corrupt.add();
                    continue;
                }
                Err(error) => return Err(error),
            };
            tally.taken.add();
            if request.ticket.deadline.has_passed() {
                tally.expired.add();
            } else if request.ticket.flag.as_ref().is_some_and(Flag::is_set) {
                tally.cancelled.add();
            } else {
                return Ok((request.ticket, request.body));
            }
        }
    }

    /// Answers a request that was taken by hand. It waits while the caller has no room, until the deadline. False when nobody
    /// waits for the answer any more, or nobody can be reached.
    ///
    /// # Errors
    /// What keeps the answer from leaving the process; the caller is told as well.
    pub fn answer<Resp: Wire>(
        &self,
        ticket: &Ticket,
        answer: Result<Resp, Failure>,
        replies: &ReplyQueues,
    ) -> Result<bool, Error> {
        let tally = &self.inner.tally;
        let (reply, done) = match answer {
            Ok(answer) => (Reply::Whole(Parcel::new(answer)), &tally.answered),
            Err(error) => (Reply::Failed(Fault::of(error.as_ref())), &tally.failed),
        };
        let Ok(to) = replies.find(&ticket.reply) else {
            tally.undelivered.add();
            return Ok(false);
        };
        let to = to.as_ref();
        match ticket.deliver(to, reply, || false) {
            Ok(Delivery::Done) => {
                done.add();
                Ok(true)
            }
            Ok(Delivery::GivenUp) => {
                tally.late.add();
                Ok(false)
            }
            Ok(Delivery::Undelivered) => {
                tally.undelivered.add();
                Ok(false)
            }
            Err(error) => {
                tally.failed.add();
                let _ = ticket.deliver(to, Reply::Failed(Fault::of(&error)), || true);
                Err(error)
            }
        }
    }

    /// Ends the service, and tells everybody who waits in its queue.
    pub fn turn_away(&self, replies: &ReplyQueues) {
        self.abort();
        let tally = &self.inner.tally;
        while let Ok((ticket, _)) = self.take(Wait::Never) {
            let fault = Fault::new(
                ErrorKind::Cancelled,
                "the service was ended before it came to this request".into(),
            );
            if let Ok(to) = replies.find(&ticket.reply) {
                let _ = ticket.deliver(to.as_ref(), Reply::Failed(fault), || true);
            }
            tally.cancelled.add();
        }
    }
}
