//! Several queues, used in turn.

use super::{Rx, Tx};

/// The same half of each.
pub(crate) struct Many<H> {
    halves: Vec<H>,
    next: usize,
}

impl<H> Many<H> {
    pub(crate) fn new(halves: Vec<H>) -> Self {
        Self { halves, next: 0 }
    }

    #[inline]
    fn turn(&mut self) -> Result<&mut H, String> {
        let at = self.next;
        self.next = if at + 1 >= self.halves.len() { 0 } else { at + 1 };
        self.halves.get_mut(at).ok_or_else(|| "no queue".into())
    }
}

impl<H: Tx> Tx for Many<H> {
    #[inline]
    fn send(&mut self, number: u64) -> Result<(), String> {
        self.turn()?.send(number)
    }

    fn flush(&mut self) -> Result<(), String> {
        self.halves.iter_mut().try_for_each(Tx::flush)
    }
}

impl<H: Rx> Rx for Many<H> {
    #[inline]
    fn recv(&mut self) -> Result<u64, String> {
        self.turn()?.recv()
    }
}
