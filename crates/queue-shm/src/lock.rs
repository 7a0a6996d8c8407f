//! The lock of a side: a word that names who holds it, and that can be taken from the dead.
//!
//! Taken and given back by one instruction each while nobody contends. Who waits for it sleeps at the word; when that
//! takes long it asks whether the holder lives. One that is stopped does, and keeps it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use descriptor_core::Wait;

use crate::layout::{PUTTERS, Side};
use crate::linger::GIVEN_AWAY;
use crate::participant::{self, NOT_NAME, Name};
use crate::point;
use crate::segment::Segment;
use crate::sys;

/// Somebody sleeps at the word.
const WAITED_FOR: u32 = NOT_NAME;
/// Pauses before sleeping: what is done under the lock takes less than a microsecond for small items.
const PAUSES: u32 = 200;
const YIELDS: u32 = 10;
/// How long the holder is taken for alive without asking.
const DOUBT: Duration = Duration::from_millis(10);

/// The lock of one side, held.
pub(crate) struct Held<'a> {
    pub(crate) segment: &'a Segment,
    side: Side,
}

impl Segment {
    /// The lock of a side; `None` when the wait ended first. What a dead holder left half done has been put in order.
    #[inline]
    pub(crate) fn lock(&self, side: Side, wait: Wait) -> Option<Held<'_>> {
        let word = self.map.u32(side.lock);
        let held = Held { segment: self, side };
        if word
            .compare_exchange(0, self.me.0, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            point::reach("lock.taken");
            return Some(held);
        }
        std::mem::forget(held);
        self.lock_slowly(side, wait)
    }

    #[cold]
    fn lock_slowly(&self, side: Side, wait: Wait) -> Option<Held<'_>> {
        let word = self.map.u32(side.lock);
        let mut yielding = None;
        for pause in 0..PAUSES + YIELDS {
            if word.load(Ordering::Relaxed) == 0
                && word
                    .compare_exchange(0, self.me.0, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return Some(Held { segment: self, side });
            }
            if pause < PAUSES {
                std::hint::spin_loop();
                continue;
            }
            let since = *yielding.get_or_insert_with(Instant::now);
            std::thread::yield_now();
            if since.elapsed() >= GIVEN_AWAY {
                break;
            }
        }
        // From here on others may sleep as we do: who takes it says that it is waited for.
        let mine = self.me.0 | WAITED_FOR;
        loop {
            let seen = word.load(Ordering::Relaxed);
            if seen == 0 {
                if word
                    .compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
                {
                    return Some(Held { segment: self, side });
                }
                continue;
            }
            let left = match wait {
                Wait::Never => Duration::ZERO,
                Wait::Until(deadline) => deadline.saturating_duration_since(Instant::now()),
                Wait::Forever => DOUBT,
            };
            let before = Instant::now();
            if !left.is_zero() {
                if seen & WAITED_FOR == 0
                    && word
                        .compare_exchange(seen, seen | WAITED_FOR, Ordering::Relaxed, Ordering::Relaxed)
                        .is_err()
                {
                    continue;
                }
                sys::futex_wait(word, seen | WAITED_FOR, left.min(DOUBT));
            }
            if left.is_zero() || before.elapsed() >= DOUBT.min(left) {
                if let Some(held) = self.rob(side) {
                    return Some(held);
                }
                if left <= DOUBT && wait != Wait::Forever {
                    return None;
                }
            }
        }
    }

    /// Takes the lock from a holder that is dead.
    fn rob(&self, side: Side) -> Option<Held<'_>> {
        let word = self.map.u32(side.lock);
        let seen = word.load(Ordering::Acquire);
        if seen == 0 || participant::is_alive(&self.map, self.host, Name(seen & !WAITED_FOR)) {
            return None;
        }
        word.compare_exchange(seen, self.me.0 | WAITED_FOR, Ordering::Acquire, Ordering::Relaxed)
            .ok()?;
        point::reach("lock.robbed");
        let held = Held { segment: self, side };
        if side == PUTTERS {
            held.repair_put();
        } else {
            held.repair_get();
        }
        Some(held)
    }

    /// Puts in order what a dead participant held. True when it holds nothing.
    pub(crate) fn release_dead(&self, name: Name, side: Side) -> bool {
        let word = self.map.u32(side.lock);
        if word.load(Ordering::Acquire) & !WAITED_FOR != name.0 {
            return true;
        }
        drop(self.rob(side));
        word.load(Ordering::Acquire) & !WAITED_FOR != name.0
    }
}

impl Drop for Held<'_> {
    #[inline]
    fn drop(&mut self) {
        point::reach("unlock.before");
        let word = self.segment.map.u32(self.side.lock);
        // Both orders: who looks for sleepers after this, and who went to sleep after touching this word, see each other.
        let seen = word.swap(0, Ordering::AcqRel);
        point::reach("unlock.after");
        if seen & WAITED_FOR != 0 {
            sys::futex_wake(word, 1);
        }
    }
}
