//! Models of the waiting list: every interleaving of a few threads within the bounds of the checker.
//!
//! Run by `cargo xtask loom`; without `--cfg loom` there is nothing here. What the sleepers wait for is kept in relaxed
//! atomics, so that only the list's own barriers order it.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::sync::Arc as Shared;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Instant;

use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;
use queue_core::Wait;
use queue_core::wait::{WaitList, Waiter};

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
