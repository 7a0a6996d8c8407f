//! What of an operator outlives it.

use std::fmt;

use descriptor_core::{Codec, Error, ErrorKind};
use keyed_state::ByKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::restored::{Share, undivided};

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

    /// True for what lies by key, of which others can have shares.
    fn is_by_key(&self) -> bool {
        false
    }

    /// Becomes its share of what others saved.
    ///
    /// # Errors
    /// `Unsupported` unless it lies by key; else as [`load`](Self::load).
    fn load_share(&mut self, share: &Share) -> Result<(), Error> {
        let _ = share;
        Err(undivided())
    }
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

    /// This is all of it, and it lies by the keys that the packets of the node have: a job that goes on with another
    /// parallelism of the node gives each instance the keys that are its own then.
    #[must_use]
    pub fn by_key<T: ByKey + Serialize + DeserializeOwned>(whole: &'a mut T) -> Self {
        Self::by_key_checked(whole, |_, _| Ok(()))
    }

    /// As [`by_key`](Self::by_key); `check(present, saved)` may refuse what was saved.
    #[must_use]
    pub fn by_key_checked<T: ByKey + Serialize + DeserializeOwned>(
        whole: &'a mut T,
        check: fn(&T, &T) -> Result<(), Error>,
    ) -> Self {
        Self::kept(ByKeys {
            whole: Whole { whole, check },
        })
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

    /// True when another number of instances can have it: it lies by key, or there is none.
    #[must_use]
    pub fn is_divisible(&self) -> bool {
        match &self.0 {
            What::Unknown => false,
            What::Nothing => true,
            What::Kept(state) => state.is_by_key(),
        }
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
            What::Nothing => none(saved.len()),
            What::Unknown => Err(unknown()),
        }
    }

    /// Becomes its share of what others saved.
    pub(crate) fn load_share(self, share: &Share) -> Result<(), Error> {
        match self.0 {
            What::Kept(mut state) => state.load_share(share),
            What::Nothing => none(share.pieces().map(|(state, _)| state.len()).sum()),
            What::Unknown => Err(unknown()),
        }
    }
}

/// So many bytes for what has no state.
fn none(bytes: usize) -> Result<(), Error> {
    if bytes == 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Corrupt, "restore state")
        .expected("no state")
        .found(format!("{bytes} bytes of it"))
        .remedy("start the job that made the checkpoint, or take another folder"))
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

struct ByKeys<'a, T> {
    whole: Whole<'a, T>,
}

impl<T: ByKey + Serialize + DeserializeOwned> Persist for ByKeys<'_, T> {
    fn save(&self, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        self.whole.save(limit, out)
    }

    fn load(&mut self, saved: &[u8]) -> Result<(), Error> {
        self.whole.load(saved)
    }

    fn is_by_key(&self) -> bool {
        true
    }

    fn load_share(&mut self, share: &Share) -> Result<(), Error> {
        let Whole { whole, check } = &mut self.whole;
        let mut all: Option<T> = None;
        for (state, rest) in share.pieces() {
            let mut part = read::<T>(state)?;
            check(whole, &part)?;
            part.keep(share.owns(), rest);
            match &mut all {
                Some(all) => all.take_in(part)?,
                None => all = Some(part),
            }
        }
        if let Some(all) = all {
            **whole = all;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use keyed_state::KeyedState;
    use partition_key::Key;

    use super::*;
    use crate::{Piece, Restored, Saved};

    #[test]
    fn a_share_is_for_states_by_key_alone() {
        let mut counts = KeyedState::new();
        for number in 0..10_u64 {
            counts.get_or_insert_with(&Key::from(number), || number);
        }
        let state = State::by_key(&mut counts).save(1 << 10).unwrap();
        let state = Arc::new(Saved {
            state,
            ..Saved::default()
        });
        let piece = Piece { state, rest: true };
        let share = || {
            let low = |key: &Key| key.decode::<u64>().is_ok_and(|number| number < 3);
            Restored::share(vec![piece.clone()], Box::new(low), false)
        };
        share().load(State::by_key(&mut counts)).unwrap();
        assert_eq!((counts.len(), counts.get(&Key::from(2))), (3, Some(&2)));

        let error = share().load(State::of(&mut counts)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(share().load(State::nothing()).is_err(), "it had some");
        let none = Piece {
            state: Arc::default(),
            rest: true,
        };
        let none = Restored::share(vec![none], Box::new(|_| true), false);
        none.load(State::nothing()).unwrap();
        assert!(
            [
                State::by_key(&mut counts).is_divisible(),
                State::nothing().is_divisible()
            ]
            .iter()
            .all(|it| *it)
        );
        assert!(!State::of(&mut counts).is_divisible());
    }
}
