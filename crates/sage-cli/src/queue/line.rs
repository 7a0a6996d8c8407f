//! Items that are lines.

use bytes::Bytes;
use sage_comm::Wire;

/// An item that is a line of a text.
pub(super) trait Line: Wire {
    /// The item for a line; `None` for one that cannot be an item of this type.
    fn from_line(line: Vec<u8>) -> Option<Self>;

    /// What to print.
    fn as_bytes(&self) -> &[u8];
}

impl Line for String {
    fn from_line(line: Vec<u8>) -> Option<Self> {
        Self::from_utf8(line).ok()
    }

    fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }
}

impl Line for Bytes {
    fn from_line(line: Vec<u8>) -> Option<Self> {
        Some(line.into())
    }

    fn as_bytes(&self) -> &[u8] {
        self
    }
}
