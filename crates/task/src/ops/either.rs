//! One of two payload types.

use serde::{Deserialize, Serialize};

/// A packet of one of two streams that meet in one operator: port 0 is left, port 1 is right.
///
/// ```
/// use task::ops::Either;
/// let streams: [Either<u8, &str>; 2] = [Either::Left(7), Either::Right("seven")];
/// assert_eq!(streams.map(|item| item.port()), [0, 1]);
/// assert_eq!(streams[0].left(), Some(7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Either<A, B> {
    /// From port 0.
    Left(A),
    /// From port 1.
    Right(B),
}

impl<A, B> Either<A, B> {
    /// The number of the port it came in through.
    #[must_use]
    pub const fn port(&self) -> u32 {
        match self {
            Self::Left(_) => 0,
            Self::Right(_) => 1,
        }
    }

    /// The value of port 0.
    #[must_use]
    pub fn left(self) -> Option<A> {
        match self {
            Self::Left(value) => Some(value),
            Self::Right(_) => None,
        }
    }

    /// The value of port 1.
    #[must_use]
    pub fn right(self) -> Option<B> {
        match self {
            Self::Left(_) => None,
            Self::Right(value) => Some(value),
        }
    }

    /// The same, by reference.
    #[must_use]
    pub const fn as_ref(&self) -> Either<&A, &B> {
        match self {
            Self::Left(value) => Either::Left(value),
            Self::Right(value) => Either::Right(value),
        }
    }

    /// Whatever it is, as a `C`.
    pub fn either<C>(self, left: impl FnOnce(A) -> C, right: impl FnOnce(B) -> C) -> C {
        match self {
            Self::Left(value) => left(value),
            Self::Right(value) => right(value),
        }
    }
}
