//! What the models share.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc as Shared;
use std::task::{Context, Poll, Wake, Waker};

use descriptor_core::{GetError, Queue};
use loom::sync::{Arc, Notify};
use loom::thread::{self, JoinHandle};
use queue_sage::SageQueue;

/// The ring under test. Items are boxed, so that an item lost or taken twice is a leak or a crash as well.
pub(crate) type Boxes = SageQueue<Box<u8>>;

pub(crate) fn ring(capacity: usize) -> Arc<Boxes> {
    Arc::new(SageQueue::new(capacity).unwrap())
}

/// A model in which several threads block: a bound of three takes minutes, and two finds the same faults.
pub(crate) fn crowded(model: impl Fn() + Sync + Send + 'static) {
    let mut checker = loom::model::Builder::new();
    checker.preemption_bound = checker.preemption_bound.map(|bound| bound.min(2));
    checker.check(model);
}

/// A thread of the model that works on the ring.
pub(crate) fn spawn<R: 'static>(ring: &Arc<Boxes>, work: impl FnOnce(&Boxes) -> R + 'static) -> JoinHandle<R> {
    let ring = Arc::clone(ring);
    thread::spawn(move || work(&ring))
}

/// Takes what comes until the ring says `Closed`.
pub(crate) fn drain(ring: &Boxes) -> Vec<u8> {
    let mut got = Vec::new();
    loop {
        match ring.get() {
            Ok(item) => got.push(*item),
            Err(GetError::Closed) => return got,
            Err(other) => panic!("{other:?}"),
        }
    }
}

pub(crate) fn sorted(mut items: Vec<u8>) -> Vec<u8> {
    items.sort_unstable();
    items
}

/// Wakes the thread that drives a future.
pub(crate) struct Alarm(Notify);

impl Alarm {
    pub(crate) fn new() -> (Shared<Self>, Waker) {
        let alarm = Shared::new(Self(Notify::new()));
        (Shared::clone(&alarm), Waker::from(alarm))
    }
}

impl Wake for Alarm {
    fn wake(self: Shared<Self>) {
        self.0.notify();
    }
}

/// Drives a future to its end on this thread.
pub(crate) fn drive<F: Future>(future: F) -> F::Output {
    let (alarm, waker) = Alarm::new();
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        alarm.0.wait();
    }
}

/// Polls a future until it waits in line, and drops it: once to give a turn away, once more to register.
pub(crate) fn poll_twice<F: Future>(future: F) -> Poll<F::Output> {
    let (_alarm, waker) = Alarm::new();
    let (mut future, cx) = (pin!(future), &mut Context::from_waker(&waker));
    match future.as_mut().poll(cx) {
        Poll::Pending => future.poll(cx),
        done => done,
    }
}
