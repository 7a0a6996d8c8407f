//! A call of a service in the same process, beside the bare queues that carry it.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::service::{Answer, Desk, Mailbox, Message, Worker};
use sage_comm::{Descriptor, DynQueue, SageQueue, SageSpec, ServiceClient, Wait};

use crate::measure::{Case, Group, Role, Size};
use crate::scenario::{latencies, percentiles};
use crate::system::pin;

/// Room in each queue.
const ROOM: usize = 64;
/// So many milliseconds are enough of it.
const LONGEST: Duration = Duration::from_millis(50);

pub(super) fn group() -> Group {
    Group {
        size: Size::Items,
        item: "8 B",
        metrics: latencies("service round trip p50", "service round trip p99").into(),
        cases: vec![
            Case::new("bare ring", Role::Ours, bare),
            Case::new("service call", Role::Ours, call),
        ],
    }
}

fn queue() -> DynQueue<u64> {
    Arc::new(SageQueue::new(ROOM).expect("a capacity within the limits"))
}

fn bare(trips: u64) -> Vec<f64> {
    let (there, back) = (queue(), queue());
    let nanos = thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            while let Ok(number) = there.get() {
                assert!(back.put(number).is_ok(), "the way back is open");
            }
        });
        let caller = scope.spawn(|| {
            pin(0);
            let nanos = timed(trips, |number| {
                assert!(there.put(number).is_ok(), "the way there is open");
                back.get().ok()
            });
            there.close();
            nanos
        });
        caller.join().expect("the caller ends")
    });
    percentiles(nanos)
}

fn call(trips: u64) -> Vec<f64> {
    let requests = Descriptor::generated(SageSpec::bounded(ROOM)).expect("a name");
    let answers = Descriptor::generated(SageSpec::bounded(ROOM)).expect("a name");
    let desk = Desk::<u64>::new("echo", 1, requests.queue::<Message<u64>>().expect("a queue"));
    let mailbox = Mailbox::new(answers.queue::<Answer>().expect("a queue"), &answers.to_record());
    let client = ServiceClient::<u64, u64>::new(&desk, &mailbox);
    let nanos = thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            Worker::new(&desk).run(|| |number: u64, _: &mut _| Ok(Some(number)))
        });
        let caller = scope.spawn(|| {
            pin(0);
            let wait = Wait::from(Duration::from_secs(60));
            let nanos = timed(trips, |number| client.call(number, wait).ok());
            desk.close();
            nanos
        });
        caller.join().expect("the caller ends")
    });
    percentiles(nanos)
}

fn timed(trips: u64, mut trip: impl FnMut(u64) -> Option<u64>) -> Vec<f64> {
    let mut nanos = Vec::with_capacity(trips as usize);
    let begun = Instant::now();
    for number in 0..trips {
        let sent = Instant::now();
        assert_eq!(trip(number), Some(number), "another answer");
        nanos.push(sent.elapsed().as_nanos() as f64);
        if begun.elapsed() > LONGEST {
            break;
        }
    }
    nanos
}
