//! What leases add to a queue: nanoseconds per item, put and taken by one thread, median of nine rounds.
//!
//! `cargo run --release --example lease_cost -p queue-lease`
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use descriptor_core::{DynQueue, Error, Queue, Wait};
use queue_lease::{LeaseQueue, Terms};
use queue_sage::SageQueue;

const ROUNDS: usize = 9;
const ITEMS: u64 = 200_000;
const CAPACITY: usize = 1024;
const LONG: Duration = Duration::from_secs(3600);

type Subject = DynQueue<u64>;

fn main() -> Result<(), Error> {
    println!("{ITEMS} items of u64, one after the other through DynQueue, put and taken by the same thread");
    let plain = || Ok(Arc::new(SageQueue::new(CAPACITY)?) as Subject);
    report("sage_queue: put, get", plain, get)?;
    report(
        "lease+sage_queue before the first lease: put, get",
        || lending(Terms::new()),
        get,
    )?;
    let turned = || {
        let queue = lending(Terms::new())?;
        drop(queue.lease(Wait::Never));
        Ok(queue)
    };
    report("after a lease: put, get", turned, get)?;
    report("without a time limit: put, lease, ack", || lending(Terms::new()), lease)?;
    let clones = || lending(Terms::new().expiring_clones(LONG));
    report("with a time limit, clones: put, lease, ack", clones, lease)?;
    let wire = || lending(Terms::new().expiring_wire(LONG));
    report("with a time limit, through a codec: put, lease, ack", wire, lease)
}

fn lending(terms: Terms<u64>) -> Result<Subject, Error> {
    Ok(LeaseQueue::new(SageQueue::new(CAPACITY)?, terms))
}

fn get(queue: &dyn Queue<u64>) -> Result<u64, Error> {
    Ok(queue.get()?)
}

fn lease(queue: &dyn Queue<u64>) -> Result<u64, Error> {
    queue.lease(Wait::Forever)?.ack()
}

fn report(
    what: &str,
    make: impl Fn() -> Result<Subject, Error>,
    take: fn(&dyn Queue<u64>) -> Result<u64, Error>,
) -> Result<(), Error> {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let queue = make()?;
        let start = Instant::now();
        for number in 0..ITEMS {
            queue.put(number)?;
            black_box(take(&*queue)?);
        }
        rounds.push(start.elapsed().as_nanos() as f64 / ITEMS as f64);
    }
    rounds.sort_by(f64::total_cmp);
    println!("{:7.1} ns  {what}", rounds.get(ROUNDS / 2).copied().unwrap_or(f64::NAN));
    Ok(())
}
