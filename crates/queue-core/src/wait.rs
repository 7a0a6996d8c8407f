//! Waiting for a queue to change: threads and tasks in one line, first come, first woken.
//!
//! A queue owns two [`WaitList`]s, one for those who want an item and one for those who want room. The protocol is
//! an eventcount: a sleeper *registers*, then looks again, and only then sleeps; whoever changes the queue looks for
//! registered sleepers *after* the change. Full barriers on both sides make sure that at least one of them sees the
//! other, so no wake-up is lost.
//!
//! Who pays for the barriers depends on how often somebody sleeps. A list is *quiet* until the first sleeper comes: a
//! notification is then one load, and that sleeper makes every running thread of the process execute a barrier (see
//! [`Barrier`]). From then on the list is *busy*: each side executes its own barrier, which is cheap for a sleeper and
//! dear for a notification. After a number of notifications that met nobody the list is quiet again.
//!
//! A wake-up is a token: it is meant for one change of the queue. A sleeper that was woken and does not need it
//! (it succeeded on its own, timed out or was dropped) passes it on.

mod turns;
mod waiter;

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use crate::Wait;
use crate::sync::{
    AtomicU32, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, Thread, change_before_look, full_barrier, park,
    park_timeout, planted, thread_current,
};

use self::turns::Turns;
pub use self::waiter::Waiter;

/// How a sleeper makes those who do not look for barriers execute one.
pub trait Barrier: Send + Sync + 'static {
    /// Whether there is such a means here. A list that has none is always busy.
    fn is_available() -> bool;

    /// Makes every running thread of the process execute a full barrier before this returns. Only called where it is
    /// available.
    fn everywhere();

    /// False when the queue itself orders a change with the look of a sleeper, so that nobody has to.
    #[must_use]
    fn is_needed() -> bool {
        true
    }
}

/// No such means: every notification executes a barrier.
#[derive(Clone, Copy, Debug)]
pub struct Fence;

impl Barrier for Fence {
    #[inline]
    fn is_available() -> bool {
        false
    }

    fn everywhere() {}
}

/// No barrier at all, for a queue with a lock: every change is made under it, and so is every look of a sleeper, or the one
/// who makes the change takes the lock between the change and the notification.
///
/// Either the sleeper has the lock after the change and sees it, or it had it before; then what it wrote into the list
/// before is seen by whoever had the lock after it.
#[derive(Clone, Copy, Debug)]
pub struct Locked;

impl Barrier for Locked {
    #[inline]
    fn is_available() -> bool {
        true
    }

    fn everywhere() {}

    #[inline]
    fn is_needed() -> bool {
        false
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

/// Ids are unique in the process: one that is shown to the wrong list is not in it.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct Line {
    // Ids are drawn under the lock, so they ascend from front to back and one is found by binary search.
    sleepers: VecDeque<(u64, Sleeper)>,
}

impl Line {
    fn position(&self, id: u64) -> Option<usize> {
        self.sleepers.binary_search_by_key(&id, |(id, _)| *id).ok()
    }
}

/// Set in the word of a list while it is busy; sleepers are counted above it.
const BUSY: usize = 1;
const ONE_SLEEPER: usize = 2;

/// Notifications in a row that meet nobody before a list is quiet again: their barriers cost about as much as the one
/// barrier everywhere that the next sleeper then pays.
const CALM: u32 = if cfg!(loom) { 1 } else { 512 };

/// The line of those who wait for one kind of change.
pub struct WaitList<B: Barrier = Fence> {
    // The busy mark and the length of the line; the only thing a notifier looks at while the list is quiet. Written
    // under the lock only.
    word: AtomicUsize,
    line: Mutex<Line>,
    // Notifications that met nobody, since somebody slept.
    in_vain: AtomicU32,
    turns: Turns,
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

/// One round of wake-ups. A waker is foreign code: when one panics, the others still get their call.
struct Round<'a, B: Barrier> {
    list: &'a WaitList<B>,
    last: u64,
    left: usize,
}

impl<B: Barrier> Round<'_, B> {
    fn wake_one(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        match self.list.pop(self.last) {
            // Outside the lock: a waker may run anything, this list included.
            Some(sleeper) => {
                sleeper.wake();
                true
            }
            None => {
                self.left = 0;
                false
            }
        }
    }
}

impl<B: Barrier> Drop for Round<'_, B> {
    fn drop(&mut self) {
        while self.wake_one() {}
    }
}

/// A place in the line that is given up when the attempt it belongs to panics.
struct Place<'a, B: Barrier> {
    list: &'a WaitList<B>,
    id: u64,
}

impl<B: Barrier> Drop for Place<'_, B> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.list.withdraw(self.id);
        }
    }
}

impl<B: Barrier> WaitList<B> {
    /// An empty line.
    #[must_use]
    pub fn new() -> Self {
        Self {
            word: AtomicUsize::new(if B::is_available() { 0 } else { BUSY }),
            line: Mutex::new(Line::default()),
            in_vain: AtomicU32::new(0),
            turns: Turns::new(),
            barrier: PhantomData,
        }
    }

    pub(crate) const fn turns(&self) -> &Turns {
        &self.turns
    }

