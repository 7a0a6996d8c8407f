//! A failure that travels: kind, message and the chain of causes.

use std::error::Error as StdError;
use std::fmt;

use descriptor_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// The longest text that travels, in bytes; a longer one is cut.
const LONGEST: usize = 4096;
/// The most causes that travel.
const MOST: usize = 16;

const KINDS: [ErrorKind; 26] = [
    ErrorKind::Timeout,
    ErrorKind::Disconnected,
    ErrorKind::PeerDied,
    ErrorKind::StaleHandle,
    ErrorKind::Corrupt,
    ErrorKind::Incompatible,
    ErrorKind::TypeMismatch,
    ErrorKind::TooLarge,
    ErrorKind::OutOfSpace,
    ErrorKind::ResourceExhausted,
    ErrorKind::Overloaded,
    ErrorKind::PermissionDenied,
    ErrorKind::Unauthenticated,
    ErrorKind::InvalidDescriptor,
    ErrorKind::InvalidGraph,
    ErrorKind::NotSerializable,
    ErrorKind::OutOfScope,
    ErrorKind::Unsupported,
    ErrorKind::NotFound,
    ErrorKind::Closed,
    ErrorKind::Full,
    ErrorKind::Empty,
    ErrorKind::Unknown,
    ErrorKind::UserCode,
    ErrorKind::Cancelled,
    ErrorKind::Io,
];

/// What a worker says about a request that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    /// The summary of an [`ErrorKind`].
    kind: String,
    message: String,
    /// The causes, the nearest first.
    chain: Vec<String>,
}

impl Fault {
    pub(crate) fn of(error: &(dyn StdError + 'static)) -> Box<Self> {
        let kind = error.downcast_ref::<Error>().map_or(ErrorKind::UserCode, Error::kind);
        let causes = std::iter::successors(error.source(), |cause: &&(dyn StdError + 'static)| (*cause).source());
        Box::new(Self {
            kind: kind.summary().into(),
            message: cut(error.to_string()),
            chain: causes.take(MOST).map(|cause| cut(cause.to_string())).collect(),
        })
    }

    pub(crate) fn new(kind: ErrorKind, message: String) -> Box<Self> {
        Box::new(Self {
            kind: kind.summary().into(),
            message: cut(message),
            chain: Vec::new(),
        })
    }

    /// The failure as the caller of `service` gets it.
    pub(crate) fn into_error(self, service: &str) -> Error {
        // A kind of a newer version is some failure of the service.
        let kind = KINDS.into_iter().find(|kind| kind.summary() == self.kind);
        let error = Error::new(kind.unwrap_or(ErrorKind::UserCode), "call service")
            .with("service", cut(service.to_owned()))
            .found(cut(self.message));
        let chain = self.chain.into_iter().take(MOST).map(cut).rev();
        match chain.fold(None, |source, text| Some(Box::new(Cause { text, source }))) {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }
}

/// A cause from the other side, as its text.
#[derive(Debug)]
struct Cause {
    text: String,
    source: Option<Box<Self>>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

fn cut(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far(fault: &Fault) -> Fault {
        serde_json::from_str(&serde_json::to_string(fault).unwrap()).unwrap()
    }

    #[test]
    fn kind_message_and_chain_arrive() {
        let disk = std::io::Error::other("the disk is gone");
        let cause = Error::new(ErrorKind::Io, "read").caused_by(disk);
        let error = Error::new(ErrorKind::NotFound, "look up")
            .found("no such town")
            .caused_by(cause);
        let told = far(&Fault::of(&error)).into_error("geo");
        assert_eq!(told.kind(), ErrorKind::NotFound);
        assert!(
            told.to_string().contains("no such town") && told.to_string().contains("geo"),
            "{told}"
        );
        let first = told.source().expect("the cause");
        assert!(first.to_string().contains("read"), "{first}");
        let second = first.source().expect("its cause");
        assert_eq!(second.to_string(), "the disk is gone");
        assert!(second.source().is_none());
    }

    #[test]
    fn every_kind_arrives_and_an_unknown_one_is_user_code() {
        for kind in KINDS {
            assert_eq!(Fault::new(kind, String::new()).into_error("s").kind(), kind);
        }
        let odd = Fault {
            kind: "of tomorrow".into(),
            message: String::new(),
            chain: Vec::new(),
        };
        assert_eq!(odd.into_error("s").kind(), ErrorKind::UserCode);
    }

    #[test]
    fn texts_without_end_are_cut() {
        let fault = Fault {
            kind: String::new(),
            message: "ü".repeat(LONGEST),
            chain: vec!["x".into(); 1000],
        };
        let error = fault.into_error("s");
        assert!(error.to_string().len() < 2 * LONGEST + 200);
        let mut causes = 0;
        let mut cause = error.source();
        while let Some(next) = cause {
            causes += 1;
            cause = next.source();
        }
        assert_eq!(causes, MOST);
    }
}
