//! A job with checkpoints, and what is done to it while it runs: `SPREAD_JOB_FOLDER` is where it keeps everything,
//! `SPREAD_JOB_KILLS` names the moments at which it loses a worker, or has `sum` get so many instances: `sum=4`; `away=4`
//! while its folder is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sage_comm::ops::{CommitSink, FnSource, SeekSource};
use sage_comm::{
    Attempts, Checkpoints, Deployment, Error, ErrorKind, Flow, Instance, JobController, OpResult, Result, SourceStep,
    TaskContext,
};

use super::{Builtin, Made};

const END: u64 = 20_000;
/// Packets of one step.
const STEP: u64 = 20;

pub(super) fn folder() -> Result<PathBuf> {
    let folder = std::env::var_os("SPREAD_JOB_FOLDER").map(PathBuf::from);
    folder.ok_or_else(|| Error::new(ErrorKind::InvalidGraph, "choose folder").expected("SPREAD_JOB_FOLDER"))
}

/// Numbers, with a pause behind each step, from where it was.
fn numbers(at: &Instance) -> impl sage_comm::Source<u64> + use<> {
    let parts = u64::from(at.parallelism);
    let mut rest = false;
    SeekSource::new(
        u64::from(at.index),
        move |next: &mut u64, ctx: &mut TaskContext<u64>| {
            rest = !rest;
            if rest {
                return Ok(SourceStep::Idle(Duration::from_millis(1)));
            }
            for _ in 0..STEP {
                if *next >= END {
                    return Ok(SourceStep::Done);
                }
                ctx.emit(*next)?;
                *next += parts;
            }
            Ok(SourceStep::More)
        },
    )
}

/// Sums by key, collected, and all numbers in files that are written by commits.
pub(super) fn kept(deployment: Deployment) -> Made {
    let folder = folder()?;
    let flow = Flow::new("kept", Builtin);
    let numbers = flow.source("numbers", 2, numbers);
    let (shown, fuse) = (folder.join("shown"), folder.join("fuse"));
    let _ = numbers
        .map("copy", move |n| {
            // Once, whichever process it is in.
            assert!(
                n != END / 2 || !fuse.exists() || fs::remove_file(&fuse).is_err(),
                "a bad moment"
            );
            n
        })
        .parallelism(2)
        .sink("files", move |at| {
            let (shown, index) = (shown.clone(), at.index);
            CommitSink::new(move |number, rows: Vec<u64>| show(&shown, index, number, &rows))
        })
        .parallelism(3);
    let sums = numbers
        .key_by("by_rest", |n| n % 97)
        .parallelism(3)
        .fold(
            "sum",
            || 0,
            |sum: &mut u64, n: u64| *sum += n,
            |key, sum| Ok((key.decode::<u64>()?, sum)),
        )
        .parallelism(3)
        .collect("results");
    let tries = Attempts::within(10, Duration::from_secs(600)).pauses(Duration::ZERO, Duration::ZERO);
    let often = Checkpoints::in_folder(folder.join("checkpoints"))
        .every(Duration::from_millis(5))
        .retries(tries);
    Ok((flow.build(deployment)?.checkpoints(often)?, Some(sums)))
}

/// A source that does not say where it is, in a worker.
pub(super) fn unkept(deployment: Deployment) -> Made {
    let flow = Flow::new("unkept", Builtin);
    let _ = flow
        .source("numbers", 2, |_| {
            FnSource::new(|_: &mut TaskContext<u64>| Ok(SourceStep::Done))
        })
        .for_each("results", |_| {});
    let often = Checkpoints::in_folder(folder()?.join("checkpoints"));
    Ok((flow.build(deployment)?.checkpoints(often)?, None))
}

/// A file for each commit: what has been shown stays so, and the same commit shows nothing new.
fn show(shown: &Path, index: u32, number: u64, rows: &[u64]) -> OpResult {
    let unfinished = shown.join(format!(".{index}-{number}"));
    let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
    fs::write(&unfinished, lines)?;
    Ok(fs::rename(unfinished, shown.join(format!("{index}-{number}")))?)
}

/// Loses workers, one moment after the other, as far as the job gets.
pub(super) fn trouble(job: &JobController) -> Result<()> {
    let unfinished = folder()?.join("checkpoints");
    let kills = std::env::var("SPREAD_JOB_KILLS").unwrap_or_default();
    for (worker, moment) in (0..).zip(kills.split(',').filter(|moment| !moment.is_empty())) {
        let (restarts, before) = (job.restarts(), pids(job));
        let completed = job.checkpoints().map_or(0, |it| it.completed);
        if let Some(to) = moment.strip_prefix("sum=").and_then(|to| to.parse().ok()) {
            let diff = job.rescale("sum", to)?;
            assert_eq!(diff.after, to);
            continue;
        }
        if let Some(to) = moment.strip_prefix("away=").and_then(|to| to.parse().ok()) {
            let elsewhere = unfinished.with_extension("elsewhere");
            fs::rename(&unfinished, &elsewhere).map_err(broken)?;
            let refused = job.rescale("sum", to).map(drop);
            fs::rename(elsewhere, &unfinished).map_err(broken)?;
            assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Overloaded));
            continue;
        }
        let wait = |enough: &dyn Fn() -> bool| {
            while !enough() && !job.is_done() {
                std::thread::yield_now();
            }
        };
        match moment {
            "complete" => wait(&|| job.checkpoints().is_some_and(|it| it.completed > completed)),
            "during" => wait(&|| is_unfinished(&unfinished)),
            "starting" => {
                // Right behind another loss, with those of the next attempt on their way.
                let _ = job.kill_worker(worker + 1);
                wait(&|| pids(job).is_disjoint(&before) && !pids(job).is_empty());
            }
            _ => {}
        }
        let _ = job.kill_worker(worker % 3);
        wait(&|| job.restarts() > restarts);
    }
    Ok(())
}

fn broken(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "move folder").caused_by(cause)
}

fn pids(job: &JobController) -> BTreeSet<u32> {
    job.workers().into_iter().map(|worker| worker.pid).collect()
}

fn is_unfinished(folder: &Path) -> bool {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names = names.filter_map(|entry| entry.file_name().into_string().ok());
    names.any(|name| name.starts_with("unfinished"))
}
