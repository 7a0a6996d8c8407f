//! One error type for everything that is not simply "full", "empty" or "closed".

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as far as a program can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The deadline passed before the operation was done.
    Timeout,
    /// The connection to the peer is down.
    Disconnected,
    /// The process or task at the other end died.
    PeerDied,
    /// The handle belongs to an earlier life of the queue.
    StaleHandle,
    /// Bytes failed their checksum or do not form a valid value.
    Corrupt,
    /// The other side speaks another version or has other parameters.
    Incompatible,
    /// The queue holds items of another type.
    TypeMismatch,
    /// An item or document is larger than its limit.
    TooLarge,
    /// No room on the disk or in shared memory.
    OutOfSpace,
    /// The system refused memory, threads or descriptors.
    ResourceExhausted,
    /// The peer is alive and refuses more work.
    Overloaded,
    /// The operating system or the queue's rights forbid it.
    PermissionDenied,
    /// The peer wants credentials, or refused those given.
    Unauthenticated,
    /// A descriptor, record or parameter is not valid.
    InvalidDescriptor,
    /// A graph or plan is not valid.
    InvalidGraph,
    /// The value cannot leave the process.
    NotSerializable,
    /// The descriptor names a queue that lives where this process cannot reach.
    OutOfScope,
    /// This kind of queue cannot do that.
    Unsupported,
    /// No queue, service, task or name like that.
    NotFound,
    /// The queue was closed.
    Closed,
    /// The queue was full.
    Full,
    /// The queue was empty.
    Empty,
    /// It is not known whether the item was stored.
    Unknown,
    /// Code of the user (an operator, a codec) failed or panicked.
    UserCode,
    /// The operation was cancelled.
    Cancelled,
    /// A read or write of a file or socket failed.
    Io,
}

impl ErrorKind {
    /// Every kind, in the order of their declaration. A later version may have more.
    ///
    /// ```
    /// use queue_core::ErrorKind;
    /// let named = |name: &str| ErrorKind::ALL.iter().find(|kind| format!("{kind:?}") == name);
    /// assert_eq!(named("TooLarge"), Some(&ErrorKind::TooLarge));
    /// ```
    pub const ALL: &'static [Self] = &[
        Self::Timeout,
        Self::Disconnected,
        Self::PeerDied,
        Self::StaleHandle,
        Self::Corrupt,
        Self::Incompatible,
        Self::TypeMismatch,
        Self::TooLarge,
        Self::OutOfSpace,
        Self::ResourceExhausted,
        Self::Overloaded,
        Self::PermissionDenied,
        Self::Unauthenticated,
        Self::InvalidDescriptor,
        Self::InvalidGraph,
        Self::NotSerializable,
        Self::OutOfScope,
        Self::Unsupported,
        Self::NotFound,
        Self::Closed,
        Self::Full,
        Self::Empty,
        Self::Unknown,
        Self::UserCode,
        Self::Cancelled,
        Self::Io,
    ];

    /// Plain words for the kind, the start of every message.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Timeout => "timed out",
            Self::Disconnected => "disconnected",
            Self::PeerDied => "peer died",
            Self::StaleHandle => "stale handle",
            Self::Corrupt => "corrupt data",
            Self::Incompatible => "incompatible",
            Self::TypeMismatch => "type mismatch",
            Self::TooLarge => "too large",
            Self::OutOfSpace => "out of space",
            Self::ResourceExhausted => "resource exhausted",
            Self::Overloaded => "overloaded",
            Self::PermissionDenied => "permission denied",
            Self::Unauthenticated => "not authenticated",
            Self::InvalidDescriptor => "invalid descriptor",
            Self::InvalidGraph => "invalid graph",
            Self::NotSerializable => "not serializable",
            Self::OutOfScope => "out of scope",
            Self::Unsupported => "unsupported",
            Self::NotFound => "not found",
            Self::Closed => "queue closed",
            Self::Full => "queue full",
            Self::Empty => "queue empty",
            Self::Unknown => "outcome unknown",
            Self::UserCode => "user code failed",
            Self::Cancelled => "cancelled",
            Self::Io => "input/output failed",
        }
    }
}

/// A failure with all that is needed to act on it: which queue, what was expected, what was found, what to do.
///
/// `Display` is one line. `source()` is the cause, when another error was it.
///
/// ```
/// use queue_core::{Error, ErrorKind};
/// let error = Error::new(ErrorKind::TooLarge, "put")
///     .queue("jobs")
///     .backend("shm")
///     .expected("at most 1024 bytes")
///     .found("4096 bytes")
///     .remedy("raise max_item or send a reference");
/// assert_eq!(
///     error.to_string(),
///     "too large: put on queue `jobs` (shm): expected at most 1024 bytes, found 4096 bytes; \
///      raise max_item or send a reference"
/// );
/// ```
pub struct Error {
    // Boxed: errors are rare and `Result` should stay small.
    inner: Box<Inner>,
}

