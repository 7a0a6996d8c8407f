//! What the tests of managers share.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use descriptor_core::{Backends, Registry, Wire, live_queues};
use jobs::{JobLimits, JobManager, JobRegistry, JobState, Param, ScalarKind, Scalars, Submission};
use runtime::ops::{FnSource, IterSource, SeekSource};
use runtime::{Deployment, Flow, SourceStep, TaskContext};

pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// The queue types of a process.
#[derive(Clone, Debug)]
pub(crate) struct InProcess;

impl Backends for InProcess {
    fn registry<T: Wire>(&self) -> Registry<T> {
        Registry::new()
            .with::<queue_local::LocalSpec>()
            .with::<queue_sage::SageSpec>()
    }
}

pub(crate) fn watched(name: &'static str, test: impl FnOnce() + Send + 'static) {
    queue_testkit::watchdog(Duration::from_secs(120), name, test);
}

/// Opens once.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    pub(crate) fn pass(&self) {
        let open = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(open, |open| !*open).unwrap());
    }
}

/// Sums up numbers.
pub(crate) fn registry() -> JobRegistry {
    JobRegistry::new()
        .with("sum", [Param::optional("upto", 10_i64, "the last number")], |params| {
            let upto = params.int_within("upto", 0, 1_000_000)?;
            let flow = Flow::new("sum", InProcess);
            let numbers = flow
                .source("numbers", 1, move |_| IterSource::new(1..=upto))
                .chain(false)
                .collect("numbers");
            let job = flow.build(Deployment::Threads)?;
            Ok(Submission::with_result(job, move |_| {
                numbers.take().iter().sum::<i64>().into()
            }))
        })
        .with(
            "count",
            [
                Param::optional("upto", 0_i64, "how many to count; 0 for no end"),
                Param::optional("trap", -1_i64, "the number that fails"),
            ],
            |params| {
                let (upto, trap) = (params.int("upto")?, params.int("trap")?);
                let flow = Flow::new("count", InProcess);
                let counts = flow
                    .source("numbers", 1, move |_| {
                        SeekSource::new(0_i64, move |next, ctx: &mut TaskContext<i64>| {
                            ctx.emit(*next)?;
                            *next += 1;
                            Ok(if *next == upto {
                                SourceStep::Done
                            } else {
                                SourceStep::More
                            })
                        })
                    })
                    .try_map("trap", move |n| if n == trap { Err("sprung") } else { Ok(n) })
                    .key_by("rest", |n| n % 7)
                    .fold("count", || 0_u64, |count, _| *count += 1, |_, count| Ok(count))
                    .collect("counts");
                let job = flow.build(Deployment::Threads)?;
                Ok(Submission::with_result(job, move |_| {
                    counts.take().iter().sum::<u64>().into()
                }))
            },
        )
        .with("endless", [], |_| {
            let flow = Flow::new("endless", InProcess);
            let _ = flow
                .source("numbers", 1, |_| {
                    FnSource::new(|ctx: &mut TaskContext<u64>| {
                        ctx.emit(1)?;
                        Ok(SourceStep::More)
                    })
                })
                .for_each("end", |_| {})
                .chain(false);
            Ok(flow.build(Deployment::Threads)?.into())
        })
        .with(
            "broken",
            [Param::needed(
                "how",
                ScalarKind::Text,
                "`build`, `panic`, `run` or `result`",
            )],
            |params| {
                let how = params.text("how")?.to_owned();
                assert_ne!(how, "panic", "cannot be built");
                let flow = Flow::new(if how == "build" { "not a name" } else { "broken" }, InProcess);
                let fails = how == "run";
                let _ = flow
                    .source("numbers", 1, |_| IterSource::new(0..10_u64))
                    .try_map("trap", move |n| if fails { Err("sprung") } else { Ok(n) })
                    .for_each("end", |_| {});
                let job = flow.build(Deployment::Threads)?;
                Ok(Submission::with_result(job, move |_| {
                    assert_ne!(how, "result", "nothing to say");
                    true.into()
                }))
            },
        )
}

pub(crate) fn manager(limits: JobLimits) -> JobManager {
    JobManager::new(registry(), limits)
}

pub(crate) fn params(pairs: &[(&str, &str)]) -> Scalars {
    let pairs = pairs.iter();
    pairs.map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

pub(crate) fn state(manager: &JobManager, id: &str) -> JobState {
    manager.status(id).unwrap().summary.state
}

/// The names of the live queues of jobs of this name.
pub(crate) fn queues_of(job: &str) -> Vec<String> {
    let prefix = format!("{job}.");
    let ids = live_queues().into_iter().map(|live| live.record.queue_id.to_string());
    ids.filter(|id| id.starts_with(&prefix)).collect()
}
