//! `shm` keeps every clause of the contract between two processes: this one, and one that makes a part of the calls.
//!
//! Each queue of a clause is open in both, by its record. In `puts` the other process makes all calls that put, in `gets` all
//! that get or lease, and it holds the leases; in `turns` every other call is its, so that both processes are on each side
//! of a queue. Futures wait where their first poll went: each poll, each cancellation and each call of a waker crosses over.
//! In `puts` and `gets` this process closes, so whoever sleeps elsewhere must hear of it. Depth and totals are read here.
//! Where a clause opens a queue twice, the second opening is in the other process alone. No clause is skipped that is
//! not skipped inside one process.
#![cfg(target_os = "linux")]
#![forbid(unsafe_code)]

mod apart;
mod hand;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use queue_testkit::{Lending, Loan, Outcome, Subject, Suite, Twice};
use sage_comm::{Caps, DynQueue, Error, QueueId, ShmQueue, ShmSpec, Spec, Wire};

use crate::apart::{Apart, Share};
use crate::hand::{Hand, There};

/// A call that crosses over takes tens of microseconds.
const EFFORT: f64 = 0.05;

/// `shm` with such a share of the calls in another process.
struct Shared {
    share: Share,
    planted: Option<&'static str>,
    // Begun by the first clause that opens a queue.
    hand: OnceLock<Arc<Hand>>,
}

fn shm(share: Share) -> Shared {
    Shared {
        share,
        planted: None,
        hand: OnceLock::new(),
    }
}

fn spec(capacity: Option<usize>) -> ShmSpec {
    // A segment has no queues without a bound: 0 is refused when it is opened.
    let spec = ShmSpec::bounded(capacity.unwrap_or(0));
    // The usual ring of the largest capacity is 4 GiB, which the clause asks for as often as processes do.
    match capacity {
        Some(1_000_000..) => spec.max_bytes(1 << 20),
        _ => spec,
    }
}

impl Shared {
    fn there<T: Wire>(&self, id: &QueueId, spec: &ShmSpec) -> Result<There, Error> {
        let hand = self.hand.get_or_init(|| Arc::new(Hand::start(self.planted)));
        There::open::<T>(hand, id, spec)
    }

    fn both<T: Wire>(&self, id: &QueueId, spec: &ShmSpec) -> Result<DynQueue<T>, Error> {
        let here = ShmQueue::open(id, spec)?;
        let there = self.there::<T>(id, spec)?;
        Ok(Arc::new(Apart::new(self.share, Some(here), there)))
    }

    fn lend<T: Wire>(&self, capacity: usize, loan: Loan) -> Result<Lending<T>, Error> {
        let mut spec = ShmSpec::bounded(capacity)
            .lease_time(loan.time)
            .max_deliveries(loan.max_deliveries);
        let mut dead_letters = None;
        if loan.dead_letters > 0 {
            let id = QueueId::generated("dead");
            spec = spec.dead_letter(format!("shm://{id}?maxsize={}", loan.dead_letters));
            dead_letters = Some(self.both(&id, &ShmSpec::bounded(loan.dead_letters))?);
        }
        Ok(Lending {
            queue: self.both(&QueueId::generated("shm"), &spec)?,
            dead_letters,
        })
    }
}

impl Subject for Shared {
    fn name(&self) -> &str {
        match self.share {
            Share::Puts => "shm, put elsewhere",
            Share::Gets => "shm, got elsewhere",
            Share::Turns | Share::All => "shm, used elsewhere by turns",
        }
    }

    fn caps(&self) -> Caps {
        ShmSpec::caps()
    }

    fn open<T: Wire>(&self, capacity: Option<usize>) -> Result<DynQueue<T>, Error> {
        self.both(&QueueId::generated("shm"), &spec(capacity))
    }

    fn unbounded(&self) -> bool {
        false
    }

    fn effort(&self) -> f64 {
        EFFORT
    }

    fn lending<T: Wire>(&self, capacity: usize, loan: Loan) -> Option<Result<Lending<T>, Error>> {
        Some(self.lend(capacity, loan))
    }

    fn twice<A: Wire, B: Wire>(&self, first: Option<usize>, second: Option<usize>) -> Option<Twice<A, B>> {
        let id = QueueId::generated("shm");
        let one = self.both::<A>(&id, &spec(first));
        let two = self.there::<B>(&id, &spec(second));
        let two = two.map(|there| Arc::new(Apart::<B>::new(Share::All, None, there)) as DynQueue<B>);
        Some((one, two))
    }
}

queue_testkit::conformance!(puts, shm(Share::Puts));
queue_testkit::conformance!(gets, shm(Share::Gets));
queue_testkit::conformance!(turns, shm(Share::Turns));

/// Nothing is skipped for the sake of the other process.
#[test]
fn as_much_is_skipped_as_inside_one_process() {
    let skipped: Vec<&str> = Suite::wire(shm(Share::Turns))
        .skipped()
        .map(|(clause, _)| clause.name)
        .collect();
    let expected = [
        "lossless::without_a_capacity",
        "items::items_that_are_moved_are_not_serialized_or_cloned",
        "capacity::it_can_do_without_a_capacity",
        "corrupt::a_corrupt_frame_is_one_error",
        "ends::a_lease_is_refused_where_there_are_none",
    ];
    assert_eq!(skipped, expected);
}

/// Whether the clause notices that the other process does it wrong.
fn is_noticed(fault: &'static str, clause: &str) {
    let subject = Shared {
        planted: Some(fault),
        ..shm(Share::Puts)
    };
    let suite = Suite::wire(subject).limit(Duration::from_secs(60));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| suite.check(clause)));
    let said = match panicked {
        Err(panic) => panic.downcast_ref::<String>().cloned().unwrap_or_default(),
        Ok(Outcome::Held | Outcome::Skipped(_)) => panic!("nobody noticed `{fault}`"),
    };
    assert!(
        said.contains("lost") || said.contains("twice"),
        "it complains of something else: {said}"
    );
}

#[test]
fn another_process_that_loses_items_is_noticed() {
    is_noticed("loses", "lossless::four_threads_to_four");
}

#[test]
fn another_process_that_puts_items_twice_is_noticed() {
    is_noticed("doubles", "lossless::four_threads_to_four");
}
