//! How a put or a get ends when it does not succeed.

use std::fmt;

use crate::{Error, ErrorKind};

/// Names one put whose outcome is not known, so that it can be repeated without being stored twice.
///
/// Made by queues with `Caps::dedup`; meaningless for any other queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryToken {
    /// The session the put belonged to.
    pub session: u128,
    /// Its place in that session.
    pub sequence: u64,
}

/// Why a put did not succeed. The item comes back in every case.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PutError<T> {
    /// No room, now or until the deadline. The item is certainly not stored.
    #[doc(alias = "queue.Full")]
    #[error("the queue is full")]
    Full(T),
    /// The queue is closed. The item is certainly not stored.
    #[error("the queue is closed")]
    Closed(T),
    /// The connection died after the bytes had left: stored or not, nobody here can know.
    /// Give the token to [`Queue::retry`](crate::Queue::retry).
    #[error("the connection died and it is not known whether the item was stored")]
    Unknown(T, RetryToken),
    /// Refused for another reason. The item is certainly not stored.
    #[error("{1}")]
    Failed(T, #[source] Error),
}

/// Why a get did not return an item.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum GetError {
    /// Nothing there, now or until the deadline.
    #[doc(alias = "queue.Empty")]
    #[error("the queue is empty")]
    Empty,
    /// Closed and drained: nothing will come any more.
    #[error("the queue is closed and drained")]
    Closed,
    /// Failed for another reason. The queue stays usable unless the error says otherwise.
    #[error("{0}")]
    Failed(#[source] Error),
}

impl<T> PutError<T> {
    /// The item that was refused.
    #[must_use]
    pub fn into_item(self) -> T {
        match self {
            Self::Full(item) | Self::Closed(item) | Self::Unknown(item, _) | Self::Failed(item, _) => item,
        }
    }

    /// The same refusal with the item changed.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> PutError<U> {
        match self {
            Self::Full(item) => PutError::Full(change(item)),
            Self::Closed(item) => PutError::Closed(change(item)),
            Self::Unknown(item, token) => PutError::Unknown(change(item), token),
            Self::Failed(item, error) => PutError::Failed(change(item), error),
        }
    }

    /// The kind of refusal.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Full(_) => ErrorKind::Full,
            Self::Closed(_) => ErrorKind::Closed,
            Self::Unknown(..) => ErrorKind::Unknown,
            Self::Failed(_, error) => error.kind(),
        }
    }

    /// True for [`PutError::Full`].
    #[must_use]
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// True for [`PutError::Closed`].
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

impl GetError {
    /// The kind of failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Empty => ErrorKind::Empty,
            Self::Closed => ErrorKind::Closed,
            Self::Failed(error) => error.kind(),
        }
    }

    /// True for [`GetError::Empty`].
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }

    /// True for [`GetError::Closed`].
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }
}

// Hand-written so that neither needs `T: Debug` nor prints the item, which may be large or secret.
impl<T> fmt::Debug for PutError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(_) => f.write_str("Full(..)"),
            Self::Closed(_) => f.write_str("Closed(..)"),
            Self::Unknown(_, token) => write!(f, "Unknown(.., {token:?})"),
            Self::Failed(_, error) => write!(f, "Failed(.., {error:?})"),
        }
    }
}

impl fmt::Debug for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Closed => f.write_str("Closed"),
            Self::Failed(error) => write!(f, "Failed({error:?})"),
        }
    }
}

impl<T> From<PutError<T>> for Error {
    /// Lets `?` work; the item is dropped.
    fn from(refusal: PutError<T>) -> Self {
        match refusal {
            PutError::Failed(_, error) => error,
            other => Self::new(other.kind(), "put"),
        }
    }
}

impl From<GetError> for Error {
    fn from(failure: GetError) -> Self {
        match failure {
            GetError::Failed(error) => error,
            other => Self::new(other.kind(), "get"),
        }
    }
}
