//! What goes through the queues of a service.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::deadline::Deadline;
use crate::fault::Fault;
use crate::parcel::{Blank, Parcel};
use crate::reply_to::ReplyTo;

/// One call: who asks, and which of its calls this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The mailbox of the caller. A mailbox of another life has another number, even over the same queue.
    pub(crate) mailbox: u64,
    pub(crate) call: u64,
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.mailbox, self.call)
    }
}

/// An item of the request queue of a service.
#[derive(Serialize, Deserialize)]
pub struct Message<Req> {
    pub(crate) what: What<Req>,
}

#[derive(Serialize, Deserialize)]
pub(crate) enum What<Req> {
    Call(Request<Req>),
    /// The caller of this call has given up.
    Cancel(CallId),
}

/// One request on its way.
#[derive(Serialize, Deserialize)]
pub(crate) struct Request<Req> {
    pub(crate) ticket: Ticket,
    pub(crate) body: Req,
}

/// What it takes to answer a call: which one it is, where its answer goes, and until when anybody wants it.
///
/// It can be copied and written down, so a request can go a long way, through the nodes of a job or to another process,
/// before it is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ticket {
    pub(crate) id: CallId,
    pub(crate) reply: ReplyTo,
    pub(crate) deadline: Deadline,
    /// The services that wait for this call, the outermost first.
    pub(crate) trail: Option<Box<[String]>>,
    /// Set by a caller of the same process that has given up before the deadline.
    #[serde(skip)]
    pub(crate) flag: Option<Flag>,
    /// For the answer, in the process of the caller.
    #[serde(skip)]
    pub(crate) blank: Blank,
}

impl Ticket {
    /// Which call it is.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// True once nobody waits for the answer any more, as far as this process knows.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.flag.as_ref().is_some_and(Flag::is_set) || self.deadline.has_passed()
    }
}

/// Says that a caller has given up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flag(Arc<AtomicBool>);

impl Flag {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// An item of the response queue of a caller.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub(crate) id: CallId,
    pub(crate) reply: Reply,
    /// Comes back to whoever gave it away with the request.
    #[serde(skip)]
    pub(crate) stub: Option<ReplyTo>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The one answer of a call.
    Whole(Parcel),
    /// One of many, more may follow.
    Part(Parcel),
    /// There are no more parts.
    End,
    Failed(Box<Fault>),
}

impl Reply {
    pub(crate) const fn is_last(&self) -> bool {
        !matches!(self, Self::Part(_))
    }
}

// Not derived: requests may be large or secret.
impl<Req> fmt::Debug for Message<Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Call(request) => write!(f, "Call({})", request.ticket.id),
            What::Cancel(id) => write!(f, "Cancel({id})"),
        }
    }
}
