//! Clause 13: handles that go away in the middle of something.

use std::panic::{AssertUnwindSafe, catch_unwind};

use descriptor_core::{GetError, QueueExt};

use crate::{Probe, Run, join, linger, spawn, spawn_many};

pub(crate) fn dropping_a_handle_does_not_close(run: &Run) {
    let queue = run.queue::<u64>(2);
    for _ in 0..3 {
        drop(queue.clone());
    }
    assert!(!queue.is_closed());
    let other = queue.clone();
    assert!(queue.put(1).is_ok());
    drop(queue);
    assert!(!other.is_closed());
    assert_eq!(other.get().ok(), Some(1));
    assert!(matches!(other.try_get(), Err(GetError::Empty)));
}

pub(crate) fn a_call_outlives_the_other_handles(run: &Run) {
    for _ in 0..run.times(10) {
        let queue = run.queue::<u64>(1);
        let getter = spawn({
            let queue = queue.clone();
            move || (queue.get().ok(), queue.get().ok())
        });
        linger();
        spawn({
            let queue = queue.clone();
            move || queue.put(1).is_ok()
        });
        spawn(move || queue.put(2).is_ok());
        let (first, second) = join(getter);
        assert_eq!(first.unwrap_or(0) + second.unwrap_or(0), 3);
    }
}

pub(crate) fn a_pending_future_dropped_with_its_handle_leaves_it_usable(run: &Run) {
    let queue = run.queue::<u64>(1);
    for number in 0..10 {
        let handle = queue.clone();
        let mut task = Probe::pending(async move { handle.get_async().await });
        assert!(task.poll().is_pending());
        drop(task);
        assert!(queue.put(number).is_ok());
        let handle = queue.clone();
        drop(Probe::pending(async move { handle.put_async(99).await }));
        assert_eq!(queue.get().ok(), Some(number));
    }
    assert!(queue.try_get().is_err());
}

pub(crate) fn a_panicking_user_leaves_it_usable(run: &Run) {
    let queue = run.queue::<u64>(4);
    let users = spawn_many(4, {
        let queue = queue.clone();
        move |number| {
            let user = AssertUnwindSafe(|| {
                assert!(queue.put(number as u64).is_ok());
                let item = queue.get();
                std::panic::resume_unwind(Box::new(item.is_ok()));
            });
            matches!(catch_unwind(user), Err(panic) if panic.downcast_ref() == Some(&true))
        }
    });
    assert!(users.into_iter().all(join));
    for number in 0..4 {
        assert!(queue.put(number).is_ok());
    }
    assert_eq!(queue.drain().collect::<Vec<_>>(), [0, 1, 2, 3]);
}

pub(crate) fn queues_come_and_go(run: &Run) {
    for round in 0..run.times(200) as u64 {
        let queue = run.queue::<u64>(1 + round as usize % 3);
        let putter = spawn({
            let queue = queue.clone();
            move || queue.put(round).is_ok()
        });
        assert_eq!(queue.get().ok(), Some(round));
        drop(queue);
        assert!(join(putter));
    }
}
