//! What the counters cost: the ring with a third thread that reads all of them every millisecond, and without.
//!
//! The totals are the ring's own indices, which it needs anyway: there is nothing to switch on or off, and a put or get
//! counts nothing else. What users turn on is somebody who reads, a monitor or an endpoint, and reading is what can disturb.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::{Queue, QueueCore, QueueStats, SageQueue};

use super::flow::{metrics, rates};
use crate::measure::{Case, Group, Role, Size};
use crate::payload::Payload;
use crate::subject::{CAPACITY, OPEN};
use crate::system::{cpu_time, pin};

const EVERY: Duration = Duration::from_millis(1);

pub(super) fn group() -> Group {
    Group {
        size: Size::ManyItems,
        item: u64::NAME,
        metrics: metrics("counters").into(),
        cases: vec![
            Case::new("sage_queue", Role::Ours, |items| run(items, false)),
            Case::new("sage_queue, counters read", Role::Ours, |items| run(items, true)),
        ],
    }
}

fn run(items: u64, observed: bool) -> Vec<f64> {
    let queue = Arc::new(SageQueue::<u64>::new(CAPACITY).expect("a capacity within the limits"));
    let (start, ended) = (Barrier::new(2), AtomicBool::new(false));
    let cpu = cpu_time();
    let took = thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            start.wait();
            for number in 0..items {
                assert!(queue.put(number).is_ok(), "{OPEN}");
            }
        });
        if observed {
            let core: &dyn QueueCore = &*queue;
            let ended = &ended;
            scope.spawn(move || {
                while !ended.load(Ordering::Acquire) {
                    let stats = std::hint::black_box(QueueStats::of(core));
                    assert!(stats.put_total >= stats.get_total, "more came out than went in");
                    thread::sleep(EVERY);
                }
            });
        }
        let consumer = scope.spawn(|| {
            pin(1);
            start.wait();
            let begun = Instant::now();
            for number in 0..items {
                assert_eq!(queue.get().expect(OPEN), number);
            }
            begun.elapsed()
        });
        let took = consumer.join().expect("the consumer ends");
        ended.store(true, Ordering::Release);
        took
    });
    rates(items, took.as_secs_f64(), (cpu_time() - cpu).as_secs_f64())
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_deliver() {
        for case in super::group().cases {
            assert!((case.run)(1_000).iter().all(|value| *value > 0.0), "{}", case.subject);
        }
    }
}
