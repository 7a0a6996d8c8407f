//! What an instance goes on from.

use std::fmt;
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind};
use partition_key::Key;

use crate::{Saved, State};

/// Says which keys are those of one instance.
pub type Own = Box<dyn Fn(&Key) -> bool + Send + Sync>;

/// The state of an instance at the checkpoint that it goes on from: its own, or its share of what others had.
pub struct Restored {
    from: From,
    over: bool,
}

enum From {
    Own(Vec<u8>),
    Others(Share),
}

/// The keys of one instance among the states of those that had them.
pub struct Share {
    pieces: Vec<Piece>,
    own: Own,
}

/// What one of those had.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The state; several instances have their share of it.
    pub state: Arc<Saved>,
    /// Whether what belongs to no key goes here.
    pub rest: bool,
}

impl Restored {
    /// What it was itself.
    #[must_use]
    pub fn own(saved: Saved) -> Self {
        Self {
            from: From::Own(saved.state),
            over: saved.over,
        }
    }

    /// The keys that `own` says yes to, of these; `over` when all of these had come to their end.
    #[must_use]
    pub fn share(pieces: Vec<Piece>, own: Own, over: bool) -> Self {
        Self {
            from: From::Others(Share { pieces, own }),
            over,
        }
    }

    /// True for an instance that had come to its end.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.over
    }

    /// True when others had it, so that it has to be a state by key.
    #[must_use]
    pub const fn is_share(&self) -> bool {
        matches!(self.from, From::Others(_))
    }

    /// Makes a state what it was.
    ///
    /// # Errors
    /// As [`State::load`], and `Unsupported` for a share of a state that does not lie by key.
    pub fn load(&self, state: State<'_>) -> Result<(), Error> {
        match &self.from {
            From::Own(saved) => state.load(saved),
            From::Others(share) => state.load_share(share),
        }
    }
}

impl Share {
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.pieces
            .iter()
            .map(|piece| (piece.state.state.as_slice(), piece.rest))
    }

    pub(crate) fn owns(&self) -> &dyn Fn(&Key) -> bool {
        &self.own
    }
}

/// A state that only its own instance can go on with.
pub(crate) fn undivided() -> Error {
    Error::new(ErrorKind::Unsupported, "restore state")
        .expected("a state by key, of which another number of instances can have shares")
        .found("one that belongs to its instance")
        .remedy("give the node the parallelism that it had, or say `State::by_key`")
}

impl fmt::Debug for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restored")
            .field("share", &self.is_share())
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share")
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}
