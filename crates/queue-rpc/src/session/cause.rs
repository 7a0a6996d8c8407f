//! Why something failed, to be told to any number of callers.

use std::sync::Arc;

use descriptor_core::{Error, ErrorKind};
use rpc_wire::{Failure, WireError};

/// As an error, but one that can be given to many.
#[derive(Clone, Debug)]
pub(crate) struct Cause(Arc<Inner>);

#[derive(Debug)]
enum Inner {
    Peer(Failure),
    Here {
        kind: ErrorKind,
        expected: Option<String>,
        found: String,
        remedy: &'static str,
    },
}

impl Cause {
    pub(crate) fn peer(failure: Failure) -> Self {
        Self(Arc::new(Inner::Peer(failure)))
    }

    pub(crate) fn new(kind: ErrorKind, expected: &str, found: impl Into<String>, remedy: &'static str) -> Self {
        Self(Arc::new(Inner::Here {
            kind,
            expected: (!expected.is_empty()).then(|| expected.to_owned()),
            found: found.into(),
            remedy,
        }))
    }

    /// What the peer sent was not what it may send.
    pub(crate) fn wire(error: &WireError) -> Self {
        Self::new(
            error.kind(),
            "",
            error.to_string(),
            "connect to a server of queues of this release, such as `sage serve`",
        )
    }

    /// The connection is not there.
    pub(crate) fn lost(found: impl Into<String>) -> Self {
        Self::new(
            ErrorKind::Disconnected,
            "a connection to the server",
            found,
            "try again; start a server with `sage serve` if there is none",
        )
    }

    pub(crate) fn kind(&self) -> ErrorKind {
        match &*self.0 {
            Inner::Peer(failure) => failure.kind.kind().unwrap_or(ErrorKind::Unsupported),
            Inner::Here { kind, .. } => *kind,
        }
    }

    /// Whether the same may succeed later, for what a peer said.
    pub(crate) fn is_retryable(&self) -> bool {
        match &*self.0 {
            Inner::Peer(failure) => failure.retryable,
            Inner::Here { kind, .. } => Error::new(*kind, "").is_retryable(),
        }
    }

    /// For one caller.
    pub(crate) fn error(&self, operation: &'static str) -> Error {
        match &*self.0 {
            Inner::Peer(failure) => failure.clone().into_error(operation),
            Inner::Here {
                kind,
                expected,
                found,
                remedy,
            } => {
                let error = Error::new(*kind, operation).backend("rpc");
                let error = match expected {
                    Some(expected) => error.expected(expected.as_str()),
                    None => error,
                };
                error.found(found.as_str()).remedy(*remedy)
            }
        }
    }

    /// In a few words, for the status.
    pub(crate) fn words(&self) -> String {
        match &*self.0 {
            Inner::Peer(failure) if failure.message.as_str().is_empty() => failure.kind.as_str().to_owned(),
            Inner::Peer(failure) => failure.message.as_str().to_owned(),
            Inner::Here { found, .. } => found.clone(),
        }
    }
}
