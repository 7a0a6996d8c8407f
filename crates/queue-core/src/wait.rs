//! Waiting for a queue to change: threads and tasks in one line, first come, first woken.
//!
//! A queue owns two [`WaitList`]s, one for those who want an item and one for those who want room. The protocol is
//! an eventcount: a sleeper *registers*, then looks again, and only then sleeps; whoever changes the queue looks for
//! registered sleepers *after* the change. A [`Barrier`] on both sides makes sure that at least one of them sees the
//! other, so no wake-up is lost. While nobody sleeps, a notification is one load.
//!
//! A wake-up is a token: it is meant for one change of the queue. A sleeper that was woken and does not need it
//! (it succeeded on its own, timed out or was dropped) passes it on.

use std::any::Any;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::Wait;
use crate::sync::{AtomicUsize, Mutex, MutexGuard, Ordering, Thread, fence, park, park_timeout, spin, thread_current};

/// Orders "I changed the queue" before "is anybody asleep?", and "I am registered" before "has it changed?".
///
/// Both sides must be sequentially consistent with each other. A queue that can make the notifier's side cheaper
/// by making the sleeper's side dearer brings its own.
pub trait Barrier: Send + Sync + 'static {
    /// Runs on every change of the queue, between the change and the look at the list.
    fn notifier();
    /// Runs before a sleep, between the registration and the last look at the queue.
    fn sleeper();
}

/// The portable barrier: a sequentially consistent fence on both sides.
#[derive(Clone, Copy, Debug)]
pub struct Fence;

impl Barrier for Fence {
    #[inline]
    fn notifier() {
        fence(Ordering::SeqCst);
    }
    #[inline]
    fn sleeper() {
        fence(Ordering::SeqCst);
    }
}

/// What one asynchronous operation keeps between two polls. Starts as [`Waiter::new`], one per operation.
#[derive(Default)]
pub struct Waiter {
    // 0: not registered. Ids start at 1 and are never used twice in one list.
    id: u64,
    state: Option<Box<dyn Any + Send>>,
}

impl Waiter {
    /// Not waiting for anything yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { id: 0, state: None }
    }

    /// True while a wake-up may be on its way, so that giving up must be told to the queue.
    #[must_use]
    pub const fn is_armed(&self) -> bool {
        self.id != 0 || self.state.is_some()
    }

    /// Room for a queue that waits in another way than a [`WaitList`], such as for an answer from a peer.
    pub const fn state(&mut self) -> &mut Option<Box<dyn Any + Send>> {
        &mut self.state
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("armed", &self.is_armed()).finish()
    }
}

enum Sleeper {
    Thread(Thread),
    Task(Waker),
}

impl Sleeper {
    fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task(waker) => waker.wake(),
        }
    }
}

#[derive(Default)]
struct Line {
    last_id: u64,
    // Ids ascend from front to back, so one is found by binary search.
    sleepers: VecDeque<(u64, Sleeper)>,
}

impl Line {
    fn position(&self, id: u64) -> Option<usize> {
        self.sleepers.binary_search_by_key(&id, |(id, _)| *id).ok()
    }
}

/// The line of those who wait for one kind of change.
pub struct WaitList<B: Barrier = Fence> {
    // Mirrors the length of the line; the only thing a notifier looks at while nobody sleeps.
    registered: AtomicUsize,
    line: Mutex<Line>,
    barrier: PhantomData<fn() -> B>,
}

impl<B: Barrier> Default for WaitList<B> {
    fn default() -> Self {
        Self::new()
    }
}

impl<B: Barrier> fmt::Debug for WaitList<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitList").field("waiting", &self.waiting()).finish()
    }
}

