//! Clause 2 for items of every shape.

use std::panic::{AssertUnwindSafe, catch_unwind};

use descriptor_core::{Item, QueueExt};
use serde::{Deserialize, Serialize, Serializer};

use crate::run::settle;
use crate::{Probe, Run, join, spawn};

/// A kilobyte in place.
pub(crate) type Kilobyte = [[u64; 32]; 4];
/// Of many parts, each with memory of its own.
pub(crate) type Heap = Vec<(String, Option<Vec<u32>>)>;

fn carries<T: Item + PartialEq + std::fmt::Debug>(run: &Run, count: usize, make: fn(u32) -> T) {
    let queue = run.queue::<T>(3);
    let putter = spawn({
        let queue = queue.clone();
        move || {
            for number in 0..count as u32 {
                assert!(queue.put(make(number)).is_ok());
            }
            queue.close();
        }
    });
    for number in 0..count as u32 {
        match queue.get() {
            Ok(item) => assert!(item == make(number), "item {number} came out changed"),
            Err(failure) => panic!("item {number}: {failure:?}"),
        }
    }
    assert!(queue.get().is_err());
    join(putter);
}

pub(crate) fn items_without_size(run: &Run) {
    for capacity in run.capacities() {
        let queue = run.queue::<()>(capacity);
        for _ in 0..2 {
            for _ in 0..capacity {
                assert!(queue.try_put(()).is_ok(), "capacity {capacity}");
            }
            settle(&*queue);
            assert!(queue.try_put(()).is_err(), "capacity {capacity}: one more went in");
            assert_eq!(queue.drain().count(), capacity);
        }
    }
    carries(run, run.times(20_000), |_| ());
}

pub(crate) fn items_of_one_byte(run: &Run) {
    carries(run, run.times(5_000), |number| number as u8);
}

pub(crate) fn items_of_a_kilobyte(run: &Run) {
    carries(run, run.times(2_000), |number| [[u64::from(number); 32]; 4]);
}

pub(crate) fn boxed_items_of_64_kilobytes(run: &Run) {
    carries(run, run.times(200), |number| vec![number; 16 * 1024].into_boxed_slice());
}

pub(crate) fn items_on_the_heap(run: &Run) {
    carries(run, run.times(2_000), |number| {
        vec![
            (number.to_string(), Some(vec![number; number as usize % 9])),
            (String::new(), None),
        ]
    });
}

#[repr(align(64))]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Aligned(u32);

pub(crate) fn items_with_a_wide_alignment(run: &Run) {
    carries(run, run.times(2_000), Aligned);
    let queue = run.queue::<Aligned>(2);
    assert!(queue.put(Aligned(7)).is_ok());
    let item = queue.get().ok().map(Box::new);
    assert!(item.is_some_and(|item| std::ptr::from_ref(&*item).addr() % 64 == 0 && item.0 == 7));
}

/// Panics when it is cloned or serialized, if it says so.
#[derive(Debug, Deserialize)]
pub(crate) struct Mine {
    armed: bool,
}

impl Clone for Mine {
    fn clone(&self) -> Self {
        assert!(!self.armed, "an item that panics in its clone, as it was told to");
        Self { armed: self.armed }
    }
}

impl Serialize for Mine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        assert!(
            !self.armed,
            "an item that panics while it is serialized, as it was told to"
        );
        serializer.serialize_newtype_struct("Mine", &self.armed)
    }
}

pub(crate) fn items_that_are_moved_are_not_serialized_or_cloned(run: &Run) {
    let queue = run.queue::<Mine>(2);
    assert!(queue.put(Mine { armed: true }).is_ok());
    assert_eq!(
        queue
            .put_batch(&mut [Mine { armed: true }].into(), descriptor_core::Wait::Never)
            .ok(),
        Some(1)
    );
    drop(Probe::pending(queue.put_async(Mine { armed: true })));
    assert!(queue.drain().all(|item| item.armed));
}

/// An item that cannot be written harms nobody else's.
pub(crate) fn a_panic_in_serialize_leaves_it_usable(run: &Run) {
    let queue = run.queue::<Mine>(2);
    for _ in 0..10 {
        // A queue may let the panic through or make an error of it; one that moves its items never sees it.
        let mine = catch_unwind(AssertUnwindSafe(|| queue.put(Mine { armed: true }).is_ok()));
        if mine.is_ok_and(|stored| stored) {
            assert!(queue.get().is_ok_and(|item| item.armed));
        }
        assert!(queue.put(Mine { armed: false }).is_ok());
        assert!(queue.get().is_ok_and(|item| !item.armed));
        assert!(queue.try_get().is_err(), "half an item was stored");
    }
}
