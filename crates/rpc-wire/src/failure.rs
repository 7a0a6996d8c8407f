//! What went wrong, as one side tells the other.

use std::fmt::Write as _;

use queue_core::{Error, ErrorKind};

use crate::WireError;
use crate::field::{Field, Reader, Writer};
use crate::value::{Micros, Text};

/// The name of an [`ErrorKind`], which is also what `{:?}` prints: `TooLarge`. One byte of length, then at most 32 ASCII letters and
/// digits. A name that this side does not know stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KindName(String);

impl KindName {
    /// The longest name, in bytes.
    pub const MAX: usize = 32;

    /// The kind of that name, when this side has one.
    #[must_use]
    pub fn kind(&self) -> Option<ErrorKind> {
        ErrorKind::ALL.iter().copied().find(|kind| Self::from(*kind) == *self)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<ErrorKind> for KindName {
    fn from(kind: ErrorKind) -> Self {
        let mut name = String::new();
        // Writing into a string does not fail.
        let _ = write!(name, "{kind:?}");
        Self(name)
    }
}

impl Field for KindName {
    fn write(&self, to: &mut Writer<'_>) {
        // At most MAX.
        (self.0.len() as u8).write(to);
        to.bytes(self.0.as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = usize::from(u8::read(from)?);
        let name = from.take(len)?;
        let valid = (1..=Self::MAX).contains(&len) && name.iter().all(u8::is_ascii_alphanumeric);
        match std::str::from_utf8(name) {
            Ok(name) if valid => Ok(Self(name.to_owned())),
            _ => Err(from.refuse("the name of a kind of error", len as u64)),
        }
    }
}

/// An error on its way to the other side.
///
/// ```
/// use queue_core::{Error, ErrorKind};
/// use rpc_wire::Failure;
///
/// let failure = Failure::from(&Error::new(ErrorKind::Full, "put").queue("jobs"));
/// assert_eq!((failure.kind.as_str(), failure.retryable), ("Full", true));
/// let error = failure.into_error("put");
/// assert_eq!(error.kind(), ErrorKind::Full);
/// assert_eq!(error.to_string(), "queue full: put (rpc), peer=queue full: put on queue `jobs`");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of error it is.
    pub kind: KindName,
    /// Whether the same request may succeed later without anybody changing anything.
    pub retryable: bool,
    /// After which time to try again; zero when nobody knows.
    pub retry_after: Micros,
    /// One line for people; may be empty.
    pub message: Text,
}

impl Failure {
    /// A failure that needs no words: a queue was full, empty or closed, a call was cancelled.
    #[must_use]
    pub fn plain(kind: ErrorKind) -> Self {
        Self {
            kind: kind.into(),
            retryable: Error::new(kind, "").is_retryable(),
            retry_after: Micros::ZERO,
            message: Text::default(),
        }
    }

    /// The error for a caller whose `operation` failed. A kind that this side does not know is `Unsupported`.
    #[must_use]
    pub fn into_error(self, operation: &'static str) -> Error {
        let mut error = match self.kind.kind() {
            Some(kind) => Error::new(kind, operation),
            None => Error::new(ErrorKind::Unsupported, operation)
                .with("kind", self.kind.as_str())
                .remedy("bring both sides to the same release"),
        };
        if !self.message.as_str().is_empty() {
            // A peer's words have no control characters in a log.
            let words: String = self.message.as_str().chars().filter(|c| !c.is_control()).collect();
            error = error.with("peer", words);
        }
        error.backend("rpc")
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            retryable: error.is_retryable(),
            message: Text::clipped(error.to_string()),
            ..Self::plain(error.kind())
        }
    }
}

/// One byte, 0 or 1, then the failure if there is one.
impl Field for Option<Failure> {
    fn write(&self, to: &mut Writer<'_>) {
        self.is_some().write(to);
        if let Some(failure) = self {
            failure.write(to);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match bool::read(from)? {
            true => Some(Failure::read(from)?),
            false => None,
        })
    }
}

impl Field for Failure {
    fn write(&self, to: &mut Writer<'_>) {
        self.kind.write(to);
        self.retryable.write(to);
        self.retry_after.write(to);
        self.message.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            kind: KindName::read(from)?,
            retryable: bool::read(from)?,
            retry_after: Micros::read(from)?,
            message: Text::read(from)?,
        })
    }
}
