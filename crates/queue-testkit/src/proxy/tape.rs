//! What came over a connection, kept.

use super::Direction;

/// Tapes that a proxy keeps; of more connections nothing is kept.
pub(super) const MOST: usize = 64;

/// The first bytes of one direction of one connection, as they were sent: before anything was done to them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tape {
    /// Which way they went.
    pub direction: Direction,
    /// As many as were asked for, or as came.
    pub bytes: Vec<u8>,
}

impl Tape {
    pub(super) const fn blank(direction: Direction) -> Self {
        Self {
            direction,
            bytes: Vec::new(),
        }
    }

    /// Keeps of these what still has room.
    pub(super) fn keep(&mut self, bytes: &[u8], most: usize) {
        let room = most.saturating_sub(self.bytes.len());
        self.bytes.extend(bytes.iter().take(room));
    }
}
