//! The calling side.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind, PutError, Wait, Wire};

use crate::call_async::CallAsync;
use crate::deadline::{self, Deadline};
use crate::desk::{Desk, Inside};
use crate::mailbox::Mailbox;
use crate::message::{Answer, CallId, Flag, Message, Reply, Request, Ticket, What};
use crate::parcel::Blank;
use crate::pending::Stub;
use crate::replies::Replies;
use crate::trail;

/// How long a call may take when it does not say.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(600);

/// Calls one service. Cheap to clone; threads may share one.
///
/// A call that is made by the handler of a service is part of the call the handler works on: it ends with that
/// one's deadline, and a service that waits for itself with all its workers is an error.
pub struct ServiceClient<Req: Wire, Resp: Wire> {
    pub(crate) desk: Desk<Req>,
    pub(crate) mailbox: Mailbox,
    limit: Duration,
    answer: PhantomData<fn() -> Resp>,
}

/// How a call comes to its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Its thread waits at once.
    Waits,
    /// Its thread comes when it likes.
    Comes,
    /// Somebody else minds it.
    Watched,
}

/// A call that has been numbered and not yet sent.
pub(crate) struct Opened<Req: Wire> {
    pub(crate) message: Message<Req>,
    pub(crate) call: u64,
    pub(crate) leads: bool,
    pub(crate) until: Instant,
    pub(crate) inside: Inside<Req>,
}

impl<Req: Wire, Resp: Wire> ServiceClient<Req, Resp> {
    /// Requests go to this desk, answers come into this mailbox.
    #[must_use]
    pub fn new(desk: &Desk<Req>, mailbox: &Mailbox) -> Self {
        Self {
            desk: desk.clone(),
            mailbox: mailbox.clone(),
            limit: DEFAULT_LIMIT,
            answer: PhantomData,
        }
    }

    /// How long a call may take that asks for [`Wait::Forever`]; [`DEFAULT_LIMIT`] unless set. There is always a limit: a
    /// worker that dies says nothing.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The name of the service.
    #[must_use]
    pub fn name(&self) -> &str {
        self.desk.name()
    }

