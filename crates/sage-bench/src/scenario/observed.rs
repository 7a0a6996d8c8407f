//! What the counters cost: the throughput of the ring while a third thread reads all of them every millisecond, beside
//! its throughput while that thread wakes as often and reads nothing, in turns within one run.
//!
//! The totals are the ring's own indices, which it needs anyway: there is nothing to switch on or off, and a put or get
//! counts nothing else. What users turn on is somebody who reads, a monitor or an endpoint, and reading is what can
//! disturb. Two runs of a ring differ by more than that, so both halves of the comparison are one run.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::{Queue, QueueCore, QueueStats, SageQueue};

use crate::measure::{Better, Case, Group, Metric, Role, Size};
use crate::payload::Payload;
use crate::subject::{CAPACITY, OPEN};
use crate::system::pin;

const EVERY: Duration = Duration::from_millis(1);
/// Times awake before the next turn.
const TURN: u32 = 10;

pub(super) fn group() -> Group {
    Group {
        size: Size::Millis,
        item: u64::NAME,
        metrics: vec![Metric {
            scenario: "counters",
            unit: "x unread",
            better: Better::Higher,
        }],
        cases: vec![Case::new("sage_queue, counters read", Role::Ours, run)],
    }
}

/// Items and the time they took.
#[derive(Default)]
struct Turns {
    items: u64,
    took: Duration,
}

impl Turns {
    /// What the queue moved while `turn` ran.
    fn add(&mut self, queue: &SageQueue<u64>, turn: impl FnOnce()) {
        let (before, begun) = (moved(queue), Instant::now());
        turn();
        self.items += moved(queue) - before;
        self.took += begun.elapsed();
    }

    fn rate(&self) -> f64 {
        self.items as f64 / self.took.as_secs_f64()
    }
}

fn moved(queue: &SageQueue<u64>) -> u64 {
    queue.totals().expect("the ring knows its indices").get
}

fn run(millis: u64) -> Vec<f64> {
    let queue = SageQueue::<u64>::new(CAPACITY).expect("a capacity within the limits");
    let ended = AtomicBool::new(false);
    let (mut read, mut unread) = (Turns::default(), Turns::default());
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(0);
            let mut number = 0;
            while !ended.load(Ordering::Relaxed) {
                assert!(queue.put(number).is_ok(), "{OPEN}");
                number += 1;
            }
            queue.close();
        });
        scope.spawn(|| {
            pin(1);
            let mut next = 0;
            while let Ok(number) = queue.get() {
                assert_eq!(number, next, "sage_queue lost or swapped items");
                next += 1;
            }
        });
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(millis) {
            unread.add(&queue, || (0..TURN).for_each(|_| thread::sleep(EVERY)));
            read.add(&queue, || {
                for _ in 0..TURN {
                    thread::sleep(EVERY);
                    let stats = black_box(QueueStats::of(&queue));
                    assert!(stats.put_total >= stats.get_total, "more came out than went in");
                }
            });
        }
        ended.store(true, Ordering::Relaxed);
    });
    vec![read.rate() / unread.rate()]
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_turns_move_items() {
        for case in super::group().cases {
            // On a busy machine a turn may be over before one of the threads had its own.
            let mut tries = [1, 500, 10_000].into_iter().map(case.run);
            let moves = |values: Vec<f64>| matches!(values.as_slice(), [ratio] if ratio.is_normal());
            assert!(tries.any(moves));
        }
    }
}
