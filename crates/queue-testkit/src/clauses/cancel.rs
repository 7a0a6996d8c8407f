//! Clause 7: futures that are dropped, moved and polled in odd ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use descriptor_core::{DynQueue, QueueExt};

use crate::{Actor, Flow, Probe, Run, Verb, join, linger, on_tokio, spawn, until};

fn full(run: &Run) -> DynQueue<u64> {
    let queue = run.queue::<u64>(1);
    assert!(queue.put(0).is_ok());
    queue
}

pub(crate) fn a_future_never_polled_does_nothing(run: &Run) {
    let queue = run.queue::<u64>(2);
    drop(queue.put_async(7));
    assert!(queue.try_get().is_err(), "a put that was never polled stored its item");
    assert!(queue.put(1).is_ok());
    drop(queue.get_async());
    assert_eq!(queue.get().ok(), Some(1));
}

pub(crate) fn a_dropped_get_takes_nothing(run: &Run) {
    let queue = run.queue::<u64>(4);
    drop(Probe::pending(queue.get_async()));
    assert!(queue.put(1).is_ok());
    let is_taken = Arc::new(AtomicBool::new(false));
    let mut late = Probe::new({
        let (queue, is_taken) = (queue.clone(), Arc::clone(&is_taken));
        async move {
            assert_eq!(queue.get_async().await.ok(), Some(1));
            is_taken.store(true, Ordering::SeqCst);
            queue.get_async().await
        }
    });
    assert!(late.poll().is_pending());
    // Where the item is at a server, it has to come first.
    while !is_taken.load(Ordering::SeqCst) {
        until(|| late.is_woken());
        assert!(late.poll().is_pending());
    }
    drop(late);
    assert!(queue.put(2).is_ok());
    assert_eq!(queue.get().ok(), Some(2));
}

pub(crate) fn a_dropped_put_stores_nothing(run: &Run) {
    let queue = full(run);
    drop(Probe::pending(queue.put_async(7)));
    assert_eq!(queue.get().ok(), Some(0));
    assert!(queue.try_get().is_err(), "a dropped put stored its item");
    assert!(queue.put(1).is_ok());
    assert_eq!(queue.get().ok(), Some(1));
}

/// The first waiter is woken and dropped before it looks: the item stays, and the second one is woken for it.
pub(crate) fn a_get_dropped_after_its_wake_up_passes_it_on(run: &Run) {
    let queue = run.queue::<u64>(2);
    for number in 0..3 {
        let (first, second) = (Probe::pending(queue.get_async()), Probe::pending(queue.get_async()));
        assert!(queue.put(number).is_ok());
        until(|| first.is_woken() || second.is_woken());
        let (dropped, other) = if first.is_woken() {
            (first, second)
        } else {
            (second, first)
        };
        drop(dropped);
        assert_eq!(other.finish_when_woken().ok(), Some(number));
    }
}

pub(crate) fn a_put_dropped_after_its_wake_up_passes_it_on(run: &Run) {
    for _ in 0..3 {
        let queue = full(run);
        let (first, second) = (Probe::pending(queue.put_async(1)), Probe::pending(queue.put_async(2)));
        assert_eq!(queue.get().ok(), Some(0));
        until(|| first.is_woken() || second.is_woken());
        let first_woken = first.is_woken();
        let (dropped, other, expected) = if first_woken {
            (first, second, 2)
        } else {
            (second, first, 1)
        };
        drop(dropped);
        assert!(other.finish_when_woken().is_ok());
        assert_eq!(queue.get().ok(), Some(expected));
    }
}

/// What a dropped future was woken for goes to a sleeping thread just as well.
pub(crate) fn a_dropped_task_passes_its_wake_up_to_a_thread(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = run.queue::<u64>(2);
        let task = Probe::pending(queue.get_async());
        let thread = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        linger();
        assert!(queue.put(1).is_ok());
        drop(task);
        assert_eq!(join(thread).ok(), Some(1));
    }
}

