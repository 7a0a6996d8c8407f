//! The few things of the standard library that the waiting code stands on, in one place so that a model checker can
//! take their place.

#[cfg(loom)]
pub(crate) use modelled::{
    ANSWER, AtomicU32, AtomicU64, AtomicUsize, GLANCE, MOMENT, Mutex, MutexGuard, Ordering, Thread, change_before_look,
    full_barrier, park, park_timeout, planted, spin, spin_task, thread_current,
};
#[cfg(not(loom))]
pub(crate) use real::{
    ANSWER, AtomicU32, AtomicU64, AtomicUsize, GLANCE, MOMENT, Mutex, MutexGuard, Ordering, Thread, change_before_look,
    full_barrier, park, park_timeout, planted, spin, spin_task, thread_current,
};

#[cfg(not(loom))]
mod real {
    pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
    pub(crate) use std::sync::{Mutex, MutexGuard};
    pub(crate) use std::thread::{Thread, current as thread_current, park, park_timeout};

    /// A full barrier. On x86 any locked instruction is one, and several times faster than `mfence`, which is what the
    /// fence compiles to.
    #[inline]
    pub(crate) fn full_barrier() {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use std::sync::atomic::compiler_fence;
            compiler_fence(Ordering::SeqCst);
            let line = AtomicUsize::new(0);
            std::hint::black_box(&line).swap(1, Ordering::SeqCst);
            compiler_fence(Ordering::SeqCst);
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        std::sync::atomic::fence(Ordering::SeqCst);
    }

    /// Keeps the compiler from asking for sleepers before the change. The processor is kept from it by the sleeper.
    #[inline]
    pub(crate) fn change_before_look(_is_quiet_possible: impl Fn() -> bool) {
        std::sync::atomic::compiler_fence(Ordering::SeqCst);
    }

    /// Pauses before each look while trying again: a few microseconds in all, the time another core needs for some steps.
    /// Looks disturb who is at work there, so there are few.
    pub(crate) const MOMENT: &[u32] = &[1, 2, 4, 8, 16, 32, 64];
    /// As [`MOMENT`], for an answer: look after look while it is due, so that it is seen when it comes.
    pub(crate) const ANSWER: &[u32] = &[4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 4, 8, 16, 32, 64];
    /// As [`MOMENT`], for a fraction of a microsecond: one step of another core.
    pub(crate) const GLANCE: &[u32] = &[1, 2, 4];
    /// Yields before sleeping: on a busy machine the one waited for may need this very core.
    const YIELDS: u32 = 8;

    /// Tries again for a moment, because a sleep and a wake-up cost tens of microseconds. An attempt disturbs the others,
    /// so it is made only when it `seems` worth while.
    pub(crate) fn spin<R>(
        moment: &[u32],
        seems: impl Fn() -> bool,
        attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<R> {
        let done = spin_task(moment, &seems, attempt);
        if done.is_some() {
            return done;
        }
        for _ in 0..YIELDS {
            std::thread::yield_now();
            if seems()
                && let Some(done) = attempt()
            {
                return Some(done);
            }
        }
        None
    }

    /// As [`spin`] for a task, which must not give its thread away.
    pub(crate) fn spin_task<R>(
        moment: &[u32],
        seems: impl Fn() -> bool,
        attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<R> {
        for pauses in moment {
            for _ in 0..*pauses {
                std::hint::spin_loop();
            }
            if seems()
                && let Some(done) = attempt()
            {
                return Some(done);
            }
        }
        None
    }

    /// Whether the model checker planted this fault to see that its models notice: never outside of it.
    #[inline]
    pub(crate) const fn planted(_fault: &str) -> bool {
        false
    }
}

#[cfg(loom)]
mod modelled {
    // Counts outside of the model: the checker has no statics, and what is drawn under a lock needs no order.
    pub(crate) use std::sync::atomic::AtomicU64;
    use std::sync::{Arc, OnceLock};
    use std::time::Duration;

    use loom::sync::Notify;
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    /// The checker knows no barrier executed on behalf of another thread: it gets the pair of fences where there may be
    /// such a barrier.
    pub(crate) fn change_before_look(is_quiet_possible: impl Fn() -> bool) {
        if is_quiet_possible() {
            full_barrier();
        }
    }

    pub(crate) fn full_barrier() {
        loom::sync::atomic::fence(Ordering::SeqCst);
    }

    /// A thread's permit to go on. loom's own `park` forgets the permit of a thread that meets a held lock before it
    /// parks, and so reports deadlocks that cannot happen.
    #[derive(Clone)]
    pub(crate) struct Thread(Arc<Notify>);

    impl Thread {
        pub(crate) fn unpark(&self) {
            self.0.notify();
        }
    }

    loom::thread_local! {
        static MINE: Thread = Thread(Arc::new(Notify::new()));
    }

    pub(crate) fn thread_current() -> Thread {
        MINE.with(Clone::clone)
    }

    pub(crate) fn park() {
        thread_current().0.wait();
    }

    /// There is no clock in a model: only limits that have passed already are worth modelling.
    pub(crate) fn park_timeout(_limit: Duration) {
        park();
    }

    /// A model explores every interleaving: trying for a while adds nothing to trying once.
    pub(crate) fn spin<R>(
        _moment: &[u32],
        _seems: impl Fn() -> bool,
        _attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<R> {
        None
    }

    pub(crate) const MOMENT: &[u32] = &[];
    pub(crate) const ANSWER: &[u32] = &[];
    pub(crate) const GLANCE: &[u32] = &[];

    pub(crate) fn spin_task<R>(
        _moment: &[u32],
        _seems: impl Fn() -> bool,
        _attempt: &mut impl FnMut() -> Option<R>,
    ) -> Option<R> {
        None
    }

    /// Whether this run plants the fault of that name.
    pub(crate) fn planted(fault: &str) -> bool {
        static NAME: OnceLock<Option<String>> = OnceLock::new();
        NAME.get_or_init(|| std::env::var("LOOM_MUTANT").ok()).as_deref() == Some(fault)
    }
}
