//! Closing while foreign code misbehaves.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use descriptor_core::{PutError, Queue, QueueCore, QueueExt};
use queue_sage::SageQueue;

/// Counts its calls, and panics if it is told to.
struct Alarm {
    calls: AtomicUsize,
    panics: bool,
}

impl Alarm {
    fn new(panics: bool) -> (Arc<Self>, Waker) {
        let calls = AtomicUsize::new(0);
        let alarm = Arc::new(Self { calls, panics });
        (Arc::clone(&alarm), Waker::from(alarm))
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics, "a waker that panics");
    }
}

/// Between two steps of others a queue may have sleepers at both ends: the item woke one getter and is still there.
#[test]
fn a_waker_that_panics_keeps_nobody_at_the_other_end() {
    let queue = SageQueue::new(1).unwrap();
    let (_, first) = Alarm::new(false);
    let (_, brittle) = Alarm::new(true);
    let (putter, waker) = Alarm::new(false);
    let mut woken = pin!(queue.get_async());
    assert!(woken.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
    let mut asleep = pin!(queue.get_async());
    assert!(asleep.as_mut().poll(&mut Context::from_waker(&brittle)).is_pending());
    queue.put(1).unwrap();
    let mut put = pin!(queue.put_async(2));
    assert!(put.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());

    assert!(catch_unwind(AssertUnwindSafe(|| queue.close())).is_err());
    assert_eq!(putter.calls.load(Ordering::Relaxed), 1, "it waits for what never comes");
    let end = put.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(end, Poll::Ready(Err(PutError::Closed(2)))));
}
