//! Giving a turn away in place of waiting in line.
//!
//! A task that finds nothing can wake itself and return: its runtime lets others run and then polls it again. Where the
//! other side of the queue is a task of the same runtime, that is often all it takes, and it costs neither a place in
//! the line nor a wake-up by the other side, nor a barrier on every thread.
//!
//! Where the other side is slow it is a waste, so a wait gives away few turns, and only where that was of use lately. A
//! task that waits in line is not polled at all.

use std::task::{Context, Poll};

use super::Waiter;
use crate::sync::{AtomicU32, GLANCE, MOMENT, Ordering, planted, spin_task};

/// Turns one wait may give away, several times what the other side needs to come by. In a model every wait gives one, so
/// that few steps show everything.
const MOST: u8 = if cfg!(loom) { 1 } else { 8 };
/// Waits in a row that may be in vain before no turns are given away.
const TRUST: u32 = 8;
/// Without trust, one wait in so many tries whether things have changed.
const TRIAL: u32 = 16;

/// Whether giving turns away is of use, for one kind of change of one queue. Not exact when several tasks wait at once,
/// and need not be.
#[derive(Debug)]
pub(crate) struct Turns {
    trust: AtomicU32,
    untried: AtomicU32,
}

impl Turns {
    pub(crate) fn new() -> Self {
        Self {
            trust: AtomicU32::new(0),
            untried: AtomicU32::new(0),
        }
    }

    /// What a task does before it waits in line: it tries again for a moment, or gives its turn away where that was of
    /// use lately. `None` when it is time to wait.
    #[inline]
    pub(crate) fn linger<R>(
        &self,
        cx: &Context<'_>,
        waiter: &mut Waiter,
        seems: impl Fn() -> bool,
        attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<Poll<R>> {
        if !waiter.is_fresh() {
            return self.linger_again(cx, waiter, seems, attempt);
        }
        match attempt() {
            Some(done) => Some(Poll::Ready(done)),
            None => self.linger_on(cx, waiter, seems, attempt),
        }
    }

    #[inline(never)]
    fn linger_again<R>(
        &self,
        cx: &Context<'_>,
        waiter: &mut Waiter,
        seems: impl Fn() -> bool,
        attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<Poll<R>> {
        if !waiter.may_linger() {
            return None;
        }
        match attempt() {
            Some(done) => {
                self.end(waiter);
                Some(Poll::Ready(done))
            }
            None => self.linger_on(cx, waiter, seems, attempt),
        }
    }

    #[inline(never)]
    fn linger_on<R>(
        &self,
        cx: &Context<'_>,
        waiter: &mut Waiter,
        seems: impl Fn() -> bool,
        attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<Poll<R>> {
        let gives = self.are_given(waiter.turns_given());
        // Who gives turns away comes back soon, and who has done so has waited long enough.
        let moment = if gives || waiter.turns_given() > 0 {
            GLANCE
        } else {
            MOMENT
        };
        if let Some(done) = spin_task(moment, seems, attempt) {
            self.end(waiter);
            return Some(Poll::Ready(done));
        }
        if gives {
            Self::give(cx, waiter);
            return Some(Poll::Pending);
        }
        waiter.set_turns_given(0);
        None
    }

    /// Whether this wait gives a turn away, if what it waits for is not to be had at once.
    fn are_given(&self, given: u8) -> bool {
        if cfg!(loom) {
            return given < MOST;
        }
        let trust = self.trust.load(Ordering::Relaxed);
        match given {
            0 => trust > 0 || self.is_trial(),
            MOST => {
                self.trust.store(trust.saturating_sub(1), Ordering::Relaxed);
                false
            }
            _ => true,
        }
    }

    fn is_trial(&self) -> bool {
        let untried = (self.untried.load(Ordering::Relaxed) + 1) % TRIAL;
        self.untried.store(untried, Ordering::Relaxed);
        untried == 0
    }

    /// Has the task of `waiter` polled again.
    fn give(cx: &Context<'_>, waiter: &mut Waiter) {
        waiter.set_turns_given(waiter.turns_given() + 1);
        if !planted("turn-without-wake") {
            cx.waker().wake_by_ref();
        }
    }

    /// The wait was over without a place in the line.
    #[inline]
    fn end(&self, waiter: &mut Waiter) {
        if waiter.turns_given() > 0 {
            waiter.set_turns_given(0);
            self.trust.store(TRUST, Ordering::Relaxed);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::{MOST, TRIAL, TRUST, Turns};
    use crate::wait::Waiter;

    #[derive(Default)]
    struct Calls(AtomicU32);

    impl Wake for Calls {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits in vain and says how many turns that took; each must come with a wake-up.
    fn turns_in_vain(turns: &Turns) -> u32 {
        let calls = Arc::new(Calls::default());
        let waker = Waker::from(Arc::clone(&calls));
        let mut waiter = Waiter::new();
        while turns.are_given(waiter.turns_given()) {
            Turns::give(&Context::from_waker(&waker), &mut waiter);
        }
        assert_eq!(calls.0.load(Ordering::Relaxed), u32::from(waiter.turns_given()));
        u32::from(waiter.turns_given())
    }

    #[test]
    fn waits_in_vain_give_away_few_turns() {
        let turns = Turns::new();
        let given: Vec<u32> = (0..4 * TRIAL).map(|_| turns_in_vain(&turns)).collect();
        assert!(given.iter().all(|given| [0, u32::from(MOST)].contains(given)));
        assert_eq!(given.iter().filter(|given| **given > 0).count(), 4, "the trials");
        assert_eq!(given[0], 0, "a queue begins without");
    }

    #[test]
    fn a_turn_that_paid_allows_more_until_enough_were_in_vain() {
        let turns = Turns::new();
        let mut waiter = Waiter::new();
        turns.end(&mut waiter);
        assert_eq!(turns_in_vain(&turns), 0, "no turn was given, so none has paid");
        while !turns.are_given(waiter.turns_given()) {}
        Turns::give(&Context::from_waker(Waker::noop()), &mut waiter);
        turns.end(&mut waiter);
        assert_eq!(waiter.turns_given(), 0, "ready for its next wait");
        for _ in 0..TRUST {
            assert_eq!(turns_in_vain(&turns), u32::from(MOST));
        }
        assert_eq!(turns_in_vain(&turns), 0);
    }
}
