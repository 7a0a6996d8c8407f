//! Jobs whose workers stay where they are, for tests that kill their coordinator: while they build the job, while they open it,
//! and in the middle of a packet.

use std::thread::park;

use sage_comm::ops::{FnSource, Map};
use sage_comm::{Checkpoints, Deployment, ErrorPolicy, Flow, NodeKind, Result, SourceStep, TaskContext};

use super::kept::folder;
use super::{Builtin, Made, say};

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
                if at == Stay::Working && sender != std::process::id() {
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
