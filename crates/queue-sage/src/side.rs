//! One side of the ring: whoever is inside is alone there.
//!
//! Most sides are used by one thread for long stretches, so a side is *biased*: it remembers an owner, who enters and
//! leaves with plain stores. Anybody else takes the lock of the side, takes the side away from its owner, and waits
//! until the owner is out. A thread that took the lock many times in a row becomes the owner. How many depends on what
//! owning was worth: taking a side away costs about as much as some thousand entries by the lock cost more than the
//! owner's, so an owner that moved fewer items than that makes the next one wait longer, and one that moved several times
//! as many makes up for that. Tasks that a runtime moves from thread to thread every now and then are owners, therefore,
//! and threads that take turns are not.
//!
//! After the idea of reserved locks (Kawachiya, Koseki and Onodera, "Lock Reservation", OOPSLA 2002), with
//! `membarrier(2)` for taking away: the owner says "I am inside" and then looks whether it still owns the side; a
//! stranger says "you do not own it" and then looks whether the owner is inside. One of the two sees the other, because
//! the stranger makes the owner's processor execute the barrier between its two steps.
//!
//! "I am inside" is a word of the owner's own (see [`thread`](crate::thread)): a word of the side would also be written
//! by one who is owner no longer and does not know it yet.

use descriptor_core::wait::Barrier;

use crate::barrier::{Asymmetric, is_available};
use crate::guard::Guard;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, Pause, inside_before_owner, planted, seems_taken,
};
use crate::thread::{Mark, known_thread, this_thread};

/// Entries in a row after which a thread owns the side; four times as many each time it was taken away too early. In a
/// model the first entry is enough, so that few steps show everything.
const FIRST_STREAK: u32 = if cfg!(loom) { 0 } else { 32 };
/// An owner is taken off at most this often: one barrier in so many entries does not matter.
const LONGEST_STREAK: u32 = 1 << 20;

/// Items an owner has to move to be worth the barrier that takes the side away from it.
const FAIR_TENURE: u64 = 4096;

pub(crate) struct Side {
    // Who may enter with plain stores, by its mark. Written by who holds the lock.
    owner: AtomicPtr<Mark>,
    locked: AtomicBool,
    // The rest belongs to who holds the lock.
    last: AtomicPtr<Mark>,
    streak: AtomicU32,
    needed: AtomicU32,
    // How many items had gone by when the owner became one.
    owned_since: AtomicU64,
}

/// Being inside. Leaving is `drop`.
pub(crate) struct Inside<'a> {
    side: &'a Side,
    owner: Option<&'static Mark>,
}

fn unlocking() -> Ordering {
    if planted("unlock-relaxed") {
        Ordering::Relaxed
    } else {
        Ordering::Release
    }
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        match self.owner {
            Some(mark) => mark.leave(),
            None => self.side.locked.store(false, unlocking()),
        }
    }
}

impl Side {
    pub(crate) fn new() -> Self {
        Self {
            owner: AtomicPtr::new(std::ptr::null_mut()),
            locked: AtomicBool::new(false),
            last: AtomicPtr::new(std::ptr::null_mut()),
            streak: AtomicU32::new(0),
            needed: AtomicU32::new(FIRST_STREAK),
            owned_since: AtomicU64::new(0),
        }
    }

