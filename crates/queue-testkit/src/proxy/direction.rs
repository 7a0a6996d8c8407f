//! What can be done to the bytes of one direction.

use std::time::Duration;

use crate::Dice;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From clients to the server.
    ToServer,
    /// From the server to clients.
    ToClient,
}

/// Into which pieces bytes are split, each passed on by a write of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pieces {
    /// As they come.
    #[default]
    Whole,
    /// So many bytes each; 0 means 1.
    Of(usize),
    /// Each from 1 to so many bytes, by lot.
    UpTo(usize),
}

/// How bytes fare.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weather {
    /// What is read at once is held back for so long. What comes meanwhile waits for its turn.
    pub delay: Duration,
    /// And for a time from zero to this, by lot.
    pub jitter: Duration,
    /// How it is split.
    pub pieces: Pieces,
}

/// Which byte of a direction, counted from now on over all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The one after so many.
    After(u64),
    /// One of the next so many, by lot.
    Within(u64),
}

impl Place {
    pub(super) const fn draw(self, dice: &mut Dice) -> u64 {
        match self {
            Self::After(bytes) => bytes,
            Self::Within(bytes) => dice.below(bytes),
        }
    }
}

/// A direction as it is now.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) weather: Weather,
    pub(super) is_stalled: bool,
    /// Bytes to go until the cut.
    pub(super) cut: Option<u64>,
    /// Bytes to go until the flip, and the bit.
    pub(super) flip: Option<(u64, u8)>,
}

impl Side {
    /// Takes note of bytes that are about to be passed on: how many of them are, whether the connection ends behind them, and
    /// whether one was changed.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) -> (usize, bool, bool) {
        let arrived = bytes.len() as u64;
        let (count, is_cut) = match self.cut {
            Some(left) if left < arrived => {
                self.cut = None;
                (left, true)
            }
            Some(left) => {
                self.cut = Some(left - arrived);
                (arrived, false)
            }
            None => (arrived, false),
        };
        let mut is_flipped = false;
        if let Some((left, bit)) = self.flip {
            if left < count {
                if let Some(byte) = bytes.get_mut(left as usize) {
                    *byte ^= 1 << bit;
                }
                self.flip = None;
                is_flipped = true;
            } else {
                self.flip = Some((left - count, bit));
            }
        }
        (count as usize, is_cut, is_flipped)
    }
}
