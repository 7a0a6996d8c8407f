//! What of an operator outlives it.

use std::fmt;

use descriptor_core::{Codec, Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How states are written: behind the same seam as packets.
const CODEC: Codec = Codec::Postcard;

/// What of an operator or source is kept in a checkpoint.
///
/// ```
/// use checkpoint::State;
/// let mut counts = vec![1, 2, 3];
/// let state = State::of(&mut counts); // what an operator's `state` returns
/// # drop(state);
/// ```
pub struct State<'a>(What<'a>);

enum What<'a> {
    Unknown,
    Nothing,
    Kept(Box<dyn Persist + 'a>),
}

/// Something that can be written down and be what was written.
pub trait Persist {
    /// Appends it to `out`, at most `limit` bytes.
    ///
    /// # Errors
    /// `TooLarge`, and what the codec says.
    fn save(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error>;

    /// Becomes what was saved.
    ///
    /// # Errors
    /// What the codec says, and what does not fit.
    fn load(&mut self, saved: &[u8]) -> Result<(), Error>;

    /// There is nothing to go on from: becomes what it was in the beginning, where something outlives a failure.
    fn reset(&mut self) {}
}

impl<'a> State<'a> {
    /// Nobody has said what it is: a job with such an operator cannot have checkpoints.
    #[must_use]
    pub const fn unknown() -> Self {
        Self(What::Unknown)
    }

    /// There is none: what comes out depends on the packet at hand alone.
    #[must_use]
    pub const fn nothing() -> Self {
        Self(What::Nothing)
    }

    /// This is all of it. It may be a tuple of references' targets, a struct, or a `KeyedState`.
    #[must_use]
    pub fn of<T: Serialize + DeserializeOwned>(whole: &'a mut T) -> Self {
        Self::checked(whole, |_, _| Ok(()))
    }

    /// As [`of`](Self::of); `check(present, saved)` may refuse what was saved.
    #[must_use]
    pub fn checked<T: Serialize + DeserializeOwned>(whole: &'a mut T, check: fn(&T, &T) -> Result<(), Error>) -> Self {
        Self::kept(Whole { whole, check })
    }

    /// What can write itself down.
    #[must_use]
    pub fn kept(state: impl Persist + 'a) -> Self {
        Self(What::Kept(Box::new(state)))
    }

    /// True when nobody has said what it is.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self.0, What::Unknown)
    }

    /// Writes it down, in at most `limit` bytes.
    ///
    /// # Errors
    /// `TooLarge`; `Unsupported` when nobody has said what it is.
    pub fn save(&self, limit: usize) -> Result<Vec<u8>, Error> {
        let mut saved = Vec::new();
        match &self.0 {
            What::Kept(state) => state.save(limit, &mut saved)?,
            What::Nothing => {}
            What::Unknown => return Err(unknown()),
        }
        Ok(saved)
    }

    /// There is no checkpoint to go on from.
    pub fn reset(self) {
        if let What::Kept(mut state) = self.0 {
            state.reset();
        }
    }

    /// Becomes what was saved.
    ///
    /// # Errors
    /// `Corrupt` for what is no such state; `Unsupported` when nobody has said what it is.
    pub fn load(self, saved: &[u8]) -> Result<(), Error> {
        match self.0 {
            What::Kept(mut state) => state.load(saved),
            What::Nothing if saved.is_empty() => Ok(()),
            What::Nothing => Err(Error::new(ErrorKind::Corrupt, "restore state")
                .expected("no state")
                .found(format!("{} bytes of it", saved.len()))
                .remedy("start the job that made the checkpoint, or take another folder")),
            What::Unknown => Err(unknown()),
        }
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::Unsupported, "save state")
        .expected("an operator that says what its state is")
        .remedy("implement `state`, or run without checkpoints")
}

impl fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            What::Unknown => "State(unknown)",
            What::Nothing => "State(nothing)",
            What::Kept(_) => "State(kept)",
        })
    }
}

struct Whole<'a, T> {
    whole: &'a mut T,
    check: fn(&T, &T) -> Result<(), Error>,
}

impl<T: Serialize + DeserializeOwned> Persist for Whole<'_, T> {
    fn save(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        write(&*self.whole, limit, out)
    }

    fn load(&mut self, saved: &[u8]) -> Result<(), Error> {
        let saved = read::<T>(saved)?;
        (self.check)(self.whole, &saved)?;
        *self.whole = saved;
        Ok(())
    }
}

/// Appends one value, at most `limit` bytes.
///
/// # Errors
/// `TooLarge`, and what the codec says.
pub fn write<T: Serialize + ?Sized>(value: &T, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    CODEC.encode(value, limit, out)
}

/// Reads what `write` has written; whoever read the bytes has limited them.
///
/// # Errors
/// `Corrupt` for what is no `T`.
pub fn read<T: DeserializeOwned>(saved: &[u8]) -> Result<T, Error> {
    CODEC.decode(saved, saved.len())
}