    #[inline(never)]
    fn enter_locked(&self, me: &'static Mark, items: impl Fn() -> u64) -> Inside<'_> {
        let mut pause = Pause::new();
        while seems_taken(&self.locked) || !self.try_lock() {
            pause.pause();
        }
        let inside = Inside {
            side: self,
            owner: None,
        };
        let owner = self.owner.load(Ordering::Relaxed);
        if !owner.is_null() {
            // SAFETY: only marks of `this_thread` become owners, and those are never freed.
            // Leaned on by the models of strangers.
            self.take_away(unsafe { &*owner });
            // Read now that the owner is out.
            self.judge(items().wrapping_sub(self.owned_since.load(Ordering::Relaxed)));
            self.begin_streak(me);
        } else if me.is(self.last.load(Ordering::Relaxed)) {
            let streak = self.streak.load(Ordering::Relaxed).saturating_add(1);
            self.streak.store(streak, Ordering::Relaxed);
        } else {
            self.begin_streak(me);
        }
        if self.streak.load(Ordering::Relaxed) >= self.needed.load(Ordering::Relaxed) && is_available() {
            // Takes effect with the next entry; this one still leaves by the lock.
            self.owned_since.store(items(), Ordering::Relaxed);
            self.owner.store(me.address(), Ordering::Relaxed);
        }
        inside
    }

    #[inline]
    fn try_lock(&self) -> bool {
        let exchanged = self
            .locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        exchanged.is_ok()
    }

    fn begin_streak(&self, me: &'static Mark) {
        self.last.store(me.address(), Ordering::Relaxed);
        self.streak.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn take_away(&self, owner: &Mark) {
        self.owner.store(std::ptr::null_mut(), Ordering::Relaxed);
        Asymmetric::everywhere();
        if owner.is_inside(self) && !planted("owner-not-awaited") {
            let mut pause = Pause::new();
            while owner.is_still_inside(self) {
                pause.pause();
            }
        }
    }

    /// Decides what the next owner needs, from how many items the last one moved.
    fn judge(&self, moved: u64) {
        let needed = self.needed.load(Ordering::Relaxed);
        let next = if moved >= 4 * FAIR_TENURE {
            (needed / 4).max(FIRST_STREAK)
        } else if moved >= FAIR_TENURE {
            needed
        } else {
            needed.saturating_mul(4).min(LONGEST_STREAK)
        };
        self.needed.store(next, Ordering::Relaxed);
    }
}

// SAFETY: who holds the lock is alone, but for an owner on the short way, and takes that away before anything else; who
// finds itself owner after saying "inside" was not taken off, or is awaited. Leaned on by the models of strangers.
unsafe impl Guard for Side {
    type Inside<'a> = Inside<'a>;

    /// Waits until the caller is alone on this side: for a few moves of memory at most, unless who is inside was put
    /// off the processor.
    #[inline]
    fn enter(&self, items: impl Fn() -> u64) -> Inside<'_> {
        match self.enter_owned() {
            Some(inside) => inside,
            None => self.enter_locked(this_thread(), items),
        }
    }

    /// The short way in, for the owner.
    #[inline]
    fn enter_owned(&self) -> Option<Inside<'_>> {
        let me = known_thread()?;
        if !me.is(self.owner.load(Ordering::Relaxed)) {
            return None;
        }
        me.enter(self);
        inside_before_owner();
        // Built first, so that a side taken away meanwhile is left again.
        let inside = Inside {
            side: self,
            owner: Some(me),
        };
        me.is(self.owner.load(Ordering::Relaxed)).then_some(inside)
    }

    fn intrude(&self, items: impl Fn() -> u64) -> Inside<'_> {
        self.enter(items)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::atomic::Ordering;
    use std::thread;

    use super::{FAIR_TENURE, FIRST_STREAK, Side};
    use crate::guard::Guard;

    #[test]
    fn only_an_owner_that_was_there_for_too_short_makes_the_next_one_wait_longer() {
        let side = Side::new();
        let mut gone_by = 0;
        let mut pass = |count| {
            for _ in 0..count {
                drop(side.enter(|| gone_by));
                gone_by += 1;
            }
            side.needed.load(Ordering::Relaxed)
        };
        let mut needed = vec![pass(100)];
        for (count, by_another) in [(FAIR_TENURE + 200, true), (4 * FAIR_TENURE + 200, false), (1, true)] {
            let now = if by_another {
                thread::scope(|scope| scope.spawn(|| pass(count)).join().expect("no panic"))
            } else {
                pass(count)
            };
            needed.push(now);
        }
        let longer = if crate::barrier::is_available() {
            4 * FIRST_STREAK
        } else {
            FIRST_STREAK
        };
        assert_eq!(needed, [FIRST_STREAK, longer, longer, FIRST_STREAK]);
    }
}
