//! Clause 4, the other half: whoever waits is woken by what it waits for.

use std::time::Duration;

use descriptor_core::{GetError, PutError, QueueExt};

use crate::{Dice, Probe, Run, join, linger, spawn, spawn_many};

pub(crate) fn an_item_wakes_a_getter(run: &Run) {
    for _ in 0..run.times(30) {
        let queue = run.queue::<u64>(1);
        let getter = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        linger();
        assert!(queue.put(1).is_ok());
        assert_eq!(join(getter).ok(), Some(1));
    }
}

/// Two threads hand one item to and fro: each is woken, or about to fall asleep, again and again.
pub(crate) fn ping_pong_never_stops(run: &Run) {
    let (there, back) = (run.queue::<u64>(1), run.queue::<u64>(1));
    let echo = spawn({
        let (there, back) = (there.clone(), back.clone());
        move || {
            while let Ok(item) = there.get() {
                assert!(back.put(item).is_ok());
            }
        }
    });
    for number in 0..run.times(5_000) as u64 {
        assert!(there.put(number).is_ok());
        assert_eq!(back.get().ok(), Some(number));
    }
    there.close();
    join(echo);
}

pub(crate) fn room_wakes_a_putter(run: &Run) {
    for _ in 0..run.times(30) {
        let queue = run.queue::<u64>(1);
        assert!(queue.put(0).is_ok());
        let putter = spawn({
            let queue = queue.clone();
            move || queue.put(1)
        });
        linger();
        assert_eq!(queue.get().ok(), Some(0));
        assert!(join(putter).is_ok());
        assert_eq!(queue.get().ok(), Some(1));
    }
}

pub(crate) fn as_many_items_wake_as_many_getters(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = run.queue::<u64>(8);
        let getters = spawn_many(6, {
            let queue = queue.clone();
            move |_| queue.get()
        });
        linger();
        for number in 0..6 {
            assert!(queue.put(number).is_ok());
        }
        let mut items: Vec<u64> = getters.into_iter().filter_map(|getter| join(getter).ok()).collect();
        items.sort_unstable();
        assert_eq!(items, [0, 1, 2, 3, 4, 5]);
    }
}

pub(crate) fn as_much_room_wakes_as_many_putters(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = run.queue::<u64>(3);
        for _ in 0..3 {
            assert!(queue.put(9).is_ok());
        }
        let putters = spawn_many(6, {
            let queue = queue.clone();
            move |number| queue.put(number as u64)
        });
        linger();
        let mut items: Vec<u64> = (0..9).filter_map(|_| queue.get().ok()).collect();
        assert!(putters.into_iter().map(join).all(|put| put.is_ok()));
        items.sort_unstable();
        assert_eq!(items, [0, 1, 2, 3, 4, 5, 9, 9, 9]);
    }
}

pub(crate) fn items_wake_pending_tasks(run: &Run) {
    let queue = run.queue::<u64>(4);
    let getters: Vec<_> = (0..3).map(|_| Probe::pending(queue.get_async())).collect();
    for number in 0..3 {
        assert!(queue.put(number).is_ok());
    }
    let items: Vec<_> = getters
        .into_iter()
        .map(|getter| getter.finish_when_woken().ok())
        .collect();
    assert_eq!(items, [Some(0), Some(1), Some(2)]);
}

/// A getter that gives up just as an item comes either takes it or leaves the wake-up to the one behind.
pub(crate) fn a_timeout_does_not_swallow_a_wake_up(run: &Run) {
    let mut dice = Dice::new(4);
    for _ in 0..run.times(600) {
        let queue = run.queue::<u64>(1);
        let limit = Duration::from_micros(1 + dice.below(120));
        let impatient = spawn({
            let queue = queue.clone();
            move || queue.get_timeout(limit)
        });
        let patient = spawn({
            let queue = queue.clone();
            move || queue.get()
        });
        dice.dawdle(20_000);
        assert!(queue.put(1).is_ok());
        match join(impatient) {
            Ok(item) => {
                assert_eq!(item, 1);
                assert!(queue.put(2).is_ok());
                assert_eq!(join(patient).ok(), Some(2));
            }
            Err(GetError::Empty) => assert_eq!(join(patient).ok(), Some(1)),
            Err(failure) => panic!("{failure:?}"),
        }
    }
}

/// The same for putters and room.
pub(crate) fn a_timeout_does_not_swallow_room(run: &Run) {
    let mut dice = Dice::new(5);
    for _ in 0..run.times(600) {
        let queue = run.queue::<u64>(1);
        assert!(queue.put(0).is_ok());
        let limit = Duration::from_micros(1 + dice.below(120));
        let impatient = spawn({
            let queue = queue.clone();
            move || queue.put_timeout(1, limit)
        });
        let patient = spawn({
            let queue = queue.clone();
            move || queue.put(2)
        });
        dice.dawdle(20_000);
        assert_eq!(queue.get().ok(), Some(0));
        match join(impatient) {
            Ok(()) => {
                let sum = queue.get().unwrap_or(0) + queue.get().unwrap_or(0);
                assert_eq!(sum, 3);
                assert!(join(patient).is_ok());
            }
            Err(PutError::Full(item)) => {
                assert_eq!(item, 1);
                assert_eq!(queue.get().ok(), Some(2));
                assert!(join(patient).is_ok());
            }
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}
