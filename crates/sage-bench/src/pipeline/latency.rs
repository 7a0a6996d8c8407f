//! How long a record takes through the job when there is a tenth of the load it can carry.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "inproc")]
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::ops::FnSource;
use sage_comm::{Builtin, Deployment, Flow, OpResult, Operator, Packet, SourceStep, TaskContext};

#[cfg(feature = "inproc")]
use super::by_hand::{Crossbeam, Steps};
use super::job;
use super::record::KEYS;
use crate::measure::{Better, Case, Group, Metric, Role, Size};
use crate::stats::quantile;

const PARALLELISM: u32 = 2;
/// Records that tell how much the job can carry.
const PROBE: u64 = 1 << 20;
/// Records of one step at most, so that the source stays easy to stop.
const STEP: u64 = 256;
/// The load is this part of what the job can carry.
const PART: f64 = 0.1;

pub(super) fn group() -> Group {
    let metric = |scenario| Metric {
        scenario,
        unit: "us",
        better: Better::Lower,
    };
    Group {
        size: Size::Millis,
        item: "8 B",
        metrics: vec![metric("latency p99 at 10 % load"), metric("latency p50 at 10 % load")],
        cases: cases(),
    }
}

/// Nanoseconds between two records; asked once, before the first round, and the same for all.
type Pace = Rc<Cell<Option<f64>>>;

fn cases() -> Vec<Case> {
    let pace = Pace::default();
    let ours =
        ["sage_queue", "local"].map(|kind| case(kind, Role::Ours, &pace, move |items, every| run(kind, items, every)));
    ours.into_iter().chain(peers(&pace)).collect()
}

#[cfg(feature = "inproc")]
fn peers(pace: &Pace) -> Option<Case> {
    Some(case("crossbeam-channel", Role::Peer, pace, by_hand))
}

#[cfg(not(feature = "inproc"))]
const fn peers(_pace: &Pace) -> Option<Case> {
    None
}

fn case(subject: &'static str, role: Role, pace: &Pace, run: impl Fn(u64, f64) -> Vec<f64> + 'static) -> Case {
    let pace = Rc::clone(pace);
    Case::new(subject, role, move |millis| {
        let every = pace.get().unwrap_or_else(|| {
            let begun = Instant::now();
            let _ = job::run::<u64>("sage_queue", PARALLELISM, PROBE);
            begun.elapsed().as_nanos() as f64 / PROBE as f64 / PART
        });
        pace.set(Some(every));
        let items = (millis as f64 * 1e6 / every) as u64 + 1;
        let mut nanos = run(items, every);
        assert_eq!(nanos.len() as u64, items, "the job lost records");
        nanos.sort_by(f64::total_cmp);
        [0.99, 0.5]
            .into_iter()
            .map(|part| quantile(&nanos, part).unwrap_or(f64::NAN) / 1e3)
            .collect()
    })
}

/// The records are the moments at which they were due, in nanoseconds since the start. A source that is late
/// still sends the moment that was due, so a stall counts for all who had to wait for it.
fn run(kind: &str, items: u64, every: f64) -> Vec<f64> {
    let base = Instant::now();
    let since = move || base.elapsed().as_nanos() as u64;
    let flow = Flow::new("latency", Builtin);
    flow.queue_kind(kind);
    let result = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&result);
    let _ = flow
        .source("records", 1, move |_| {
            let mut next = 0;
            let mut first = None;
            FnSource::new(move |ctx: &mut TaskContext<u64>| {
                let first = *first.get_or_insert_with(since);
                let due = |number: u64| first + (number as f64 * every) as u64;
                let now = since();
                for _ in 0..STEP {
                    if next == items {
                        return Ok(SourceStep::Done);
                    }
                    if due(next) > now {
                        return Ok(SourceStep::Idle(Duration::from_nanos(due(next) - now)));
                    }
                    ctx.emit(due(next))?;
                    next += 1;
                }
                Ok(SourceStep::More)
            })
        })
        .map("map", |moment| moment)
        .parallelism(PARALLELISM)
        .forward()
        .key_by("by_moment", |moment| moment % KEYS)
        .parallelism(PARALLELISM)
        .reduce("latest", |_, moment| moment)
        .parallelism(PARALLELISM)
        .sink("clock", move |_| Clock {
            since,
            nanos: Vec::new(),
            result: Arc::clone(&sink),
        });
    let report = flow.build(Deployment::Threads).and_then(sage_comm::Job::run);
    assert!(
        report.expect("a job without findings").is_complete(),
        "the job's books do not close"
    );
    std::mem::take(&mut *result.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The same by hand, one send per record: what the machine leaves to a job of so many threads.
#[cfg(feature = "inproc")]
fn by_hand(items: u64, every: f64) -> Vec<f64> {
    let base = Instant::now();
    let since = move || base.elapsed().as_nanos() as u64;
    let mut dues = (0..items).map(|number| (number as f64 * every) as u64);
    let (mut first, mut now) = (None, 0);
    let steps = Steps {
        source: move || {
            let due = dues.next()? + *first.get_or_insert_with(since);
            if due > now {
                now = since();
                if due > now {
                    thread::sleep(Duration::from_nanos(due - now));
                    now = since();
                }
            }
            Some(due)
        },
        map: |moment| moment,
        key: |moment: &u64| moment % KEYS,
        reduce: |latest: &mut u64, moment| *latest = moment,
    };
    steps.run::<Crossbeam, _, _>(PARALLELISM as usize, |moments| {
        moments.map(|due| since().saturating_sub(due) as f64).collect()
    })
}

struct Clock<F> {
    since: F,
    nanos: Vec<f64>,
    result: Arc<Mutex<Vec<f64>>>,
}

impl<F: Fn() -> u64 + Send + 'static> Operator<u64, ()> for Clock<F> {
    fn process(&mut self, packet: Packet<u64>, _: &mut TaskContext<()>) -> OpResult {
        self.nanos.push((self.since)().saturating_sub(packet.payload) as f64);
        Ok(())
    }

    fn close(&mut self, _: &mut TaskContext<()>) -> OpResult {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut self.nanos);
        Ok(())
    }
}
