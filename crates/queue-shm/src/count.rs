//! How many items there are: looks without a lock.

use std::sync::atomic::Ordering;

use crate::cursor::Cursor;
use crate::layout::{AWAY, BACK, HEAD, TAIL};
use crate::segment::Segment;

impl Segment {
    /// Items inside, those on loan included.
    pub(crate) fn depth(&self) -> usize {
        // The head before what is away: an item that is lent in between is counted twice, not left out.
        let items = self.in_ring() + self.away();
        usize::try_from(items.min(self.capacity)).unwrap_or(usize::MAX)
    }

    /// Items on loan, and those that came back from it.
    #[inline]
    pub(crate) fn away(&self) -> u64 {
        Cursor(self.map.u64(AWAY).load(Ordering::Acquire)).items()
    }

    fn in_ring(&self) -> u64 {
        let head = Cursor(self.map.u64(HEAD).load(Ordering::Acquire));
        let tail = Cursor(self.map.u64(TAIL).load(Ordering::Acquire));
        tail.items_since(head).min(self.capacity)
    }

    /// Items that a get may find; anybody may look when the queue is closed.
    pub(crate) fn items_to_take(&self) -> usize {
        if self.is_closed() {
            return usize::MAX;
        }
        self.tend();
        let items = self
            .in_ring()
            .saturating_add(self.map.u64(BACK).load(Ordering::Acquire));
        usize::try_from(items.min(self.capacity)).unwrap_or(usize::MAX)
    }

    /// Items there may be room for.
    pub(crate) fn room_left(&self) -> usize {
        if self.is_closed() {
            return usize::MAX;
        }
        usize::try_from(self.capacity).map_or(usize::MAX, |capacity| capacity.saturating_sub(self.depth()))
    }
}
