//! Models of the waiting list: every interleaving of a few threads within the bounds of the checker.
//!
//! Run by `cargo xtask loom`; without `--cfg loom` there is nothing here. What the sleepers wait for is kept in relaxed
//! atomics, so that only the list's own barriers order it.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc as Shared;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex, Notify};
use loom::thread;
use queue_core::Wait;
use queue_core::wait::{Locked, WaitList, Waiter};

/// Things that are counted and waited for.
struct Permits {
    free: AtomicUsize,
    list: WaitList,
}

impl Permits {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            free: AtomicUsize::new(0),
            list: WaitList::new(),
        })
    }

    fn give(&self) {
        self.free.fetch_add(1, Ordering::Relaxed);
        self.list.notify(1);
    }

    /// Looks before it takes: a read-modify-write alone would see the newest value whatever the barriers do.
    fn take(&self) -> Option<()> {
        let mut free = self.free.load(Ordering::Relaxed);
        while free > 0 {
            match self
                .free
                .compare_exchange(free, free - 1, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(()),
                Err(now) => free = now,
            }
        }
        None
    }

    fn wait(&self) {
        assert_eq!(self.list.block(Wait::Forever, || self.take()), Some(()));
    }
}

/// Wakes the thread that drives a task.
struct Alarm(Notify);

impl Alarm {
    fn new() -> (Shared<Self>, Waker) {
        let alarm = Shared::new(Self(Notify::new()));
        (Shared::clone(&alarm), Waker::from(alarm))
    }
}

impl Wake for Alarm {
    fn wake(self: Shared<Self>) {
        self.0.notify();
    }
}

/// Drives a task that waits for a permit until it has one.
fn drive(permits: &Permits, waiter: &mut Waiter) {
    let (alarm, waker) = Alarm::new();
    while permits
        .list
        .poll(&Context::from_waker(&waker), waiter, || permits.take())
        .is_pending()
    {
        alarm.0.wait();
    }
}

#[test]
fn a_change_wakes_the_blocked_thread() {
    loom::model(|| {
        let permits = Permits::new();
        let giver = thread::spawn({
            let permits = Arc::clone(&permits);
            move || permits.give()
        });
        permits.wait();
        giver.join().unwrap();
        assert_eq!(permits.list.waiting(), 0);
    });
}

#[test]
fn a_change_wakes_the_task_that_registers_meanwhile() {
    loom::model(|| {
        let permits = Permits::new();
        let giver = thread::spawn({
            let permits = Arc::clone(&permits);
            move || permits.give()
        });
        let mut waiter = Waiter::new();
        drive(&permits, &mut waiter);
        giver.join().unwrap();
        assert_eq!((permits.list.waiting(), waiter.is_armed()), (0, false));
    });
}

#[test]
fn two_changes_wake_two_sleepers() {
    loom::model(|| {
        let permits = Permits::new();
        let sleepers = [(); 2].map(|()| {
            let permits = Arc::clone(&permits);
            thread::spawn(move || permits.wait())
        });
        permits.give();
        permits.give();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        assert_eq!(permits.list.waiting(), 0);
    });
}

#[test]
fn a_cancelled_task_passes_its_wake_up_on() {
    loom::model(|| {
        let permits = Permits::new();
        let sleeper = thread::spawn({
            let permits = Arc::clone(&permits);
            move || permits.wait()
        });
        let fickle = thread::spawn({
            let permits = Arc::clone(&permits);
            move || {
                let (_alarm, waker) = Alarm::new();
                let mut waiter = Waiter::new();
                // Registers whatever there is, and gives up.
                let polled = permits
                    .list
                    .poll(&Context::from_waker(&waker), &mut waiter, || None::<()>);
                assert!(polled.is_pending());
                permits.list.cancel(&mut waiter);
            }
        });
        permits.give();
        sleeper.join().unwrap();
        fickle.join().unwrap();
        assert_eq!(permits.list.waiting(), 0);
    });
}

#[test]
fn a_timeout_passes_its_wake_up_on() {
    loom::model(|| {
        let permits = Permits::new();
        let sleeper = thread::spawn({
            let permits = Arc::clone(&permits);
            move || permits.wait()
        });
        let late = thread::spawn({
            let permits = Arc::clone(&permits);
            // A limit that has passed: registers, and finds that there is no time left.
            move || assert_eq!(permits.list.block(Wait::Until(Instant::now()), || None::<()>), None)
        });
        permits.give();
        sleeper.join().unwrap();
        late.join().unwrap();
        assert_eq!(permits.list.waiting(), 0);
    });
}

