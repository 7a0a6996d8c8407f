//! What checkpoints cost: the same job for two seconds, with one a second and without.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use sage_comm::{
    Builtin, Checkpoints, Deployment, Flow, KeyedState, NodeKind, OpResult, Source, SourceStep, State, TaskContext,
};

use super::job::{Count, Result, Sum};
use super::record::{Record, Tally};
use crate::measure::{Better, Case, Group, Metric, Role, Size};

/// Long enough for one checkpoint on the way and the one at the end.
const LASTS: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_secs(1);
/// Records between two looks at the clock.
const STEP: u64 = 256;

pub(super) fn group() -> Group {
    Group {
        size: Size::Own,
        item: <u64 as Record>::NAME,
        metrics: vec![Metric {
            scenario: "checkpoint every second",
            unit: "M items/s",
            better: Better::Higher,
        }],
        cases: vec![
            Case::new("with checkpoints", Role::Ours, |_| vec![run(true)]),
            Case::new("without", Role::Ours, |_| vec![run(false)]),
        ],
    }
}

/// Millions of records a second.
fn run(keeps: bool) -> f64 {
    let flow = Flow::new("count", Builtin);
    let result = Result::default();
    let sink = Arc::clone(&result);
    let _ = flow
        .source("records", 1, |_| Timed { next: 0, until: None })
        .map("map", <u64 as Record>::mapped)
        .forward()
        .key_by("by_number", |record: &u64| Record::key(record))
        .process("count", NodeKind::Reduce, |_| Count(KeyedState::new()))
        .sink("tally", move |_| Sum::new(None, &sink));
    let mut job = flow.build(Deployment::Threads).expect("a job without findings");
    let folder = std::env::temp_dir().join(format!("sage-bench-checkpoints-{}", std::process::id()));
    if keeps {
        let checkpoints = Checkpoints::in_folder(&folder).every(EVERY);
        job = job.checkpoints(checkpoints).expect("a job whose states are known");
    }
    let begun = Instant::now();
    let report = job.run().expect("a job that starts");
    let took = begun.elapsed().as_secs_f64();
    assert!(report.is_complete(), "the job's books do not close");
    if keeps {
        let _ = std::fs::remove_dir_all(&folder);
        let completed = report.checkpoints.map_or(0, |kept| kept.completed);
        assert!(completed > 1, "{completed} checkpoints in {took} s");
    }
    let tally = *result.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(
        tally,
        Tally::expected(tally.records()),
        "the job lost or changed records"
    );
    tally.records() as f64 / took / 1e6
}

/// Records as fast as they are taken, for two seconds.
struct Timed {
    next: u64,
    until: Option<Instant>,
}

impl Source<u64> for Timed {
    fn step(&mut self, ctx: &mut TaskContext<u64>) -> OpResult<SourceStep> {
        let now = Instant::now();
        if now >= *self.until.get_or_insert(now + LASTS) {
            return Ok(SourceStep::Done);
        }
        for number in self.next..self.next + STEP {
            ctx.emit(<u64 as Record>::new(number))?;
        }
        self.next += STEP;
        Ok(SourceStep::More)
    }

    fn position(&mut self) -> State<'_> {
        State::of(&mut self.next)
    }
}