struct Inner {
    kind: ErrorKind,
    operation: &'static str,
    queue: Option<String>,
    backend: Option<Cow<'static, str>>,
    expected: Option<String>,
    found: Option<String>,
    remedy: Option<Cow<'static, str>>,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` that happened during `operation` ("put", "open", "read record" ...).
    #[must_use]
    pub fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                operation,
                queue: None,
                backend: None,
                expected: None,
                found: None,
                remedy: None,
                context: Vec::new(),
                source: None,
            }),
        }
    }

    /// Names the queue.
    #[must_use]
    pub fn queue(mut self, id: impl Into<String>) -> Self {
        self.inner.queue = Some(id.into());
        self
    }

    /// Names the queue type.
    #[must_use]
    pub fn backend(mut self, kind: impl Into<Cow<'static, str>>) -> Self {
        self.inner.backend = Some(kind.into());
        self
    }

    /// Says what would have been right.
    #[must_use]
    pub fn expected(mut self, what: impl Into<String>) -> Self {
        self.inner.expected = Some(what.into());
        self
    }

    /// Says what was there instead.
    #[must_use]
    pub fn found(mut self, what: impl Into<String>) -> Self {
        self.inner.found = Some(what.into());
        self
    }

    /// Says one thing the reader can do about it.
    #[must_use]
    pub fn remedy(mut self, what: impl Into<Cow<'static, str>>) -> Self {
        self.inner.remedy = Some(what.into());
        self
    }

    /// Adds a fact under a name.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.inner.context.push((key, value.to_string()));
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    /// The kind, for programs.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// The operation that failed.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        self.inner.operation
    }

    /// The queue's id, when one is concerned.
    #[must_use]
    pub fn queue_id(&self) -> Option<&str> {
        self.inner.queue.as_deref()
    }

    /// The named facts, in the order they were added.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.inner.context.iter().map(|(k, v)| (*k, v.as_str()))
    }

    /// True when the same call may succeed later without anybody changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(
            self.inner.kind,
            ErrorKind::Timeout
                | ErrorKind::Disconnected
                | ErrorKind::PeerDied
                | ErrorKind::ResourceExhausted
                | ErrorKind::Overloaded
                | ErrorKind::Full
                | ErrorKind::Empty
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        write!(f, "{}: {}", inner.kind.summary(), inner.operation)?;
        if let Some(queue) = &inner.queue {
            write!(f, " on queue `{queue}`")?;
        }
        if let Some(backend) = &inner.backend {
            write!(f, " ({backend})")?;
        }
        match (&inner.expected, &inner.found) {
            (Some(expected), Some(found)) => write!(f, ": expected {expected}, found {found}")?,
            (Some(expected), None) => write!(f, ": expected {expected}")?,
            (None, Some(found)) => write!(f, ": found {found}")?,
            (None, None) => {}
        }
        for (key, value) in &inner.context {
            write!(f, ", {key}={value}")?;
        }
        if let Some(source) = &inner.source {
            write!(f, " ({source})")?;
        }
        if let Some(remedy) = &inner.remedy {
            write!(f, "; {remedy}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("operation", &inner.operation)
            .field("queue", &inner.queue)
            .field("backend", &inner.backend)
            .field("expected", &inner.expected)
            .field("found", &inner.found)
            .field("remedy", &inner.remedy)
            .field("context", &inner.context)
            .field("source", &inner.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source.as_deref().map(|s| s as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kinds that are named, and a match that does not compile while one is not.
    macro_rules! every_kind {
        ($($kind:ident)*) => {{
            const fn is_named(kind: ErrorKind) {
                match kind {
                    $(ErrorKind::$kind => {})*
                }
            }
            [$(ErrorKind::$kind),*].map(|kind| {
                is_named(kind);
                kind
            })
        }};
    }

    #[test]
    fn all_kinds_are_listed_once_and_in_order() {
        let every = every_kind! {
            Timeout Disconnected PeerDied StaleHandle Corrupt Incompatible TypeMismatch TooLarge OutOfSpace
            ResourceExhausted Overloaded PermissionDenied Unauthenticated InvalidDescriptor InvalidGraph NotSerializable
            OutOfScope Unsupported NotFound Closed Full Empty Unknown UserCode Cancelled Io
        };
        assert_eq!(ErrorKind::ALL, every);
        for (place, kind) in ErrorKind::ALL.iter().enumerate() {
            assert_eq!(*kind as usize, place, "{kind:?}");
        }
    }
}
