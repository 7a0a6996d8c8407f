//! Many threads on one descriptor.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};
use std::thread;

use sage_comm::{Backends, Builtin, Descriptor, LocalSpec, Open, SageSpec};

use crate::support::{both, open, within_a_minute};

/// Half of them share a descriptor, half have read the record for themselves.
fn twenty_threads_race_to_open<S: Open<u32>>(id: &str, spec: S) {
    for _round in 0..20 {
        let made = Arc::new(Descriptor::new(id, spec.clone()).unwrap());
        let record = made.to_record();
        let start = Arc::new(Barrier::new(20));
        let threads: Vec<_> = (0..20_u32)
            .map(|number| {
                let (made, record, start) = (Arc::clone(&made), record.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    let queue = if number % 2 == 0 {
                        made.queue::<u32>().unwrap()
                    } else {
                        Builtin.registry().open(&record).unwrap()
                    };
                    queue.put(number).unwrap();
                    queue
                })
            })
            .collect();
        let queues: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        let first = Arc::as_ptr(&queues[0]).cast::<()>();
        assert!(queues.iter().all(|queue| Arc::as_ptr(queue).cast::<()>() == first));
        let items: BTreeSet<u32> = (0..20).map(|_| made.get::<u32>().unwrap()).collect();
        assert_eq!(items, (0..20).collect(), "nobody put into a queue of his own");
        assert_eq!(made.depth(), Some(0));
    }
}

#[test]
fn twenty_threads_that_race_to_open_get_one_queue() {
    within_a_minute(|| {
        twenty_threads_race_to_open("concurrency/race", LocalSpec::bounded(32));
        twenty_threads_race_to_open("concurrency/race", SageSpec::bounded(32));
    });
}

#[test]
fn three_producers_and_two_consumers_meet_by_name_and_lose_nothing() {
    within_a_minute(|| {
        for uri in both("concurrency/meet", 4) {
            let producers: Vec<_> = (0..3_u64)
                .map(|producer| {
                    let queue = open::<u64>(&uri).unwrap();
                    thread::spawn(move || (0..1000).for_each(|n| queue.put(producer * 1000 + n).unwrap()))
                })
                .collect();
            let queue = open::<u64>(&uri).unwrap();
            let consumers: Vec<_> = (0..2)
                .map(|_| {
                    let queue = queue.clone();
                    thread::spawn(move || std::iter::from_fn(|| queue.get().ok()).collect::<Vec<_>>())
                })
                .collect();
            producers.into_iter().for_each(|producer| producer.join().unwrap());
            queue.close();
            let mut all = Vec::new();
            for consumer in consumers {
                let part = consumer.join().unwrap();
                for producer in 0..3 {
                    let of_one: Vec<_> = part.iter().filter(|item| *item / 1000 == producer).collect();
                    assert!(of_one.is_sorted(), "{uri}: each producer's order is kept");
                }
                all.extend(part);
            }
            all.sort_unstable();
            assert_eq!(all, (0..3000).collect::<Vec<_>>(), "{uri}");
        }
    });
}

#[test]
fn threads_that_put_and_take_through_the_descriptor_all_finish() {
    within_a_minute(|| {
        let made = Descriptor::new("concurrency/mixed", SageSpec::bounded(10)).unwrap();
        (0..5_u32).for_each(|n| made.put(n).unwrap());
        let threads: Vec<_> = (0..10_u32)
            .map(|thread| {
                let own = made.clone();
                thread::spawn(move || {
                    // As many items go in as come out, so nobody waits in the end.
                    for n in 0..50_u32 {
                        let taken = own.get::<u32>().unwrap();
                        own.put(taken ^ (thread * 50 + n)).unwrap();
                        if n % 10 == 0 {
                            own.clear_cache();
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(made.depth(), Some(5));
    });
}
