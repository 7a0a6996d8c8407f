//! A checkpoint behind which nothing is sent: the end of an attempt that is wanted.

use std::sync::atomic::Ordering;

use crate::Round;

/// How far the wish is for a checkpoint behind which nothing is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Halt {
    /// There is none.
    #[default]
    No,
    /// The next barrier is to be that one, and is to come now.
    Wanted,
    /// It is on its way.
    Sent,
    /// It is complete, and with it the attempt is over.
    Cut,
}

impl Round {
    /// Asks for a checkpoint at once, behind whose barrier the sources of this process send nothing.
    pub fn halt(&self) {
        let mut hands = self.lock();
        if hands.halt == Halt::No {
            hands.halt = Halt::Wanted;
            self.changed.notify_all();
        }
    }

    /// True from [`halt`](Self::halt) until it is given up.
    #[must_use]
    pub fn is_halting(&self) -> bool {
        self.lock().halt != Halt::No
    }

    /// The barrier behind which sources send nothing; 0 when there is none.
    #[inline]
    #[must_use]
    pub fn halted(&self) -> u64 {
        self.halting.load(Ordering::Relaxed)
    }

    /// Gives the wish up, unless the checkpoint is complete: true when sources go on.
    pub fn go_on(&self) -> bool {
        let mut hands = self.lock();
        if hands.halt == Halt::Cut {
            return false;
        }
        hands.halt = Halt::No;
        self.halting.store(0, Ordering::Relaxed);
        true
    }

    /// The checkpoint of this number is complete. True when it was that one: the attempt ends here.
    #[must_use]
    pub fn cut(&self, number: u64) -> bool {
        let mut hands = self.lock();
        let cut = hands.halt == Halt::Sent && self.halted() == number;
        if cut {
            hands.halt = Halt::Cut;
        }
        cut
    }

    /// True when the attempt has ended with a checkpoint that was asked for.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.lock().halt == Halt::Cut
    }
}