    /// Asks and waits for the answer. The time is for all of it: a place in the request queue, the work, the way back.
    ///
    /// # Errors
    /// What the handler said, with its kind, message and causes; `UserCode` when it panicked. `Timeout` when there was no
    /// answer in time. `Overloaded` when too many calls wait for answers already, or when the service waits for itself.
    /// `Closed` when the service, or the own job, is being ended; `Unsupported` when it answers in parts.
    #[doc(alias = "call_service")]
    pub fn call(&self, request: Req, wait: Wait) -> Result<Resp, Error> {
        // Whoever waits here gives up at the deadline and not before, so it needs no flag.
        let opened = self.open(request, wait, None, Manner::Waits)?;
        let _inside = opened.inside;
        let (call, until) = (opened.call, opened.until);
        let requests = &self.desk.inner.requests;
        let mut sent = Err(PutError::Full(opened.message));
        let mut lead = opened.leads.then(|| self.mailbox.lead());
        if lead.is_some() {
            sent = sent.or_else(|full| requests.try_put(full.into_item()));
        }
        if let Err(PutError::Full(message)) = sent {
            // Whoever waits for room cannot read for others.
            drop(lead.take());
            sent = requests.put_within(message, Wait::Until(until));
        }
        if let Err(refusal) = sent {
            drop(lead);
            self.mailbox.end(call);
            return Err(self.refused(refusal));
        }
        let waited = match lead {
            Some(lead) => match lead.read(call, until) {
                Ok(Some(Answer { reply, stub, .. })) => {
                    let last = reply.is_last();
                    // Out of its box at once, which goes back with the stub. What has to be decoded is not: others wait.
                    let (taken, blank) = match reply {
                        Reply::Whole(parcel) => match parcel.take_out() {
                            Ok((answer, blank)) => (Ok(answer), blank),
                            Err(parcel) => (Err(Reply::Whole(parcel)), Blank::default()),
                        },
                        reply => (Err(reply), Blank::default()),
                    };
                    lead.done(call, last, stub.map(|reply_to| Stub { reply_to, blank }));
                    if !last {
                        self.mailbox.end(call);
                    }
                    return taken.or_else(|reply| self.whole(reply));
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            },
            None => self.mailbox.wait(call, until),
        };
        if !matches!(&waited, Ok(Some(reply)) if reply.is_last()) {
            self.mailbox.end(call);
        }
        match waited {
            Ok(Some(reply)) => self.whole(reply),
            Ok(None) => Err(self.timed_out()),
            Err(error) => Err(error.with("service", self.name())),
        }
    }

    /// Asks without blocking the thread. The request is sent when the future is first polled; dropping the future gives the
    /// call up, and the handler can see that.
    ///
    /// The deadline holds wherever the future is polled: it needs no timer of the executor.
    ///
    /// # Errors
    /// As [`call`](Self::call), when it is awaited.
    pub fn call_async(&self, request: Req, wait: Wait) -> CallAsync<Req, Resp> {
        let flag = Flag::default();
        let opened = self.open(request, wait, Some(flag.clone()), Manner::Watched);
        CallAsync::new(self.clone(), opened, flag)
    }

    /// Asks a service that answers in parts. The parts are read as they come; dropping the iterator before its end gives the
    /// call up. The time is for all of it.
    ///
    /// # Errors
    /// As [`call`](Self::call), as far as sending goes; what happens later is the last item.
    pub fn stream(&self, request: Req, wait: Wait) -> Result<Replies<Req, Resp>, Error> {
        let flag = Flag::default();
        let opened = self.open(request, wait, Some(flag.clone()), Manner::Comes)?;
        let (call, until) = (opened.call, opened.until);
        let sent = self.desk.inner.requests.put_within(opened.message, Wait::Until(until));
        if let Err(refusal) = sent {
            self.mailbox.end(call);
            return Err(self.refused(refusal));
        }
        Ok(Replies::new(self.clone(), call, until, flag, opened.inside))
    }

    fn open(&self, body: Req, wait: Wait, flag: Option<Flag>, manner: Manner) -> Result<Opened<Req>, Error> {
        let mut until = deadline::until(wait, self.limit).ok_or_else(|| self.timed_out())?;
        let (mut inside, mut names) = (Inside::none(), None);
        if let Some(trail) = trail::current() {
            until = until.min(trail.until);
            let waiting = trail.into_names();
            inside = self.desk.enter(&waiting)?;
            names = Some(waiting.into_boxed_slice());
        }
        let watched = (manner == Manner::Watched).then_some(until);
        let begun = self.mailbox.begin(manner == Manner::Waits, watched)?;
        let travels = self.desk.inner.requests.caps().cross_process;
        let ticket = Ticket {
            id: self.mailbox.id(begun.call),
            reply: begun.stub.reply_to,
            deadline: Deadline::new(until, travels),
            trail: names,
            flag,
            blank: if travels || manner == Manner::Comes {
                Blank::default()
            } else {
                begun.stub.blank.or_new::<Resp>()
            },
        };
        Ok(Opened {
            message: Message {
                what: What::Call(Request { ticket, body }),
            },
            call: begun.call,
            leads: begun.leads,
            until,
            inside,
        })
    }

    /// The one answer of a call.
    pub(crate) fn whole(&self, reply: Reply) -> Result<Resp, Error> {
        match reply {
            Reply::Whole(parcel) => parcel.open().map_err(|error| error.with("service", self.name())),
            Reply::Failed(fault) => Err(fault.into_error(self.name())),
            Reply::Part(_) | Reply::End => Err(Error::new(ErrorKind::Unsupported, "call service")
                .with("service", self.name())
                .expected("one answer")
                .found("answers in parts")
                .remedy("read them with `stream`")),
        }
    }

    /// Tells whoever works on the call that nobody waits for it.
    pub(crate) fn give_up(&self, call: u64, flag: &Flag) {
        flag.set();
        self.mailbox.end(call);
        let requests = &self.desk.inner.requests;
        if requests.caps().cross_process {
            // The flag does not leave the process. Without room for this the deadline has to do.
            let _ = requests.try_put(Message {
                what: What::Cancel(self.id(call)),
            });
        }
    }

    fn id(&self, call: u64) -> CallId {
        self.mailbox.id(call)
    }

    pub(crate) fn timed_out(&self) -> Error {
        Error::new(ErrorKind::Timeout, "call service")
            .with("service", self.name())
            .expected("an answer before the deadline")
            .found("none: its workers are busy, or have ended")
            .remedy("give the call more time, or the service more workers")
    }

    pub(crate) fn refused(&self, refusal: PutError<Message<Req>>) -> Error {
        let error = match refusal.kind() {
            ErrorKind::Full => {
                return Error::new(ErrorKind::Timeout, "call service")
                    .with("service", self.name())
                    .expected("room in the request queue before the deadline")
                    .remedy("give the call more time, or the service more workers or a larger buffer");
            }
            ErrorKind::Closed => {
                return Error::new(ErrorKind::Closed, "call service")
                    .with("service", self.name())
                    .expected("a service that takes requests")
                    .found("one that has been ended")
                    .remedy("stop calling, or start the service again");
            }
            _ => Error::from(refusal),
        };
        error.with("service", self.name())
    }
}

impl<Req: Wire, Resp: Wire> Clone for ServiceClient<Req, Resp> {
    fn clone(&self) -> Self {
        Self {
            desk: self.desk.clone(),
            mailbox: self.mailbox.clone(),
            limit: self.limit,
            answer: PhantomData,
        }
    }
}

impl<Req: Wire, Resp: Wire> fmt::Debug for ServiceClient<Req, Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceClient")
            .field("service", &self.name())
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
