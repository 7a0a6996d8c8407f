//! The job as a user of this library writes it.

use std::sync::{Arc, Mutex, PoisonError};

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Deployment, Flow, KeyedState, NodeKind, OpResult, Operator, Packet, State, TaskContext};

use super::record::{Record, Tally};

pub(super) const SINK: &str = "tally";

/// Where the sum of a run ends up.
pub(super) type Result = Arc<Mutex<Tally>>;

/// Runs it over the records 0 to `items`.
pub(super) fn run<R: Record>(kind: &str, parallelism: u32, items: u64) -> Tally {
    let (flow, result) = flow::<R>(parallelism, items);
    flow.queue_kind(kind);
    let report = flow.build(Deployment::Threads).and_then(sage_comm::Job::run);
    let report = report.expect("a job without findings");
    assert!(report.is_complete(), "the job's books do not close");
    *result.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The job over the records 0 to `items`. It fails when it loses or changes any.
pub(super) fn flow<R: Record>(parallelism: u32, items: u64) -> (Flow<Builtin>, Result) {
    let flow = Flow::new("count", Builtin);
    let result = Result::default();
    let sink = Arc::clone(&result);
    let _ = flow
        .source("records", 1, move |_| IterSource::new((0..items).map(R::new)))
        .map("map", R::mapped)
        .parallelism(parallelism)
        .forward()
        .key_by("by_number", R::key)
        .parallelism(parallelism)
        .process("count", NodeKind::Reduce, |_| Count(KeyedState::new()))
        .parallelism(parallelism)
        .sink(SINK, move |_| Sum::new(Some(Tally::expected(items)), &sink));
    (flow, result)
}

/// A running count per key.
pub(super) struct Count(pub(super) KeyedState<u64>);

impl<R: Record> Operator<R, u64> for Count {
    fn process(&mut self, packet: Packet<R>, ctx: &mut TaskContext<u64>) -> OpResult {
        let key = packet.key().ok_or("a packet without a key")?;
        let count = self.0.get_or_insert_with(key, || 0);
        *count += 1;
        ctx.emit(*count)
    }

    fn state(&mut self) -> State<'_> {
        State::of(&mut self.0)
    }
}

pub(super) struct Sum {
    tally: Tally,
    expected: Option<Tally>,
    result: Result,
}

impl Sum {
    pub(super) fn new(expected: Option<Tally>, result: &Result) -> Self {
        Self {
            tally: Tally::default(),
            expected,
            result: Arc::clone(result),
        }
    }
}

impl Operator<u64, ()> for Sum {
    fn process(&mut self, packet: Packet<u64>, _: &mut TaskContext<()>) -> OpResult {
        self.tally.add(packet.payload);
        Ok(())
    }

    fn close(&mut self, _: &mut TaskContext<()>) -> OpResult {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = self.tally;
        match self.expected {
            Some(expected) if expected != self.tally => Err("records were lost or changed".into()),
            _ => Ok(()),
        }
    }

    fn state(&mut self) -> State<'_> {
        State::of(&mut self.tally)
    }
}