#[test]
fn closing_wakes_everybody() {
    loom::model(|| {
        let closed = Permits::new();
        let sleepers = [(); 2].map(|()| {
            let closed = Arc::clone(&closed);
            thread::spawn(move || {
                closed.list.block(Wait::Forever, || {
                    (closed.free.load(Ordering::Relaxed) > 0).then_some(())
                })
            })
        });
        closed.free.store(1, Ordering::Relaxed);
        closed.list.notify_all();
        for sleeper in sleepers {
            assert_eq!(sleeper.join().unwrap(), Some(()));
        }
    });
}

#[test]
fn the_waker_of_the_last_poll_is_the_one_that_is_woken() {
    loom::model(|| {
        let permits = Permits::new();
        let mut waiter = Waiter::new();
        let (_old, waker) = Alarm::new();
        let first = permits
            .list
            .poll(&Context::from_waker(&waker), &mut waiter, || permits.take());
        assert_eq!(first, Poll::Pending);
        let giver = thread::spawn({
            let permits = Arc::clone(&permits);
            move || permits.give()
        });
        drive(&permits, &mut waiter);
        giver.join().unwrap();
        assert_eq!(permits.list.waiting(), 0);
    });
}

/// Things under a lock, which is all that orders them with the list.
struct Shelf {
    things: Mutex<usize>,
    // The same number for a look without the lock: what the queue must not do.
    shown: AtomicUsize,
    closed: AtomicBool,
    list: WaitList<Locked>,
}

/// Whether this run plants the fault of that name.
fn planted(fault: &str) -> bool {
    std::env::var("LOOM_MUTANT").is_ok_and(|name| name == fault)
}

impl Shelf {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            things: Mutex::new(0),
            shown: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            list: WaitList::new(),
        })
    }

    fn put(&self) {
        let mut things = self.things.lock().unwrap();
        *things += 1;
        self.shown.store(*things, Ordering::Relaxed);
        drop(things);
        self.list.notify(1);
    }

    /// True for a thing, false when there will be none.
    fn take(&self) -> Option<bool> {
        if planted("look-without-lock") && self.shown.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let mut things = self.things.lock().unwrap();
        if *things > 0 {
            *things -= 1;
            self.shown.store(*things, Ordering::Relaxed);
            return Some(true);
        }
        drop(things);
        self.closed.load(Ordering::SeqCst).then_some(false)
    }

    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        if !planted("close-beside-lock") {
            drop(self.things.lock().unwrap());
        }
        self.list.notify_all();
    }
}

#[test]
fn a_lock_orders_a_change_with_the_sleepers() {
    loom::model(|| {
        let shelf = Shelf::new();
        let sleepers = [(); 2].map(|()| {
            let shelf = Arc::clone(&shelf);
            thread::spawn(move || assert_eq!(shelf.list.block(Wait::Forever, || shelf.take()), Some(true)))
        });
        shelf.put();
        shelf.put();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        assert_eq!(shelf.list.waiting(), 0);
    });
}

#[test]
fn a_lock_orders_a_change_with_a_task() {
    loom::model(|| {
        let shelf = Shelf::new();
        let putter = thread::spawn({
            let shelf = Arc::clone(&shelf);
            move || shelf.put()
        });
        let (alarm, waker) = Alarm::new();
        let mut waiter = Waiter::new();
        let cx = Context::from_waker(&waker);
        while shelf.list.poll(&cx, &mut waiter, || shelf.take()).is_pending() {
            alarm.0.wait();
        }
        putter.join().unwrap();
        assert_eq!((shelf.list.waiting(), waiter.is_armed()), (0, false));
    });
}

#[test]
fn a_change_beside_the_lock_is_announced_after_it() {
    loom::model(|| {
        let shelf = Shelf::new();
        let sleepers = [(); 2].map(|()| {
            let shelf = Arc::clone(&shelf);
            thread::spawn(move || assert_eq!(shelf.list.block(Wait::Forever, || shelf.take()), Some(false)))
        });
        shelf.close();
        for sleeper in sleepers {
            sleeper.join().unwrap();
        }
        assert_eq!(shelf.list.waiting(), 0);
    });
}
