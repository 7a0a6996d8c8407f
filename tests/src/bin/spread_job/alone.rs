//! Jobs whose workers stay where they are, for tests that kill their coordinator: while they build the job, while they open it,
//! and in the middle of a packet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{park, sleep, spawn};
use std::time::{Duration, Instant};

use sage_comm::ops::{FnSource, Map};
use sage_comm::{Checkpoints, Deployment, ErrorPolicy, Flow, JobController, NodeKind, Result, SourceStep, TaskContext};

use super::kept::folder;
use super::{Builtin, Made, say};

const LOOK: Duration = Duration::from_millis(5);
/// Who has not come on for so long is held up.
const HELD_UP: Duration = Duration::from_secs(1);

/// Where a worker stays.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stay {
    Building,
    /// As well, in a job that keeps checkpoints.
    BuildingKept,
    Opening,
    Working,
}

/// Says that this is the place, and stays until the process ends.
fn stay() -> Result<()> {
    say(&format!("process {}", std::process::id()))?;
    loop {
        park();
    }
}

/// A job with dead letters and a node in every worker.
pub(super) fn alone(deployment: Deployment, at: Stay) -> Made {
    if matches!(at, Stay::Building | Stay::BuildingKept) && sage_comm::is_worker() {
        stay()?;
    }
    let flow = Flow::new("alone", Builtin);
    let _ = flow
        .source("numbers", 2, |_| {
            FnSource::new(|ctx: &mut TaskContext<u32>| {
                ctx.emit(std::process::id())?;
                Ok(SourceStep::More)
            })
        })
        .process("work", NodeKind::Map, move |_| {
            if at == Stay::Opening && sage_comm::is_worker() {
                let _ = stay();
            }
            Map::new(move |sender: u32| {
                // Whoever sent it: what others send may be held up by a worker that stays already.
                if at == Stay::Working {
                    let _ = stay();
                }
                sender
            })
        })
        .parallelism(3)
        .on_error(ErrorPolicy::DeadLetter)
        .for_each("results", |_| {})
        .at_coordinator();
    let job = flow.build(deployment)?;
    if at == Stay::BuildingKept {
        return Ok((
            job.checkpoints(Checkpoints::in_folder(folder()?.join("checkpoints")))?,
            None,
        ));
    }
    Ok((job, None))
}

/// Pauses the job and lets it go on, over and over until its end, once somebody wants that; says whether the job could be
/// aborted while that was held up by a worker that was stopped.
pub(super) fn storm(job: &JobController) -> Result<()> {
    let wanted = folder()?.join("storm");
    while !wanted.exists() {
        sleep(LOOK);
    }
    let done = Arc::new(AtomicU64::new(0));
    let (counted, toggled) = (Arc::clone(&done), job.clone());
    spawn(move || {
        while !toggled.is_done() {
            toggled.pause();
            toggled.resume();
            counted.fetch_add(1, Ordering::AcqRel);
        }
    });
    let mut before = (0, Instant::now());
    while before.1.elapsed() < HELD_UP {
        sleep(LOOK);
        let now = done.load(Ordering::Acquire);
        if now != before.0 {
            before = (now, Instant::now());
        }
    }
    job.abort();
    let held_up = done.load(Ordering::Acquire) == before.0;
    say(if held_up {
        "aborted at once"
    } else {
        "aborted behind the pause"
    })
}
