//! Why bytes are no message, or a message no bytes.

use std::fmt;

use queue_core::{Error, ErrorKind};

use crate::preamble::{self, VERSION};

/// Bytes that were refused. After one of these a connection has no next frame: close it.
///
/// `Display` is one line that says what was expected, what was found and what to do; so does the [`Error`] it turns into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The first eight bytes are those of another protocol.
    Foreign {
        /// The eight bytes.
        found: [u8; preamble::PREAMBLE],
    },
    /// The peer speaks another version.
    Version {
        /// The peer's version.
        found: u16,
    },
    /// The length of a frame is below that of an empty one or above the agreed limit.
    Length {
        /// The length, in bytes.
        found: u32,
        /// The agreed limit, in bytes.
        limit: u32,
    },
    /// The check byte does not belong to the other bytes of the head.
    Head {
        /// The check byte of the bytes that are there.
        expected: u8,
        /// The check byte that is there.
        found: u8,
    },
    /// The checksum does not belong to the bytes after it.
    Checksum {
        /// The checksum of the bytes that are there.
        expected: u32,
        /// The checksum that is there.
        found: u32,
    },
    /// No message of this version has this type, and it is not one that may be skipped.
    Type {
        /// The type.
        found: u8,
    },
    /// The body ends before its fields do.
    Short {
        /// The message.
        message: &'static str,
        /// The field that is not all there.
        field: &'static str,
    },
    /// The body goes on after its fields.
    Trailing {
        /// The message.
        message: &'static str,
        /// The bytes that no field took.
        bytes: usize,
    },
    /// A field holds what it may not.
    Value {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
        /// What it may hold.
        expected: &'static str,
        /// The number that is there: the value itself, or its length.
        found: u64,
    },
    /// A field is no valid id of a queue.
    Id {
        /// The message.
        message: &'static str,
        /// The field.
        field: &'static str,
    },
    /// A value of this side is too large to be sent.
    Excess {
        /// What is too large.
        what: &'static str,
        /// The most there may be.
        limit: usize,
        /// What there is.
        found: usize,
    },
}

impl WireError {
    /// The kind of the [`Error`] it turns into.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Foreign { .. } | Self::Version { .. } | Self::Type { .. } => ErrorKind::Incompatible,
            Self::Length { .. } | Self::Excess { .. } => ErrorKind::TooLarge,
            Self::Id { .. } => ErrorKind::InvalidDescriptor,
            Self::Head { .. }
            | Self::Checksum { .. }
            | Self::Short { .. }
            | Self::Trailing { .. }
            | Self::Value { .. } => ErrorKind::Corrupt,
        }
    }
}

const DAMAGED: &str = "connect again; if it comes again, bytes are changed on the way: use TLS";
const DEVIATES: &str = "the peer does not keep to the protocol; bring both sides to the same release";

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        let operation = match error {
            WireError::Excess { .. } => "write to connection",
            _ => "read from connection",
        };
        let of = Self::new(error.kind(), operation).backend("rpc");
        match error {
            WireError::Foreign { found } => of
                .expected(format!("the preamble {:02x?}", preamble::preamble()))
                .found(format!("{}, {found:02x?}", preamble::guess(found)))
                .remedy("check host, port and whether one side uses TLS and the other does not"),
            WireError::Version { found } => of
                .expected(format!("version {VERSION} of the protocol"))
                .found(format!("version {found}"))
                .remedy("bring both sides to the same release"),
            WireError::Length { found, limit } => of
                .expected(format!("a frame of {} to {limit} bytes", crate::HEAD))
                .found(format!("{found} bytes"))
                .remedy("send smaller items or batches, or raise the largest frame"),
            WireError::Head { expected, found } => of
                .expected(format!("a head with check byte {expected:02x}"))
                .found(format!("{found:02x}"))
                .remedy(DAMAGED),
            WireError::Checksum { expected, found } => of
                .expected(format!("a frame with checksum {expected:08x}"))
                .found(format!("{found:08x}"))
                .remedy(DAMAGED),
            WireError::Type { found } => of
                .expected(format!("a message of version {VERSION}"))
                .found(format!("type {found:02x}"))
                .remedy(DEVIATES),
            WireError::Short { message, field } => of
                .expected(format!("`{field}` of {message}"))
                .found("the end of the frame")
                .remedy(DEVIATES),
            WireError::Trailing { message, bytes } => of
                .expected(format!("the end of {message}"))
                .found(format!("{bytes} more bytes"))
                .remedy(DEVIATES),
            WireError::Value {
                message,
                field,
                expected,
                found,
            } => of
                .expected(format!("{expected} as `{field}` of {message}"))
                .found(found.to_string())
                .remedy(DEVIATES),
            WireError::Id { message, field } => of
                .expected(format!("a queue id as `{field}` of {message}"))
                .found("other text")
                .remedy("use letters, digits and . _ - / such as `jobs/input_0`"),
            WireError::Excess { what, limit, found } => of
                .expected(format!("{what} of at most {limit}"))
                .found(found.to_string())
                .remedy("send less at once, or raise the limit where there is one"),
        }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Error::from(*self), f)
    }
}

impl std::error::Error for WireError {}