impl<B: Barrier> WaitList<B> {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self {
            registered: AtomicUsize::new(0),
            line: Mutex::new(Line::default()),
            barrier: PhantomData,
        }
    }

    /// How many wait right now; only a hint while others come and go.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.registered.load(Ordering::Relaxed)
    }

    /// Blocks the thread until `attempt` succeeds or the wait ends; `None` means that it ended.
    ///
    /// `attempt` must say `None` only while the change waited for has not happened. The caller has normally tried
    /// once before; `Wait::Never` returns without another attempt.
    #[cold]
    pub fn block<R>(&self, wait: Wait, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        let deadline = match wait {
            Wait::Never => return None,
            Wait::Until(deadline) => Some(deadline),
            Wait::Forever => None,
        };
        if let Some(done) = spin(&mut attempt) {
            return Some(done);
        }
        let mut id = self.register(Sleeper::Thread(thread_current()));
        loop {
            if let Some(done) = attempt() {
                self.withdraw(id);
                return Some(done);
            }
            let out_of_time = match deadline {
                None => {
                    park();
                    false
                }
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => {
                        park_timeout(left);
                        false
                    }
                    _ => true,
                },
            };
            if out_of_time {
                return self.give_up(id, attempt);
            }
            if !self.is_registered(id) {
                // Woken: the token is ours, and pays for this attempt only.
                if let Some(done) = attempt() {
                    return Some(done);
                }
                id = self.register(Sleeper::Thread(thread_current()));
            }
        }
    }

    /// The asynchronous form of [`block`](Self::block): `Pending` means that `cx` is woken by the next change.
    pub fn poll<R>(&self, cx: &Context<'_>, waiter: &mut Waiter, mut attempt: impl FnMut() -> Option<R>) -> Poll<R> {
        if waiter.id != 0 && !self.refresh(waiter.id, cx.waker()) {
            waiter.id = 0;
        }
        if waiter.id == 0 {
            if let Some(done) = attempt() {
                return Poll::Ready(done);
            }
            waiter.id = self.register(Sleeper::Task(cx.waker().clone()));
        }
        match attempt() {
            Some(done) => {
                self.cancel(waiter);
                Poll::Ready(done)
            }
            None => Poll::Pending,
        }
    }

    /// Ends the wait of an operation that no longer wants to be woken.
    pub fn cancel(&self, waiter: &mut Waiter) {
        if waiter.id != 0 {
            self.withdraw(waiter.id);
            waiter.id = 0;
        }
    }

    /// Wakes up to `count` sleepers, the longest waiting first, and says whether there was one. Call it after the
    /// change.
    #[inline]
    pub fn notify(&self, count: usize) -> bool {
        B::notifier();
        self.registered.load(Ordering::Relaxed) != 0 && self.wake(count)
    }

    /// Wakes everybody. Call it after the change.
    pub fn notify_all(&self) {
        B::notifier();
        self.wake(usize::MAX);
    }

    #[cold]
    fn wake(&self, count: usize) -> bool {
        for woken in 0..count {
            let sleeper = {
                let mut line = self.lock();
                let sleeper = line.sleepers.pop_front();
                self.registered.store(line.sleepers.len(), Ordering::Relaxed);
                sleeper
            };
            // Outside the lock: a waker may run anything, this list included.
            match sleeper {
                Some((_, sleeper)) => sleeper.wake(),
                None => return woken > 0,
            }
        }
        count > 0
    }

    fn register(&self, sleeper: Sleeper) -> u64 {
        let id = {
            let mut line = self.lock();
            line.last_id += 1;
            let id = line.last_id;
            line.sleepers.push_back((id, sleeper));
            self.registered.store(line.sleepers.len(), Ordering::Relaxed);
            id
        };
        B::sleeper();
        id
    }

    /// Leaves the line; a token that had already been handed to us goes to the next one.
    fn withdraw(&self, id: u64) {
        if !self.remove(id) {
            self.notify(1);
        }
    }

    fn give_up<R>(&self, id: u64, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        let woken = !self.remove(id);
        let last = attempt();
        if woken && last.is_none() {
            self.notify(1);
        }
        last
    }

    fn remove(&self, id: u64) -> bool {
        let mut line = self.lock();
        let Some(position) = line.position(id) else {
            return false;
        };
        let sleeper = line.sleepers.remove(position);
        self.registered.store(line.sleepers.len(), Ordering::Relaxed);
        drop(line);
        // Dropping a waker may run anything, so not under the lock.
        drop(sleeper);
        true
    }

    fn is_registered(&self, id: u64) -> bool {
        self.lock().position(id).is_some()
    }

    /// Replaces the waker of a registered task; false when it is no longer in the line.
    fn refresh(&self, id: u64, waker: &Waker) -> bool {
        let mut line = self.lock();
        let Some(position) = line.position(id) else {
            return false;
        };
        let old = match line.sleepers.get_mut(position) {
            Some((_, Sleeper::Task(known))) if !known.will_wake(waker) => Some(std::mem::replace(known, waker.clone())),
            _ => None,
        };
        drop(line);
        drop(old);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // Nothing under the lock can panic halfway through a change.
        self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
