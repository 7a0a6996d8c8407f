//! The job as a user of this library writes it.

use std::sync::{Arc, Mutex, PoisonError};

use sage_comm::ops::IterSource;
use sage_comm::{Builtin, Deployment, Flow, KeyedState, NodeKind, OpResult, Operator, Packet, TaskContext};

use super::record::{Record, Tally};

/// Runs it over the records 0 to `items`.
pub(super) fn run<R: Record>(kind: &str, parallelism: u32, items: u64) -> Tally {
    let flow = Flow::new("count", Builtin);
    flow.queue_kind(kind);
    let result = Arc::new(Mutex::new(Tally::default()));
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
        .sink("tally", move |_| Sum {
            tally: Tally::default(),
            result: Arc::clone(&sink),
        });
    let report = flow.build(Deployment::Threads).and_then(sage_comm::Job::run);
    let report = report.expect("a job without findings");
    assert!(report.is_complete(), "the job's books do not close");
    *result.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running count per key.
struct Count(KeyedState<u64>);

impl<R: Record> Operator<R, u64> for Count {
    fn process(&mut self, packet: Packet<R>, ctx: &mut TaskContext<u64>) -> OpResult {
        let key = packet.key().ok_or("a packet without a key")?;
        let count = self.0.get_or_insert_with(key, || 0);
        *count += 1;
        ctx.emit(*count)
    }
}

struct Sum {
    tally: Tally,
    result: Arc<Mutex<Tally>>,
}

impl Operator<u64, ()> for Sum {
    fn process(&mut self, packet: Packet<u64>, _: &mut TaskContext<()>) -> OpResult {
        self.tally.add(packet.payload);
        Ok(())
    }

    fn close(&mut self, _: &mut TaskContext<()>) -> OpResult {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = self.tally;
        Ok(())
    }
}
