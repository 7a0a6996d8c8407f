//! What a router could not deliver.

use std::fmt;

use descriptor_core::{Error, ErrorKind, PutError, QueueId, RetryToken};
use serde::{Deserialize, Serialize};

use crate::Envelope;

/// One target of a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId {
    /// The broadcast group.
    pub group: u16,
    /// The instance within it.
    pub parallel_index: u32,
}

/// Why an event did not reach a target.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reason {
    /// No room until the wait ended.
    Full,
    /// The target's queue is closed.
    Closed,
    /// Stored or not, nobody here can know; [`Router::resend`](crate::Router::resend) settles it.
    Unknown(RetryToken),
    /// The queue refused it.
    Failed(Error),
    /// No target could be chosen: no key, an index out of range, no downstream, already stopped.
    Unroutable(Error),
    /// Taken out of the router's buffer by [`Router::abandon`](crate::Router::abandon).
    Abandoned,
}

impl Reason {
    pub(crate) fn of<T>(refusal: PutError<T>) -> (T, Self) {
        match refusal {
            PutError::Full(item) => (item, Self::Full),
            PutError::Closed(item) => (item, Self::Closed),
            PutError::Unknown(item, token) => (item, Self::Unknown(token)),
            PutError::Failed(item, error) => (item, Self::Failed(error)),
            other => {
                let error = Error::new(other.kind(), "put");
                (other.into_item(), Self::Failed(error))
            }
        }
    }

    /// The kind, for programs.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Full => ErrorKind::Full,
            Self::Closed => ErrorKind::Closed,
            Self::Unknown(_) => ErrorKind::Unknown,
            Self::Failed(error) | Self::Unroutable(error) => error.kind(),
            Self::Abandoned => ErrorKind::Cancelled,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) | Self::Unroutable(error) => error.fmt(f),
            other => f.write_str(other.kind().summary()),
        }
    }
}

/// An event that comes back, and why.
pub struct Undelivered<T> {
    /// The broadcast group it was meant for.
    pub group: u16,
    /// The target within the group; `None` when none could be chosen.
    pub target: Option<Target>,
    /// The event itself.
    pub envelope: Envelope<T>,
    /// Why.
    pub reason: Reason,
}

/// Names a target for people and programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its place in the router.
    pub id: TargetId,
    /// The instance.
    pub name: String,
    /// Its input queue.
    pub queue_id: QueueId,
}

/// Events that did not go out and are still safe in the router's buffer, in order.
#[derive(Debug)]
pub struct Waiting {
    /// The target.
    pub target: Target,
    /// How many events.
    pub events: usize,
    /// Why they are still here.
    pub reason: Reason,
}

/// The complete account of a call that did not deliver everything.
///
/// What comes back in [`undelivered`](Self::undelivered) has left the router: hand it to
/// [`Router::resend`](crate::Router::resend), which goes to exactly those targets, or account for its loss. What is
/// [`waiting`](Self::waiting) is still in the router and goes out with the next flush.
pub struct SendError<T> {
    report: Box<Report<T>>,
}

pub(crate) struct Report<T> {
    pub(crate) router: String,
    pub(crate) delivered: Vec<TargetId>,
    pub(crate) undelivered: Vec<Undelivered<T>>,
    pub(crate) waiting: Vec<Waiting>,
}

impl<T> SendError<T> {
    pub(crate) fn new(report: Report<T>) -> Self {
        Self {
            report: Box::new(report),
        }
    }

    /// What came back.
    #[must_use]
    pub fn undelivered(&self) -> &[Undelivered<T>] {
        &self.report.undelivered
    }

    /// What came back, to keep or to send again.
    #[must_use]
    pub fn into_undelivered(self) -> Vec<Undelivered<T>> {
        self.report.undelivered
    }

    /// What is still in the router's buffer.
    #[must_use]
    pub fn waiting(&self) -> &[Waiting] {
        &self.report.waiting
    }

    /// The targets that this one packet did reach: their queue with `send`, their buffer with `push`.
    /// Empty for calls that are not about one packet.
    #[must_use]
    pub fn delivered(&self) -> &[TargetId] {
        &self.report.delivered
    }

    /// The kind of the first reason.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.first().map_or(ErrorKind::Unknown, |(_, reason)| reason.kind())
    }

    /// True when nothing was lost or handed back: a flush sends all of it later.
    #[must_use]
    pub fn is_only_waiting(&self) -> bool {
        self.report.undelivered.is_empty()
    }

    fn first(&self) -> Option<(Option<&Target>, &Reason)> {
        let back = self
            .report
            .undelivered
            .iter()
            .map(|it| (it.target.as_ref(), &it.reason));
        back.chain(self.report.waiting.iter().map(|it| (Some(&it.target), &it.reason)))
            .next()
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.report;
        let waiting: usize = report.waiting.iter().map(|it| it.events).sum();
        write!(
            f,
            "router `{}`: {} undelivered, {waiting} waiting",
            report.router,
            report.undelivered.len()
        )?;
        match self.first() {
            Some((Some(target), reason)) => {
                write!(f, "; first: {} (queue `{}`): {reason}", target.name, target.queue_id)?;
            }
            Some((None, reason)) => write!(f, "; first: {reason}")?,
            None => {}
        }
        f.write_str(if report.undelivered.is_empty() {
            "; flush again"
        } else {
            "; resend what came back"
        })
    }
}

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendError")
            .field("router", &self.report.router)
            .field("delivered", &self.report.delivered)
            .field("undelivered", &self.report.undelivered)
            .field("waiting", &self.report.waiting)
            .finish()
    }
}

impl<T> fmt::Debug for Undelivered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Undelivered")
            .field("group", &self.group)
            .field("target", &self.target)
            .field("envelope", &self.envelope)
            .field("reason", &self.reason)
            .finish()
    }
}

impl<T> std::error::Error for SendError<T> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self.first() {
            Some((_, Reason::Failed(error) | Reason::Unroutable(error))) => Some(error),
            _ => None,
        }
    }
}

impl<T> From<SendError<T>> for Error {
    /// Lets `?` work; what was undelivered is dropped.
    fn from(error: SendError<T>) -> Self {
        Self::new(error.kind(), "send").found(error.to_string())
    }
}
