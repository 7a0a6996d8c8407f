//! The answering side.

use std::any::Any;
use std::error::Error as StdError;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind, GetError, PutError, Wait, Wire};

use crate::desk::Desk;
use crate::fault::Fault;
use crate::mailbox::is_item;
use crate::message::{Answer, CallId, Flag, Reply, Request, Ticket, What};
use crate::parcel::Parcel;
use crate::reply_to::{ReplyQueues, ReplyTo};
use crate::trail::{self, Trail};

/// How long a worker waits for room in the mailbox of a caller before it asks whether that one is still there.
const LOOK_UP: Duration = Duration::from_millis(20);

/// Why a handler could not answer; any error will do. An [`Error`] keeps its kind on the way to the caller.
pub type Failure = Box<dyn StdError + Send + Sync>;

/// What each request is given and gives back, so that it is not counted up and down.
struct Lent {
    name: Arc<str>,
    aborted: Flag,
}

/// One worker of a service: takes requests one after the other and answers them.
///
/// Give each worker a thread, or let [`Staff`](crate::Staff) do it.
#[derive(Debug)]
pub struct Worker<Req: Wire> {
    desk: Desk<Req>,
    replies: Arc<ReplyQueues>,
}

impl<Req: Wire> Worker<Req> {
    /// Takes from this desk and answers callers of this process.
    #[must_use]
    pub fn new(desk: &Desk<Req>) -> Self {
        Self::with_replies(desk, Arc::default())
    }

    /// As [`new`](Self::new), and answers callers elsewhere through these queues, which the workers of a service share.
    #[must_use]
    pub fn with_replies(desk: &Desk<Req>, replies: Arc<ReplyQueues>) -> Self {
        Self {
            desk: desk.clone(),
            replies,
        }
    }

    /// Works until the desk is closed and its queue is empty.
    ///
    /// `make` makes the handler, and makes it anew after a panic, whose caller gets an error. A handler that
    /// returns `Some` has answered; one that returns `None` has sent what there was with [`Call::send`].
    ///
    /// # Errors
    /// What the request queue says, other than that it is closed; one item that cannot be read is counted and skipped.
    pub fn run<Resp, H>(&self, mut make: impl FnMut() -> H) -> Result<(), Error>
    where
        Resp: Wire,
        H: FnMut(Req, &mut Call<Resp>) -> Result<Option<Resp>, Failure>,
    {
        let tally = &self.desk.inner.tally;
        let mut handler = None;
        let mut lent = None;
        loop {
            let message = match self.desk.inner.requests.get_within(Wait::Forever) {
                Ok(message) => message,
                Err(GetError::Closed) => return Ok(()),
                Err(GetError::Failed(error)) if is_item(&error) => {
                    tracing::warn!(service = self.desk.name(), %error, "a request that nobody can read");
                    tally.corrupt.add();
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            match message.what {
                What::Cancel(id) => {
                    self.desk.cancel(id);
                }
                What::Call(request) => {
                    let mut handle = handler.take();
                    let sound = self.answer(request, &mut make, &mut handle, &mut lent);
                    if sound {
                        handler = handle;
                    } else if catch_unwind(AssertUnwindSafe(move || drop(handle))).is_err() {
                        tracing::error!(service = self.desk.name(), "the handler panicked while it was dropped");
                    }
                }
            }
        }
    }

    /// True unless the handler panicked.
    fn answer<Resp, H>(
        &self,
        request: Request<Req>,
        make: &mut impl FnMut() -> H,
        handler: &mut Option<H>,
        lent: &mut Option<Lent>,
    ) -> bool
    where
        Resp: Wire,
        H: FnMut(Req, &mut Call<Resp>) -> Result<Option<Resp>, Failure>,
    {
        let tally = &self.desk.inner.tally;
        tally.taken.add();
        let Request { mut ticket, body } = request;
        if ticket.deadline.has_passed() {
            tally.expired.add();
            return true;
        }
        if ticket.flag.as_ref().is_some_and(Flag::is_set) {
            tally.cancelled.add();
            return true;
        }
        if self.desk.is_aborted() {
            tally.cancelled.add();
            let fault = Fault::new(
                ErrorKind::Cancelled,
                "the service was ended before it came to this request".into(),
            );
            if let Ok(to) = self.replies.find(&ticket.reply) {
                let _ = put(to.as_ref(), &ticket, Reply::Failed(fault), Wait::Never);
            }
            return true;
        }
        let _running = ticket.deadline.travelled().then(|| {
            let flag = ticket.flag.get_or_insert_with(Flag::default).clone();
            Running::new(&self.desk, ticket.id, flag)
        });
        let to = match self.replies.find(&ticket.reply) {
            Ok(to) => to,
            Err(error) => {
                tracing::warn!(service = self.desk.name(), call = %ticket.id, %error, "no way to the caller");
                tally.undelivered.add();
                return true;
            }
        };
        let Lent { name, aborted } = lent.take().unwrap_or_else(|| Lent {
            name: Arc::clone(&self.desk.inner.name),
            aborted: self.desk.inner.aborted.clone(),
        });
        let trail = Trail {
            outer: ticket.trail.take(),
            own: name,
            until: ticket.deadline.moment(),
        };
        let mut call = Call {
            ticket,
            to,
            state: Sending::Going,
            aborted,
            answer: PhantomData,
        };
        let at = trail::enter(trail);
        let done = catch_unwind(AssertUnwindSafe(|| handler.get_or_insert_with(make)(body, &mut call)));
        let trail = at.leave();
        let sound = done.is_ok();
        let (reply, failed) = match done {
            Ok(Ok(Some(answer))) => {
                let blank = std::mem::take(&mut call.ticket.blank);
                (Reply::Whole(Parcel::fill(blank, answer)), false)
            }
            Ok(Ok(None)) => (Reply::End, false),
            Ok(Err(error)) => (Reply::Failed(Fault::of(error.as_ref())), true),
            Err(panic) => {
                let text = format!("the handler panicked: {}", panic_message(panic.as_ref()));
                tracing::error!(service = self.desk.name(), "{text}");
                tally.panicked.add();
                (Reply::Failed(Fault::new(ErrorKind::UserCode, text)), true)
            }
        };
        match call.finish(reply) {
            Sending::Going if failed => tally.failed.add(),
            Sending::Going => tally.answered.add(),
            Sending::Unwritten => tally.failed.add(),
            Sending::GivenUp => tally.late.add(),
            Sending::Undelivered => tally.undelivered.add(),
        }
        *lent = trail.map(|trail| Lent {
            name: trail.own,
            aborted: call.aborted,
        });
        sound
    }
}

/// What one request is about beside its body: who waits for the answer, and whether anybody still does.
pub struct Call<Resp: Wire> {
    ticket: Ticket,
    /// Where the one of the ticket is not open.
    to: Option<ReplyTo>,
    state: Sending,
    aborted: Flag,
    answer: PhantomData<fn(Resp)>,
}

/// How far the answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Going,
    /// It cannot leave the process; the caller has been told so.
    Unwritten,
    GivenUp,
    Undelivered,
}

impl<Resp: Wire> Call<Resp> {
    /// Which call it is.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.ticket.id
    }

