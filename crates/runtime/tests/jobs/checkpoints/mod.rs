//! Jobs that end too early and go on from their last checkpoint, as if nothing had been.

mod attempts;
mod keeping;
mod rescale;
mod rollback;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runtime::ops::{CommitSink, SeekSource};
use runtime::{Checkpoints, Data, Flow, Instance, JobReport, OpResult, SourceStep, Stream, TaskContext};

use crate::rig::{InProcess, Signal, sorted};

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A folder of one test, which goes with it.
pub(crate) struct Temp(PathBuf);

impl Temp {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("sage-{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    pub(crate) fn often(&self) -> Checkpoints {
        Checkpoints::in_folder(&self.0).every(Duration::ZERO)
    }

    /// The names in the folder, but for the lock.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        sorted(names.filter(|name| name != "lock"))
    }

    fn last(&self) -> PathBuf {
        self.0.join(self.names().last().unwrap())
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

type Commit<T> = Box<dyn FnMut(u64, Vec<T>) -> OpResult + Send>;

/// What sinks have committed, as a table outside of the job would have it: each instance's numbers once.
#[derive(Clone)]
struct Table<T>(Arc<Mutex<Shown<T>>>);

struct Shown<T> {
    last: BTreeMap<u32, u64>,
    rows: Vec<T>,
}

impl<T: Data> Table<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Shown {
            last: BTreeMap::new(),
            rows: Vec::new(),
        })))
    }

    fn sink(&self) -> impl Fn(&Instance) -> CommitSink<T, Commit<T>> + use<T> {
        let table = self.clone();
        move |at| {
            let (table, index) = (table.clone(), at.index);
            CommitSink::new(Box::new(move |number, rows| {
                let mut shown = table.0.lock().unwrap();
                let last = shown.last.entry(index).or_default();
                if number > *last {
                    *last = number;
                    shown.rows.extend(rows);
                }
                Ok(())
            }))
        }
    }

    fn rows(&self) -> Vec<T>
    where
        T: Ord,
    {
        sorted(self.0.lock().unwrap().rows.iter().cloned())
    }
}

fn number_of(report: &JobReport) -> (Option<u64>, Option<u64>) {
    let checkpoints = report.checkpoints.as_ref().unwrap();
    (checkpoints.restored, checkpoints.last)
}

/// A source of `end` numbers that waits at `gate` until the signal has been raised, and ends behind that.
pub(crate) fn gated(
    flow: &Flow<InProcess>,
    name: &str,
    gate: u64,
    end: u64,
    signal: &Signal,
) -> Stream<u64, InProcess> {
    let signal = signal.clone();
    flow.source(name, 1, move |_| {
        let signal = signal.clone();
        SeekSource::new(0_u64, move |next: &mut u64, ctx: &mut TaskContext<u64>| {
            if *next == end {
                return Ok(SourceStep::Done);
            }
            if *next == gate && signal.times() == 0 {
                return Ok(SourceStep::Idle(MINUTE));
            }
            ctx.emit(*next)?;
            *next += 1;
            Ok(SourceStep::More)
        })
    })
}

pub(crate) fn complete_beyond(temp: &Temp, number: u64) -> bool {
    let names = fs::read_dir(&temp.0).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter_map(|name| name.strip_prefix("checkpoint-")?.parse::<u64>().ok())
        .any(|found| found > number)
}
