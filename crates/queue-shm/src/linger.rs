//! Looking again and again before going to sleep: for a few microseconds, or for as long as sleeping and waking take where
//! sleeps are usually that short.
//!
//! Who sleeps must be woken by a system call of another process, and comes to some 40 microseconds later on a machine that
//! was idle. An answer that takes ten is not worth that. So a wait that turned out short has the next ones stay awake a
//! little longer, and goes on doing so while that is of use. Where looking again at once is of no use, because whoever is waited
//! for needs this very processor, waits give it away instead, some more times than otherwise.

use std::time::{Duration, Instant};

use descriptor_core::Wait;

use crate::layout::{Bell, ITEMS};
use crate::odds::Odds;
use crate::patience::Patience;
use crate::point;
use crate::segment::Segment;

/// Looks for an item at first, one after each pause: who answers at once does so within a microsecond.
const NEAR: u32 = 120;
/// Then rounds of pauses, each twice as long as the one before, up to [`LONGEST`].
const ROUNDS: u32 = 10;
const LONGEST: u32 = 7;
const YIELDS: u32 = 8;
/// As often where nothing else was tried before.
const YIELDS_ALONE: u32 = 32;
/// For no longer than this: the processor has gone to others than whoever is waited for, and they do not give it away.
pub(crate) const GIVEN_AWAY: Duration = Duration::from_millis(1);
/// Places that a full queue should have free before the next put.
const SEVERAL: usize = 64;
/// As long may the longer wait be, which is less than a sleep from which an idle processor has to come back.
const AWAKE: Duration = Duration::from_micros(60);
/// Pauses between two looks of it.
const AWAKE_PAUSES: u32 = 4;
/// Short sleeps before it tries that, at first.
const SOON: u32 = 8;
/// A sleep shorter than this would better not have been one.
const SHORT: Duration = Duration::from_micros(120);

/// What one process learned about its waits at a queue.
pub(crate) struct Naps {
    items: Waits,
    room: Waits,
}

struct Waits {
    near: Odds,
    awake: Patience,
}

impl Waits {
    const fn new() -> Self {
        Self {
            near: Odds::new(),
            awake: Patience::new(SOON),
        }
    }
}

impl Naps {
    pub(crate) const fn new() -> Self {
        Self {
            items: Waits::new(),
            room: Waits::new(),
        }
    }

    const fn at(&self, bell: Bell) -> &Waits {
        if bell.sleepers == ITEMS.sleepers {
            &self.items
        } else {
            &self.room
        }
    }

    /// Learns from a sleep that is over.
    pub(crate) fn after_sleep(&self, bell: Bell, slept: Duration) {
        if slept < SHORT {
            self.at(bell).awake.come_closer();
        }
    }
}

fn pause(pauses: u32) {
    for _ in 0..pauses {
        std::hint::spin_loop();
    }
}

impl Segment {
    /// Tries again and again: sleeping and waking take longer.
    pub(crate) fn linger<R>(&self, bell: Bell, wait: Wait, attempt: &mut impl FnMut() -> Option<R>) -> Option<R> {
        if point::planted("no-linger") {
            return None;
        }
        // For a few microseconds until there is room for several: who takes each place as it becomes free has both sides
        // hand the same line to and fro.
        let several = usize::try_from(self.capacity / 8).unwrap_or(SEVERAL).clamp(1, SEVERAL);
        let is_for_items = bell.sleepers == ITEMS.sleepers;
        let mut look = |early: bool| {
            let seems = if is_for_items {
                self.items_to_take() > 0
            } else {
                self.room_left() >= if early { several } else { 1 }
            };
            if seems { attempt() } else { None }
        };
        let waits = self.naps.at(bell);
        let is_near = waits.near.are_good();
        if is_near {
            // Room comes in a hurry to nobody.
            let near = if is_for_items { NEAR } else { 0 };
            let rounds = (0..ROUNDS).map(|round| 1 << round.min(LONGEST));
            let mut pauses = (0..near).map(|_| 1).chain(rounds);
            let done = pauses.find_map(|pauses| {
                pause(pauses);
                look(true)
            });
            waits.near.learn(done.is_some());
            if done.is_some() {
                return done;
            }
        }
        let begun = Instant::now();
        for _ in 0..if is_near { YIELDS } else { YIELDS_ALONE } {
            std::thread::yield_now();
            if let Some(done) = look(false) {
                return Some(done);
            }
            if begun.elapsed() >= GIVEN_AWAY {
                return None;
            }
        }
        if !is_near || !waits.awake.is_on() {
            return None;
        }
        let begun = Instant::now();
        let until = match wait {
            Wait::Until(deadline) => deadline.min(begun + AWAKE),
            Wait::Forever | Wait::Never => begun + AWAKE,
        };
        let done = loop {
            pause(AWAKE_PAUSES);
            if let Some(done) = look(false) {
                break Some(done);
            }
            if Instant::now() >= until {
                break None;
            }
            std::thread::yield_now();
        };
        waits.awake.learn(done.is_some());
        done
    }
}
