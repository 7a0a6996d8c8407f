//! Clause 10: the same identity is the same queue.

use descriptor_core::{DynQueue, Error, GetError, PutError, Wire};

use crate::run::settle;
use crate::{Run, join, linger, spawn};

fn opened<T: Wire>(queue: Result<DynQueue<T>, Error>) -> DynQueue<T> {
    match queue {
        Ok(queue) => queue,
        Err(error) => panic!("{error}"),
    }
}

fn two(run: &Run, capacity: usize) -> (DynQueue<u64>, DynQueue<u64>) {
    match run.kind().twice(Some(capacity), Some(capacity)) {
        Some((first, second)) => (opened(first), opened(second)),
        None => panic!("{} has no identities", run.kind().name()),
    }
}

pub(crate) fn two_openings_are_one_queue(run: &Run) {
    let (first, second) = two(run, 2);
    assert!(first.put(1).is_ok() && second.put(2).is_ok());
    settle(&*first);
    settle(&*second);
    assert!(
        matches!(first.try_put(3), Err(PutError::Full(3))),
        "the capacity is not shared"
    );
    assert_eq!(second.get().ok(), Some(1));
    assert_eq!(first.get().ok(), Some(2));
    assert!(matches!(second.try_get(), Err(GetError::Empty)));
}

pub(crate) fn one_opening_wakes_the_other(run: &Run) {
    for _ in 0..run.times(20) {
        let (first, second) = two(run, 1);
        let getter = spawn(move || second.get());
        linger();
        assert!(first.put(5).is_ok());
        assert_eq!(join(getter).ok(), Some(5));
    }
}

pub(crate) fn closing_one_opening_closes_the_other(run: &Run) {
    let (first, second) = two(run, 2);
    assert!(first.put(1).is_ok());
    settle(&*first);
    first.close();
    assert!(second.is_closed());
    assert!(matches!(second.put(2), Err(PutError::Closed(2))));
    assert_eq!(second.get().ok(), Some(1));
    assert!(matches!(second.get(), Err(GetError::Closed)));
}

pub(crate) fn dropping_one_opening_leaves_the_other(run: &Run) {
    let (first, second) = two(run, 2);
    assert!(first.put(1).is_ok());
    settle(&*first);
    drop(first);
    assert!(!second.is_closed(), "dropping a handle closed the queue");
    assert_eq!(second.get().ok(), Some(1));
    assert!(second.put(2).is_ok());
}
