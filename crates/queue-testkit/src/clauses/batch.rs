//! Clause 9: batches, and the iterators, streams and sinks built like them.

use std::collections::VecDeque;

use descriptor_core::{GetError, PutError, QueueExt, Wait};
use futures_util::{SinkExt, StreamExt, stream};

use crate::run::settle;
use crate::{Actor, Dice, Flow, Probe, Run, Verb, join, linger, on_tokio, spawn, spawn_many};

const THREAD: Actor = Actor::Thread(Verb::Batch);
const TASK: Actor = Actor::Task(Verb::Batch);

/// One queue is used by batches, its twin by single calls; they must agree after every step.
pub(crate) fn a_batch_equals_the_loop_of_singles(run: &Run) {
    let mut dice = Dice::new(10);
    for capacity in run.capacities().filter(|capacity| *capacity <= 64) {
        let (batched, single) = (run.queue::<u64>(capacity), run.queue::<u64>(capacity));
        for step in 0..run.times(400) {
            let size = dice.below(2 * capacity as u64 + 2);
            if dice.below(2) == 0 {
                let mut left: VecDeque<u64> = (0..size).map(|number| number + 1_000 * step as u64).collect();
                let mut expected = left.clone();
                while let Some(item) = expected.pop_front() {
                    if let Err(refusal) = single.try_put(item) {
                        expected.push_front(refusal.into_item());
                        break;
                    }
                    settle(&*single);
                }
                let stored = size - expected.len() as u64;
                match batched.put_batch(&mut left, Wait::Never) {
                    Ok(count) => assert!(
                        count as u64 == stored && (stored > 0 || size == 0),
                        "capacity {capacity}"
                    ),
                    Err(PutError::Full(())) => assert!(stored == 0 && size > 0, "capacity {capacity}"),
                    Err(refusal) => panic!("{refusal:?}"),
                }
                settle(&*batched);
                assert_eq!(left, expected, "capacity {capacity}: left of a batch of {size}");
            } else {
                let expected: Vec<u64> = (0..size).map_while(|_| single.try_get().ok()).collect();
                let mut out = Vec::new();
                match batched.get_batch(&mut out, size as usize, Wait::Never) {
                    Ok(count) => assert_eq!(count, out.len()),
                    Err(GetError::Empty) => assert!(expected.is_empty() && size > 0),
                    Err(failure) => panic!("{failure:?}"),
                }
                assert_eq!(out, expected, "capacity {capacity}: a batch of at most {size}");
            }
        }
    }
}

pub(crate) fn nothing_asked_is_nothing_done(run: &Run) {
    let queue = run.queue::<u64>(1);
    let mut out = vec![5];
    for wait in [Wait::Never, Wait::Forever] {
        assert_eq!(
            queue.get_batch(&mut out, 0, wait).ok(),
            Some(0),
            "0 items of an empty queue"
        );
        assert_eq!(queue.put_batch(&mut VecDeque::new(), wait).ok(), Some(0));
        assert!(queue.put(1).is_ok());
        assert_eq!(
            queue.put_batch(&mut VecDeque::new(), wait).ok(),
            Some(0),
            "0 items into a full queue"
        );
        assert_eq!(queue.get_batch(&mut out, 0, wait).ok(), Some(0));
        assert_eq!(queue.get().ok(), Some(1));
    }
    assert_eq!(Probe::new(queue.get_batch_async(&mut out, 0)).finish().ok(), Some(0));
    assert_eq!(
        Probe::new(queue.put_batch_async(&mut VecDeque::new())).finish().ok(),
        Some(0)
    );
    assert_eq!(out, [5]);
}

pub(crate) fn it_waits_for_the_first_only(run: &Run) {
    let queue = run.queue::<u64>(2);
    let mut items: VecDeque<u64> = (0..5).collect();
    assert_eq!(queue.put_batch(&mut items, Wait::Forever).ok(), Some(2));
    assert_eq!(items, [2, 3, 4]);
    let mut out = vec![9];
    assert_eq!(queue.get_batch(&mut out, usize::MAX, Wait::Forever).ok(), Some(2));
    assert_eq!(out, [9, 0, 1], "a batch appends");
    assert_eq!(Probe::new(queue.put_batch_async(&mut items)).finish().ok(), Some(2));
    assert_eq!(
        Probe::new(queue.get_batch_async(&mut out, usize::MAX)).finish().ok(),
        Some(2)
    );
    assert_eq!((items.len(), out), (1, vec![9, 0, 1, 2, 3]));
}