    /// True once nobody waits for the answer any more: the caller has given up, its deadline has passed, or the service is
    /// being ended. Long work should look from time to time.
    ///
    /// A caller in another process that gives up before its deadline says so through the request queue. That is heard while a
    /// worker of this process takes requests; the deadline always is.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.ticket.is_cancelled() || self.aborted.is_set()
    }

    /// How much time is left.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        let until = self.ticket.deadline.moment();
        until.saturating_duration_since(Instant::now())
    }

    /// Sends one part of an answer. It waits while the caller leaves so many parts unread that there is no room, until
    /// the deadline.
    ///
    /// # Errors
    /// `Cancelled` once nobody waits for it: return it with `?`. What keeps a part from leaving the process.
    #[doc(alias = "yield")]
    pub fn send(&mut self, part: Resp) -> Result<(), Error> {
        if self.state == Sending::Going {
            self.deliver(Reply::Part(Parcel::new(part)))?;
        }
        if self.state == Sending::Going {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Cancelled, "answer call")
            .expected("a caller that waits")
            .found("one that has given up")
            .remedy("return this error"))
    }

    fn finish(&mut self, reply: Reply) -> Sending {
        if self.state == Sending::Going
            && let Err(error) = self.deliver(reply)
        {
            self.state = Sending::Unwritten;
            let _ = put(
                self.to.as_ref(),
                &self.ticket,
                Reply::Failed(Fault::of(&error)),
                Wait::Never,
            );
        }
        self.state
    }

    /// An error is about the reply; what becomes of the call is in the state.
    fn deliver(&mut self, reply: Reply) -> Result<(), Error> {
        self.state = match self.ticket.deliver(self.to.as_ref(), reply, || self.aborted.is_set())? {
            Delivery::Done => Sending::Going,
            Delivery::GivenUp => Sending::GivenUp,
            Delivery::Undelivered => Sending::Undelivered,
        };
        Ok(())
    }
}

/// What became of an answer.
pub(crate) enum Delivery {
    Done,
    GivenUp,
    Undelivered,
}

fn put(to: Option<&ReplyTo>, ticket: &Ticket, reply: Reply, wait: Wait) -> Result<(), PutError<Answer>> {
    let to = to.unwrap_or(&ticket.reply);
    let answer = Answer {
        id: ticket.id,
        stub: reply.is_last().then(|| to.clone()),
        reply,
    };
    match to.queue() {
        Some(queue) => queue.put_within(answer, wait),
        None => Err(PutError::Closed(answer)),
    }
}

impl Ticket {
    /// Waits for room as long as somebody wants the answer. A caller that has given up makes no room, so this looks up.
    pub(crate) fn deliver(
        &self,
        to: Option<&ReplyTo>,
        reply: Reply,
        ended: impl Fn() -> bool,
    ) -> Result<Delivery, Error> {
        let mut reply = reply;
        let mut wait = Wait::Never;
        loop {
            if self.is_cancelled() {
                return Ok(Delivery::GivenUp);
            }
            reply = match put(to, self, reply, wait) {
                Ok(()) => return Ok(Delivery::Done),
                Err(PutError::Full(answer)) if !(ended() && wait != Wait::Never) => answer.reply,
                Err(PutError::Failed(_, error))
                    if matches!(error.kind(), ErrorKind::NotSerializable | ErrorKind::TooLarge) =>
                {
                    return Err(error);
                }
                Err(_) => return Ok(Delivery::Undelivered),
            };
            wait = Wait::from(LOOK_UP);
        }
    }
}

/// A call of another process that is worked on here.
struct Running<'a, Req: Wire> {
    desk: &'a Desk<Req>,
    id: CallId,
}

impl<'a, Req: Wire> Running<'a, Req> {
    fn new(desk: &'a Desk<Req>, id: CallId, flag: Flag) -> Self {
        desk.begin(id, flag);
        Self { desk, id }
    }
}

impl<Req: Wire> Drop for Running<'_, Req> {
    fn drop(&mut self) {
        self.desk.end(self.id);
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}

impl<Resp: Wire> fmt::Debug for Call<Resp> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.ticket.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
