//! Clause 4: calls that do not wait, and calls that wait at least their limit.

use std::time::{Duration, Instant};

use descriptor_core::{DynQueue, GetError, PutError, QueueExt, Wait};

use crate::run::settle;
use crate::{Run, between, join, linger, on_tokio, spawn, spawn_many};

fn full(run: &Run) -> DynQueue<u64> {
    let queue = run.queue::<u64>(1);
    assert!(queue.put(1).is_ok());
    settle(&*queue);
    queue
}

pub(crate) fn try_calls_return(run: &Run) {
    let queue = run.queue::<u64>(1);
    assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    assert!(matches!(queue.get_within(Wait::Never), Err(GetError::Empty)));
    let queue = full(run);
    assert!(matches!(queue.try_put(2), Err(PutError::Full(2))));
    assert!(matches!(queue.put_within(2, Wait::Never), Err(PutError::Full(2))));
}

pub(crate) fn try_calls_return_beside_sleepers(run: &Run) {
    let queue = run.queue::<u64>(1);
    let getters = spawn_many(3, {
        let queue = queue.clone();
        move |_| queue.get().ok()
    });
    linger();
    for _ in 0..run.times(1_000) {
        assert!(matches!(queue.try_get(), Err(GetError::Empty)));
    }
    queue.close();
    assert!(getters.into_iter().map(join).all(|item| item.is_none()));

    let queue = full(run);
    let putters = spawn_many(3, {
        let queue = queue.clone();
        move |_| queue.put(2).is_ok()
    });
    linger();
    for _ in 0..run.times(1_000) {
        assert!(matches!(queue.try_put(3), Err(PutError::Full(3))));
    }
    queue.close();
    assert!(!putters.into_iter().any(join));
}

/// The limits a thread is held to; short ones catch rounding, longer ones a wait that is cut into pieces.
const LIMITS: [Duration; 4] = [
    Duration::from_nanos(1),
    Duration::from_micros(150),
    Duration::from_millis(2),
    Duration::from_millis(30),
];

pub(crate) fn a_get_waits_its_limit(run: &Run) {
    let queue = run.queue::<u64>(1);
    for limit in LIMITS {
        let start = Instant::now();
        assert!(matches!(queue.get_timeout(limit), Err(GetError::Empty)));
        assert!(
            start.elapsed() >= limit,
            "gave up after {:?} of {limit:?}",
            start.elapsed()
        );
        let (start, mut out) = (Instant::now(), Vec::new());
        assert!(matches!(
            queue.get_batch(&mut out, 5, limit.into()),
            Err(GetError::Empty)
        ));
        assert!(
            start.elapsed() >= limit,
            "a batch gave up after {:?} of {limit:?}",
            start.elapsed()
        );
    }
}

pub(crate) fn a_put_waits_its_limit(run: &Run) {
    let queue = full(run);
    for limit in LIMITS {
        let start = Instant::now();
        assert!(matches!(queue.put_timeout(7, limit), Err(PutError::Full(7))));
        assert!(
            start.elapsed() >= limit,
            "gave up after {:?} of {limit:?}",
            start.elapsed()
        );
        let start = Instant::now();
        let refused = queue.put_batch(&mut [7, 8].into(), limit.into());
        assert!(matches!(refused, Err(PutError::Full(()))));
        assert!(
            start.elapsed() >= limit,
            "a batch gave up after {:?} of {limit:?}",
            start.elapsed()
        );
    }
}

/// Rivals take every item, so the waiting call is woken again and again for nothing; its limit stays what it was.
pub(crate) fn a_wake_up_for_nothing_does_not_shorten_a_limit(run: &Run) {
    let queue = run.queue::<u64>(1);
    let limit = Duration::from_millis(20);
    let waiting = spawn({
        let queue = queue.clone();
        move || {
            let start = Instant::now();
            let result = queue.get_timeout(limit);
            (result.is_ok(), start.elapsed())
        }
    });
    let mut handed_over = 0;
    while !waiting.is_finished() {
        if queue.try_put(1).is_ok() {
            settle(&*queue);
            handed_over += usize::from(queue.try_get().is_err());
        }
        std::thread::yield_now();
    }
    let (got, waited) = join(waiting);
    // It either got an item that the rival then missed, or waited all of its time.
    assert!(got || waited >= limit, "gave up after {waited:?} of {limit:?}");
    assert!(!got || handed_over > 0, "an item came from nowhere");
}

pub(crate) fn a_task_can_be_given_a_limit(run: &Run) {
    let queue = run.queue::<u64>(1);
    let limit = Duration::from_millis(10);
    on_tokio(async move {
        let start = Instant::now();
        assert!(
            between(queue.get_async(), limit).await.is_none(),
            "an empty queue had an item"
        );
        assert!(start.elapsed() >= limit);
        assert!(queue.put_async(1).await.is_ok());
        assert!(
            between(queue.put_async(2), limit).await.is_none(),
            "a full queue had room"
        );
        assert_eq!(queue.get_async().await.ok(), Some(1));
        assert!(
            between(queue.get_async(), limit).await.is_none(),
            "a dropped put was stored"
        );
    });
}

pub(crate) fn a_deadline_in_the_past_still_does_what_it_can(run: &Run) {
    let queue = run.queue::<u64>(1);
    let now = Instant::now();
    for past in [now, now.checked_sub(Duration::from_millis(5)).unwrap_or(now)] {
        let past = Wait::Until(past);
        assert!(matches!(queue.get_within(past), Err(GetError::Empty)));
        assert!(queue.put_within(4, past).is_ok(), "there was room");
        settle(&*queue);
        assert!(matches!(queue.put_within(5, past), Err(PutError::Full(5))));
        assert_eq!(queue.get_within(past).ok(), Some(4), "there was an item");
    }
}

pub(crate) fn zero_is_a_try(run: &Run) {
    let queue = run.queue::<u64>(1);
    assert!(matches!(queue.get_timeout(Duration::ZERO), Err(GetError::Empty)));
    assert!(queue.put_timeout(1, Duration::ZERO).is_ok());
    settle(&*queue);
    assert!(matches!(queue.put_timeout(2, Duration::ZERO), Err(PutError::Full(2))));
    assert_eq!(queue.get_timeout(Duration::ZERO).ok(), Some(1));
}

pub(crate) fn the_longest_limit_is_for_ever(run: &Run) {
    let queue = run.queue::<u64>(1);
    let getter = spawn({
        let queue = queue.clone();
        move || queue.get_timeout(Duration::MAX)
    });
    linger();
    assert!(queue.put_timeout(1, Duration::MAX).is_ok());
    assert_eq!(join(getter).ok(), Some(1));

    assert!(queue.put_timeout(2, Duration::MAX).is_ok());
    let putter = spawn({
        let queue = queue.clone();
        move || queue.put_timeout(3, Duration::MAX)
    });
    linger();
    assert_eq!(queue.get_timeout(Duration::MAX).ok(), Some(2));
    assert!(join(putter).is_ok());
    assert_eq!(queue.get_timeout(Duration::MAX).ok(), Some(3));
}