pub(crate) fn a_waiting_batch_is_woken(run: &Run) {
    for _ in 0..run.times(15) {
        let queue = run.queue::<u64>(2);
        let getter = spawn({
            let queue = queue.clone();
            move || {
                let mut out = Vec::new();
                let count = queue.get_batch(&mut out, 8, Wait::Forever);
                (count.ok(), out)
            }
        });
        linger();
        assert!(queue.put(0).is_ok());
        assert_eq!(join(getter), (Some(1), vec![0]));

        assert!(queue.put(1).is_ok() && queue.put(2).is_ok());
        let putter = spawn({
            let queue = queue.clone();
            move || {
                let mut items: VecDeque<u64> = [3, 4].into();
                let count = queue.put_batch(&mut items, Wait::Forever);
                (count.ok(), items.len())
            }
        });
        linger();
        assert_eq!(queue.get().ok(), Some(1));
        assert_eq!(join(putter), (Some(1), 1));
    }
}

pub(crate) fn it_wakes_as_many_as_it_serves(run: &Run) {
    let queue = run.queue::<u64>(4);
    let getters: Vec<_> = (0..4).map(|_| Probe::pending(queue.get_async())).collect();
    assert_eq!(queue.put_batch(&mut (0..4).collect(), Wait::Never).ok(), Some(4));
    let items: Vec<_> = getters
        .into_iter()
        .map(|getter| getter.finish_when_woken().ok())
        .collect();
    assert_eq!(items, [Some(0), Some(1), Some(2), Some(3)]);

    assert_eq!(queue.put_batch(&mut (0..4).collect(), Wait::Never).ok(), Some(4));
    let putters: Vec<_> = (4..8).map(|number| Probe::pending(queue.put_async(number))).collect();
    let mut out = Vec::new();
    assert_eq!(queue.get_batch(&mut out, 4, Wait::Forever).ok(), Some(4));
    assert!(putters.into_iter().all(|putter| putter.finish_when_woken().is_ok()));
    out.extend(queue.drain());
    assert_eq!(out, [0, 1, 2, 3, 4, 5, 6, 7]);
}

pub(crate) fn it_wakes_as_many_threads_as_it_serves(run: &Run) {
    for _ in 0..run.times(15) {
        let queue = run.queue::<u64>(4);
        let getters = spawn_many(4, {
            let queue = queue.clone();
            move |_| queue.get().is_ok()
        });
        linger();
        let mut items: VecDeque<u64> = (0..4).collect();
        while !items.is_empty() {
            assert!(queue.put_batch(&mut items, Wait::Forever).is_ok());
        }
        assert!(getters.into_iter().all(join));
    }
}

pub(crate) fn batches_lose_nothing(run: &Run) {
    Flow::new(64, 60_000).put(3, THREAD).get(3, THREAD).check(run);
    Flow::new(2, 20_000).put(3, THREAD).get(3, THREAD).check(run);
}

pub(crate) fn batches_of_tasks_lose_nothing(run: &Run) {
    Flow::new(16, 30_000).put(3, TASK).get(3, TASK).check(run);
    Flow::new(1, 10_000)
        .put(2, TASK)
        .put(2, THREAD)
        .get(2, TASK)
        .get(2, THREAD)
        .check(run);
}

pub(crate) fn a_dropped_batch_leaves_everything(run: &Run) {
    let queue = run.queue::<u64>(1);
    let mut out = Vec::new();
    drop(Probe::pending(queue.get_batch_async(&mut out, 3)));
    assert!(queue.put(1).is_ok());
    let mut items: VecDeque<u64> = [2, 3].into();
    drop(Probe::pending(queue.put_batch_async(&mut items)));
    assert_eq!((out.len(), &items), (0, &[2, 3].into()));
    assert_eq!(queue.get().ok(), Some(1));
    assert!(queue.try_get().is_err(), "a dropped batch stored an item");
}

pub(crate) fn iterators_end_where_they_should(run: &Run) {
    let queue = run.queue::<u64>(8);
    assert_eq!(queue.drain().next(), None, "drain waits for nothing");
    for number in 0..4 {
        assert!(queue.put(number).is_ok());
    }
    assert_eq!(queue.drain().take(2).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(queue.drain().collect::<Vec<_>>(), [2, 3]);
    let reader = spawn({
        let queue = queue.clone();
        move || queue.iter().collect::<Vec<_>>()
    });
    for number in 0..20 {
        assert!(queue.put(number).is_ok());
    }
    queue.close();
    assert_eq!(join(reader), (0..20).collect::<Vec<_>>());
}

pub(crate) fn a_stream_and_a_sink_carry_everything(run: &Run) {
    let queue = run.queue::<u64>(3);
    let count = run.times(3_000) as u64;
    on_tokio(async move {
        let reader = tokio::spawn({
            let queue = queue.clone();
            async move { queue.stream().collect::<Vec<_>>().await }
        });
        let mut sink = queue.sink();
        sink.send_all(&mut stream::iter((0..count).map(Ok)))
            .await
            .expect("an open queue");
        sink.close().await.expect("an open queue");
        drop(sink);
        assert!(!queue.is_closed(), "closing a sink closed the queue");
        assert!(queue.put_async(count).await.is_ok());
        queue.close();
        let items = reader.await.expect("a reading task");
        assert!(
            items.into_iter().eq(0..=count),
            "the stream is not what went into the sink"
        );
    });
}
