//! How many items there are: looks without a lock.

use std::sync::atomic::Ordering;

use crate::cursor::Cursor;
use crate::layout::{AWAY, HEAD, TAIL};
use crate::segment::Segment;

impl Segment {
    /// Items inside, those on loan included.
    pub(crate) fn depth(&self) -> usize {
        let head = Cursor(self.map.u64(HEAD).load(Ordering::Acquire));
        let tail = Cursor(self.map.u64(TAIL).load(Ordering::Acquire));
        usize::try_from(tail.items_since(head).min(self.capacity)).unwrap_or(usize::MAX)
    }

    /// Items that a get may find; anybody may look when the queue is closed.
    pub(crate) fn items_to_take(&self) -> usize {
        if self.is_closed() { usize::MAX } else { self.depth() }
    }

    /// Items there may be room for.
    pub(crate) fn room_left(&self) -> usize {
        if self.is_closed() {
            return usize::MAX;
        }
        let away = Cursor(self.map.u64(AWAY).load(Ordering::Acquire)).items();
        let inside = self.depth() as u64 + away;
        usize::try_from(self.capacity.saturating_sub(inside)).unwrap_or(usize::MAX)
    }
}