    /// How many wait right now; only a hint while others come and go.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.word.load(Ordering::Relaxed) / ONE_SLEEPER
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
        let mut place = Place {
            list: self,
            id: self.register(Sleeper::Thread(thread_current())),
        };
        loop {
            if !planted("block-without-recheck")
                && let Some(done) = attempt()
            {
                self.withdraw(place.id);
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
                return self.give_up(place.id, attempt);
            }
            if !self.is_registered(place.id) {
                // Woken: the token is ours, and pays for this attempt only.
                if let Some(done) = attempt() {
                    return Some(done);
                }
                place.id = self.register(Sleeper::Thread(thread_current()));
            }
        }
    }

    /// The asynchronous form of [`block`](Self::block): `Pending` means that `cx` is woken by the next change.
    pub fn poll<R>(&self, cx: &Context<'_>, waiter: &mut Waiter, mut attempt: impl FnMut() -> Option<R>) -> Poll<R> {
        if waiter.id() != 0 && !self.refresh(waiter.id(), cx.waker()) {
            waiter.set_id(0);
        }
        if waiter.id() == 0 {
            if let Some(done) = attempt() {
                return Poll::Ready(done);
            }
            waiter.set_id(self.register(Sleeper::Task(cx.waker().clone())));
            if planted("poll-without-recheck") {
                return Poll::Pending;
            }
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
        if waiter.id() != 0 {
            self.withdraw(waiter.id());
        }
        waiter.set_id(0);
    }

    /// Wakes up to `count` sleepers, the longest waiting first, and says whether there was one. Call it after the
    /// change.
    #[inline]
    pub fn notify(&self, count: usize) -> bool {
        change_before_look(|| B::is_available() && B::is_needed());
        self.word.load(Ordering::Relaxed) != 0 && self.notify_busy(count)
    }

    /// Wakes everybody who is in the line now. Call it after the change.
    pub fn notify_all(&self) {
        self.notify(if planted("close-wakes-one") { 1 } else { usize::MAX });
    }

    #[cold]
    fn notify_busy(&self, count: usize) -> bool {
        if B::is_needed() && !planted("notifier-without-barrier") {
            full_barrier();
        }
        if self.word.load(Ordering::Relaxed) / ONE_SLEEPER != 0 {
            return self.wake(count);
        }
        if B::is_available() {
            // Not exact when several notify at once, and need not be.
            let in_vain = self.in_vain.load(Ordering::Relaxed) + 1;
            self.in_vain.store(in_vain, Ordering::Relaxed);
            if in_vain >= CALM {
                self.calm_down();
            }
        }
        false
    }

    /// Makes the list quiet, unless somebody is in it.
    #[cold]
    fn calm_down(&self) {
        let line = self.lock();
        if line.sleepers.is_empty() {
            self.word.store(0, Ordering::Relaxed);
        }
        self.in_vain.store(0, Ordering::Relaxed);
    }

    #[cold]
    fn wake(&self, count: usize) -> bool {
        // Those who come back while this goes on have seen the change: they wait for the next one.
        let last = match count {
            1 => u64::MAX,
            _ => self.lock().sleepers.back().map_or(0, |(id, _)| *id),
        };
        let mut round = Round {
            list: self,
            last,
            left: count,
        };
        let mut woken = false;
        while round.wake_one() {
            woken = true;
        }
        woken
    }

    /// Takes the first sleeper out of the line, unless it came after `last`.
    fn pop(&self, last: u64) -> Option<Sleeper> {
        let mut line = self.lock();
        if line.sleepers.front().is_none_or(|(id, _)| *id > last) {
            return None;
        }
        let sleeper = line.sleepers.pop_front();
        self.count(&line);
        sleeper.map(|(_, sleeper)| sleeper)
    }

    fn register(&self, sleeper: Sleeper) -> u64 {
        let id = {
            let mut line = self.lock();
            let id = LAST_ID.fetch_add(1, Ordering::Relaxed) + 1;
            line.sleepers.push_back((id, sleeper));
            let quiet = self.word.load(Ordering::Relaxed) & BUSY == 0;
            self.count(&line);
            self.in_vain.store(0, Ordering::Relaxed);
            if quiet {
                // Under the lock: whoever registers next finds the list busy and relies on this barrier too.
                if !planted("sleeper-without-barrier") {
                    B::everywhere();
                }
            }
            id
        };
        if B::is_needed() && !planted("sleeper-without-barrier") {
            full_barrier();
        }
        id
    }

    /// Writes down how many sleep, and that notifiers have to look properly.
    fn count(&self, line: &Line) {
        let busy = if B::is_needed() { BUSY } else { 0 };
        self.word
            .store((line.sleepers.len() * ONE_SLEEPER) | busy, Ordering::Relaxed);
    }

    /// Leaves the line; a token that had already been handed to us goes to the next one.
    fn withdraw(&self, id: u64) {
        if !self.remove(id) && !planted("cancel-keeps-token") {
            self.notify(1);
        }
    }

    fn give_up<R>(&self, id: u64, mut attempt: impl FnMut() -> Option<R>) -> Option<R> {
        let woken = !self.remove(id);
        let last = attempt();
        if woken && last.is_none() && !planted("timeout-keeps-token") {
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
        self.count(&line);
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
        {
            let line = self.lock();
            match line.position(id).and_then(|position| line.sleepers.get(position)) {
                None => return false,
                Some((_, Sleeper::Task(known))) if !known.will_wake(waker) => {}
                Some(_) => return true,
            }
        }
        // Cloning and dropping a waker may run anything, so neither happens under the lock.
        let fresh = Sleeper::Task(waker.clone());
        let mut line = self.lock();
        let Some(position) = line.position(id) else {
            return false;
        };
        let old = line
            .sleepers
            .get_mut(position)
            .map(|(_, sleeper)| std::mem::replace(sleeper, fresh));
        drop(line);
        drop(old);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        // Nothing under the lock can panic halfway through a change.
        self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
