//! Clause 5: a refused item comes back, and it is the very same one.

use std::collections::VecDeque;
use std::time::Duration;

use descriptor_core::{DynQueue, PutError, QueueExt};

use crate::run::settle;
use crate::{Probe, Run, join, linger, spawn_many};

type Boxed = Box<u64>;

fn address(item: &Boxed) -> usize {
    std::ptr::from_ref::<u64>(item).addr()
}

fn full(run: &Run) -> DynQueue<Boxed> {
    let queue = run.queue::<Boxed>(1);
    assert!(queue.put(Box::new(0)).is_ok());
    settle(&*queue);
    queue
}

fn comes_back(how: &str, put: impl FnOnce(Boxed) -> Result<(), PutError<Boxed>>) -> PutError<()> {
    let item = Box::new(42);
    let at = address(&item);
    let Err(refusal) = put(item) else {
        panic!("{how}: accepted");
    };
    refusal.map(|item| {
        assert_eq!(*item, 42, "{how}: another value came back");
        assert_eq!(address(&item), at, "{how}: a copy came back");
    })
}

pub(crate) fn a_full_queue_gives_the_item_back(run: &Run) {
    let queue = full(run);
    assert!(comes_back("try", |item| queue.try_put(item)).is_full());
    assert!(comes_back("timeout", |item| queue.put_timeout(item, Duration::from_millis(1))).is_full());
    assert_eq!(queue.get().ok().as_deref(), Some(&0), "a refused item was stored");
    assert!(queue.try_get().is_err(), "a refused item was stored");
}

pub(crate) fn a_closed_queue_gives_the_item_back(run: &Run) {
    for queue in [run.queue::<Boxed>(1), full(run)] {
        queue.close();
        assert!(comes_back("try", |item| queue.try_put(item)).is_closed());
        assert!(comes_back("wait", |item| queue.put(item)).is_closed());
        assert!(comes_back("timeout", |item| queue.put_timeout(item, Duration::from_millis(1))).is_closed());
        assert!(comes_back("task", |item| Probe::new(queue.put_async(item)).finish()).is_closed());
        assert!(queue.iter().all(|item| *item == 0), "a refused item was stored");
    }
}

pub(crate) fn a_close_gives_sleeping_putters_their_items_back(run: &Run) {
    for _ in 0..run.times(20) {
        let queue = full(run);
        let task = Box::new(9);
        let at = address(&task);
        let task = Probe::pending(queue.put_async(task));
        let threads = spawn_many(3, {
            let queue = queue.clone();
            move |_| comes_back("asleep", |item| queue.put(item)).is_closed()
        });
        linger();
        queue.close();
        assert!(
            threads.into_iter().all(join),
            "a sleeping put ended in another way than Closed"
        );
        match task.finish_when_woken() {
            Err(PutError::Closed(item)) => assert_eq!((*item, address(&item)), (9, at)),
            other => panic!("a pending put ended with {other:?}"),
        }
        assert_eq!(queue.iter().map(|item| *item).collect::<Vec<_>>(), [0]);
    }
}

pub(crate) fn a_batch_keeps_what_was_refused(run: &Run) {
    let queue = run.queue::<Boxed>(2);
    let mut items: VecDeque<Boxed> = (0..5).map(Box::new).collect();
    let addresses: Vec<usize> = items.iter().map(address).collect();
    assert_eq!(queue.put_batch(&mut items, Duration::ZERO.into()).ok(), Some(2));
    settle(&*queue);
    let same = |items: &VecDeque<Boxed>| items.iter().map(address).eq(addresses.iter().copied().skip(2));
    assert!(same(&items), "other items are left than those that did not fit");
    let refused = queue.put_batch(&mut items, Duration::from_millis(1).into());
    assert!(matches!(refused, Err(PutError::Full(()))));
    assert!(same(&items), "a full queue changed the batch");
    drop(Probe::pending(queue.put_batch_async(&mut items)));
    assert!(same(&items), "a dropped future changed the batch");
    queue.close();
    let refused = queue.put_batch(&mut items, Duration::ZERO.into());
    assert!(matches!(refused, Err(PutError::Closed(()))));
    let refused = Probe::new(queue.put_batch_async(&mut items)).finish();
    assert!(matches!(refused, Err(PutError::Closed(()))));
    assert!(same(&items), "a closed queue changed the batch");
}
