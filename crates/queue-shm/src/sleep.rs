//! Sleeping until something changes, and waking those who do, in whatever process they are.
//!
//! Who wants to sleep says so, then touches the lock of the side that it waits for, then looks once more. Who made a
//! change gave that lock back after the change and then asks whether anybody sleeps. Both are read-modify-writes of one
//! word, so one comes first: either the sleeper sees the change, or the other one sees the sleeper.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use descriptor_core::Wait;

use crate::layout::{Bell, CLOSED, GETTERS, ITEMS, PUTTERS, ROOM, STAGE};
use crate::participant;
use crate::point;
use crate::segment::Segment;
use crate::sys;

/// A wake-up is meant for one sleeper, and is lost with it when it dies before it acts. This often sleepers look on
/// their own: four times a second, 0.01 % of a processor each.
pub(crate) const NIGHT_WATCH: Duration = Duration::from_millis(250);

/// How late the planted sleeper is: longer than an answer takes, on a busy machine too.
const LATE: Duration = Duration::from_micros(500);

impl Segment {
    /// Wakes up to `count` of those who sleep at a bell. Call it after the change, and after the lock is given back.
    #[inline]
    pub(crate) fn ring(&self, bell: Bell, count: usize) {
        if self.map.u32(bell.sleepers).load(Ordering::Relaxed) != 0 {
            self.ring_loudly(bell, count);
        }
    }

    #[cold]
    pub(crate) fn ring_loudly(&self, bell: Bell, count: usize) {
        let rings = self.map.u32(bell.rings);
        let number = rings.fetch_add(1, Ordering::AcqRel);
        if point::planted("ring-skipped") && number % 1000 == 999 {
            return;
        }
        sys::futex_wake(rings, u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// Tries, tries again for a few microseconds, and then sleeps until `attempt` succeeds or the wait ends, which is `None`.
    #[inline]
    pub(crate) fn persist<R>(&self, bell: Bell, wait: Wait, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        attempt().or_else(|| self.persist_slowly(bell, wait, attempt))
    }

    #[cold]
    pub(crate) fn persist_slowly<R>(
        &self,
        bell: Bell,
        wait: Wait,
        mut attempt: impl FnMut() -> Option<R>,
    ) -> Option<R> {
        if wait == Wait::Never {
            return None;
        }
        self.linger(bell, wait, &mut attempt).or_else(|| {
            let begun = Instant::now();
            let done = self.sleep(bell, wait, attempt);
            if done.is_some() {
                self.naps.after_sleep(bell, begun.elapsed());
            }
            done
        })
    }

    /// Sleeps until `attempt` succeeds or the wait ends, which is `None`.
    #[cold]
    pub(crate) fn sleep<R>(&self, bell: Bell, wait: Wait, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        if wait == Wait::Never {
            return None;
        }
        let mut asleep = (!point::planted("late-sleeper")).then(|| Asleep::new(self, bell));
        point::reach("sleep.registered");
        loop {
            let seen = self.look_after_all(bell);
            if let Some(done) = attempt() {
                return Some(done);
            }
            let left = match wait {
                Wait::Until(deadline) => deadline.saturating_duration_since(Instant::now()),
                Wait::Forever | Wait::Never => NIGHT_WATCH,
            };
            if left.is_zero() {
                return None;
            }
            asleep.get_or_insert_with(|| {
                // Only the planted one is not counted by now: it misses what happens before it is.
                std::thread::sleep(LATE);
                Asleep::new(self, bell)
            });
            sys::futex_wait(self.map.u32(bell.rings), seen, left.min(NIGHT_WATCH));
            point::reach("sleep.woken");
        }
    }

    /// The number of rings, after which a look sees every change whose maker did not see this sleeper.
    pub(crate) fn look_after_all(&self, bell: Bell) -> u32 {
        let seen = self.map.u32(bell.rings).load(Ordering::Acquire);
        if bell.sleepers == ITEMS.sleepers {
            self.map.u32(PUTTERS.lock).fetch_or(0, Ordering::AcqRel);
        }
        // Items on loan come back under this one.
        self.map.u32(GETTERS.lock).fetch_or(0, Ordering::AcqRel);
        seen
    }

    /// Ends the epoch, and wakes everybody.
    pub(crate) fn close(&self) {
        let stage = self.map.u32(STAGE);
        if stage
            .compare_exchange(0, CLOSED, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
        {
            return;
        }
        point::reach("close.marked");
        for side in [PUTTERS, GETTERS] {
            self.map.u32(side.lock).fetch_or(0, Ordering::AcqRel);
        }
        self.ring(ITEMS, usize::MAX);
        self.ring(ROOM, usize::MAX);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.map.u32(STAGE).load(Ordering::Acquire) != 0
    }
}

/// Counted among the sleepers of a bell.
pub(crate) struct Asleep<'a> {
    segment: &'a Segment,
    bell: Bell,
}

impl<'a> Asleep<'a> {
    pub(crate) fn new(segment: &'a Segment, bell: Bell) -> Self {
        participant::sleeps(&segment.map, segment.index, bell, true);
        Self { segment, bell }
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        participant::sleeps(&self.segment.map, self.segment.index, self.bell, false);
    }
}
