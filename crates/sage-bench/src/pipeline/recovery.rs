//! How long a job is without a worker that was killed.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::{Attempts, Checkpoints, Deployment, JobController};

use super::job;
use super::program::Part;
use super::record::Record;
use crate::measure::{Better, Case, Group, Metric, Role, Size};

/// Enough for a second and more.
const RECORDS: u64 = 6_000_000;
const WORKERS: u32 = 2;
const EVERY: Duration = Duration::from_millis(50);
const LOOK: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn group() -> Group {
    Group {
        size: Size::Own,
        item: <u64 as Record>::NAME,
        metrics: vec![Metric {
            scenario: "recovery of a killed worker",
            unit: "s",
            better: Better::Lower,
        }],
        cases: vec![Case::new("2 processes, shm", Role::Ours, |_| {
            vec![Part::Recover.play().seconds]
        })],
    }
}

/// Seconds from the signal until packets arrive at the sink again. Every process of the job comes here.
pub(super) fn run() -> sage_comm::Result<f64> {
    let folder = Folder(std::env::temp_dir().join(format!("sage-bench-recovery-{}", std::process::id())));
    let checkpoints = Checkpoints::in_folder(&folder.0)
        .every(EVERY)
        .retries(Attempts::within(3, PATIENCE).pauses(LOOK, EVERY));
    let running = sage_comm::launch(|| {
        let job = job::flow::<u64>(WORKERS, RECORDS)
            .0
            .build(Deployment::Processes(WORKERS))?;
        job.checkpoints(checkpoints)
    })?;
    let job = running.controller();
    let has_one = |job: &JobController| job.checkpoints().is_some_and(|kept| kept.completed > 0);
    wait_for(&job, has_one);
    let killed = Instant::now();
    assert!(job.kill_worker(WORKERS - 1), "no worker to kill");
    let flows = |job: &JobController| {
        let sink = job.progress().into_iter().find(|node| node.node == job::SINK);
        job.restarts() > 0 && sink.is_some_and(|sink| sink.packets_in > 0)
    };
    wait_for(&job, flows);
    let took = killed.elapsed().as_secs_f64();
    let report = running.wait().into_result()?;
    assert!(
        report.is_complete() && report.restarts > 0,
        "the job's books do not close"
    );
    Ok(took)
}

fn wait_for(job: &JobController, is_so: impl Fn(&JobController) -> bool) {
    let begun = Instant::now();
    while !is_so(job) {
        assert!(!job.is_done() && begun.elapsed() < PATIENCE, "the job ended too early");
        thread::sleep(LOOK);
    }
}

/// Gone with the part, which its workers have no share in.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
