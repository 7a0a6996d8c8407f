//! One item there and back over two queues, between two processes on a processor each.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ipc_peers::{Act, Meeting, Part, Shape, Subject, WORD};
use rustix::thread::futex::{self, Flags};

use super::{Item, cases};
use crate::company::Company;
use crate::measure::{Case, Group, Role, Size};
use crate::scenario::{latencies, percentiles};
use crate::system::pin;

/// How the caller behaves.
#[derive(Clone, Copy)]
pub(super) struct Trip {
    pub(super) scenarios: [&'static str; 2],
    pub(super) item: Item,
    pub(super) trips: u64,
    /// Before each trip, so long that who answers has gone to sleep.
    pub(super) pause: Duration,
}

impl Trip {
    pub(super) fn group(self, subjects: &[&'static Subject]) -> Group {
        let [p50, p99] = self.scenarios;
        let mut cases = cases(subjects, move |subject, _| self.run(subject));
        if !self.pause.is_zero() {
            cases.push(Case::new(FLOOR, Role::Peer, move |_| self.floor()));
        }
        Group {
            size: Size::Own,
            item: self.item.name,
            metrics: latencies(p50, p99).into(),
            cases,
        }
    }

    fn run(self, subject: &'static Subject) -> Result<Vec<f64>, String> {
        let (folder, meeting) = Meeting::new(self.item.size, Shape::PAIR)?;
        let part = |act, processor| Part {
            subject: subject.name.into(),
            act,
            amount: u64::try_from(self.pause.as_micros()).unwrap_or(u64::MAX),
            processor: Some(processor),
            meeting: meeting.clone(),
        };
        let mut company = Company::of_parts(WORD, &[part(Act::Call, 0), part(Act::Echo, 1)])?;
        company.lap(&[self.trips / 8; 2])?;
        let laps = company.lap(&[self.trips; 2])?;
        company.end()?;
        drop(folder);
        Ok(laps
            .into_iter()
            .next()
            .map(|lap| percentiles(lap.values))
            .unwrap_or_default())
    }

    /// The least that two who sleep can do: two words and the system call, no queue and no other process.
    fn floor(self) -> Vec<f64> {
        let (there, back) = (AtomicU32::new(0), AtomicU32::new(0));
        let nanos = thread::scope(|scope| {
            scope.spawn(|| {
                pin(1);
                for trip in 0..self.trips as u32 {
                    sleep_until(&there, trip + 1);
                    wake(&back, trip + 1);
                }
            });
            let caller = scope.spawn(|| {
                pin(0);
                let trip = |trip: u32| {
                    thread::sleep(self.pause);
                    let sent = Instant::now();
                    wake(&there, trip + 1);
                    sleep_until(&back, trip + 1);
                    sent.elapsed().as_nanos() as f64
                };
                (0..self.trips as u32).map(trip).collect::<Vec<_>>()
            });
            caller.join().expect("the caller ends")
        });
        percentiles(nanos)
    }
}

pub(super) const FLOOR: &str = "bare futex, two threads";

fn wake(word: &AtomicU32, value: u32) {
    word.store(value, Ordering::SeqCst);
    let _ = futex::wake(word, Flags::empty(), 1);
}

fn sleep_until(word: &AtomicU32, value: u32) {
    while word.load(Ordering::SeqCst) != value {
        let _ = futex::wait(word, Flags::empty(), value - 1, None);
    }
}