/// Dropped while still in line: the wake-up must not go to the one who left.
pub(crate) fn a_dropped_waiter_leaves_the_line(run: &Run) {
    let queue = run.queue::<u64>(2);
    let gone: Vec<_> = (0..5).map(|_| Probe::pending(queue.get_async())).collect();
    let waiting = Probe::pending(queue.get_async());
    drop(gone);
    assert!(queue.put(1).is_ok());
    assert_eq!(waiting.finish_when_woken().ok(), Some(1));

    let queue = full(run);
    let gone: Vec<_> = (0..5).map(|_| Probe::pending(queue.put_async(7))).collect();
    let waiting = Probe::pending(queue.put_async(1));
    drop(gone);
    assert_eq!(queue.get().ok(), Some(0));
    assert!(waiting.finish_when_woken().is_ok());
    assert_eq!(queue.get().ok(), Some(1));
    assert!(queue.try_get().is_err(), "a dropped put stored its item");
}

/// Woken, but a rival was faster: the future waits again and is woken again.
pub(crate) fn a_wake_up_for_nothing_waits_again(run: &Run) {
    let queue = run.queue::<u64>(1);
    let mut getter = Probe::pending(queue.get_async());
    for number in 0..5 {
        assert!(queue.put(number).is_ok());
        until(|| getter.is_woken());
        assert_eq!(
            queue.get().ok(),
            Some(number),
            "the item belongs to the first who takes it"
        );
        assert!(getter.poll().is_pending());
    }
    assert!(queue.put(9).is_ok());
    assert_eq!(getter.finish_when_woken().ok(), Some(9));
}

pub(crate) fn the_last_waker_is_the_one_that_counts(run: &Run) {
    let queue = full(run);
    let mut putter = Probe::pending(queue.put_async(1));
    for _ in 0..3 {
        putter.change_waker();
        assert!(putter.poll().is_pending());
    }
    assert_eq!(queue.get().ok(), Some(0));
    assert!(putter.finish_when_woken().is_ok());
    assert_eq!(queue.get().ok(), Some(1));
    let mut getter = Probe::pending(queue.get_async());
    for _ in 0..3 {
        getter.change_waker();
        assert!(getter.poll().is_pending());
    }
    assert!(queue.put(2).is_ok());
    assert_eq!(getter.finish_when_woken().ok(), Some(2));
}

pub(crate) fn a_future_can_move_to_another_task(run: &Run) {
    let queue = run.queue::<u64>(1);
    on_tokio(async move {
        for number in 0..10 {
            let mut get = Box::pin({
                let queue = queue.clone();
                async move { queue.get_async().await.ok() }
            });
            assert!(crate::between(get.as_mut(), Duration::from_micros(1)).await.is_none());
            let moved = tokio::spawn(get);
            assert!(queue.put_async(number).await.is_ok());
            assert_eq!(moved.await.ok(), Some(Some(number)));
        }
    });
}

/// Futures raced against random moments, as in a `select!`: whatever loses has done nothing.
pub(crate) fn futures_given_up_at_random_lose_nothing(run: &Run) {
    let (hasty, patient) = (Actor::Task(Verb::GiveUp), Actor::Task(Verb::Wait));
    Flow::new(1, 6_000).put(3, hasty).get(3, hasty).check(run);
    Flow::new(2, 6_000)
        .put(2, patient)
        .get(3, hasty)
        .get(1, patient)
        .check(run);
    Flow::new(2, 6_000)
        .put(3, hasty)
        .put(1, patient)
        .get(2, patient)
        .check(run);
}

/// Patient threads live on the wake-ups that hasty tasks leave behind.
pub(crate) fn futures_given_up_beside_threads_lose_nothing(run: &Run) {
    let (hasty, thread) = (Actor::Task(Verb::GiveUp), Actor::Thread(Verb::Wait));
    Flow::new(1, 6_000)
        .put(2, thread)
        .get(2, hasty)
        .get(2, thread)
        .check(run);
    Flow::new(1, 6_000)
        .put(2, hasty)
        .put(2, thread)
        .get(2, thread)
        .check(run);
}

pub(crate) fn a_dropped_stream_takes_nothing(run: &Run) {
    use futures_util::StreamExt;
    let queue = run.queue::<u64>(4);
    {
        let mut stream = queue.stream();
        let mut next = Probe::pending(stream.next());
        assert!(queue.put(1).is_ok());
        until(|| next.is_woken());
        assert_eq!(next.poll(), std::task::Poll::Ready(Some(1)));
        drop(next);
        drop(Probe::pending(stream.next()));
        assert!(queue.put(2).is_ok());
    }
    assert_eq!(queue.get().ok(), Some(2));
}
