//! The demo with checkpoints, and with a worker that is killed.

use std::io::{self, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Args;
use sage_comm::{
    Attempts, CheckpointReport, Checkpoints, Deployment, JobController, JobReport, OpResult, Operator, Packet, State,
    TaskContext, is_worker,
};
use serde::Serialize;

use super::flow::Shared;
use super::results::{HotItem, Results};
use crate::args::Bounded;
use crate::failure::Failure;
use crate::number::grouped;

/// How often a job is taken up again within a minute.
const RETRIES: u32 = 5;
/// The worker that is killed.
const VICTIM: u32 = 1;
/// How often it is looked whether the moment has come.
const LOOK: Duration = Duration::from_millis(1);

/// What of the demo is kept.
#[derive(Clone, Debug, Args)]
pub(super) struct KeptArgs {
    /// Keep checkpoints in this folder, and go on from the last one that is there
    #[arg(long, value_name = "DIR")]
    checkpoints: Option<PathBuf>,

    /// Time between two checkpoints in milliseconds [default: 1000, with --kill-worker 50]
    #[arg(
        long, value_name = "MS", allow_negative_numbers = true, value_parser = Bounded::<0, { u64::MAX }>::parse
    )]
    every: Option<Bounded<0, { u64::MAX }>>,

    /// Kill a worker process behind the first checkpoint, and go on from there; without --checkpoints in a folder that
    /// goes with the job
    #[arg(long)]
    pub(super) kill_worker: bool,
}

/// A folder of this process alone.
#[derive(Debug)]
pub(super) struct OwnFolder(PathBuf);

impl Drop for OwnFolder {
    fn drop(&mut self) {
        // What cannot be removed stays for whoever cleans that place.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl KeptArgs {
    /// Where and how often, and the folder that is to go at the end.
    pub(super) fn checkpoints(
        &self,
        deployment: &Deployment,
    ) -> Result<(Option<Checkpoints>, Option<OwnFolder>), Failure> {
        let spread = matches!(deployment, Deployment::Processes(workers) if *workers >= 2);
        if self.kill_worker && !spread {
            return Err(Failure::usage(
                "--kill-worker with fewer than two processes: expected a worker that can be lost; add --transport shm \
                 --processes 3",
            ));
        }
        let (folder, own) = match (&self.checkpoints, self.kill_worker) {
            (Some(folder), _) => (folder.clone(), None),
            (None, true) => {
                let folder = std::env::temp_dir().join(format!("sage-demo-checkpoints-{}", std::process::id()));
                // Workers are told where it is.
                let own = (!is_worker()).then(|| OwnFolder(folder.clone()));
                (folder, own)
            }
            (None, false) if self.every.is_some() => {
                return Err(Failure::usage(
                    "--every without --checkpoints: expected a folder for them",
                ));
            }
            (None, false) => return Ok((None, None)),
        };
        let usual = if self.kill_worker { 50 } else { 1000 };
        let pause = Duration::from_millis(self.every.map_or(usual, |every| every.0));
        let tries = Attempts::within(RETRIES, Duration::from_secs(60))
            .pauses(Duration::from_millis(20), Duration::from_secs(1));
        Ok((Some(Checkpoints::in_folder(folder).every(pause).retries(tries)), own))
    }

    /// Kills a worker once there is something to go back to, if that was asked for.
    pub(super) fn kill(&self, job: JobController) {
        if !self.kill_worker {
            return;
        }
        let flows = |job: &JobController| job.progress().iter().any(|node| node.packets_out > 0);
        let kept = |job: &JobController| job.checkpoints().is_some_and(|it| it.completed > 0);
        // Without a thread nobody is killed, which is said at the end.
        let _ = thread::Builder::new().name("kill-worker".into()).spawn(move || {
            while !job.is_done() {
                if kept(&job) && flows(&job) {
                    let _ = job.kill_worker(VICTIM);
                    return;
                }
                thread::sleep(LOOK);
            }
        });
    }

    /// Whether what was asked for has happened.
    pub(super) fn check(&self, report: &JobReport) -> Result<(), Failure> {
        if self.kill_worker && report.restarts == 0 && report.failures.is_empty() {
            return Err(Failure::new(
                "the job ended before a worker was lost; give it more --events, or fewer milliseconds in --every",
            ));
        }
        Ok(())
    }
}

/// What came of it, as fields of the JSON object.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    /// Packets of the sources that were sent again, as far as is known.
    replayed: u64,
    /// From the moment that a failure was noticed until packets flowed again, the longest of them.
    recovery_seconds: Option<f64>,
    checkpoints: Option<CheckpointReport>,
    #[serde(skip)]
    restarts: u64,
}

impl Kept {
    pub(super) fn of(report: &JobReport) -> Self {
        let recovered = report.attempts.iter().map(|attempt| attempt.recovery_seconds);
        Self {
            replayed: report.attempts.iter().map(|attempt| attempt.replayed).sum(),
            recovery_seconds: recovered.reduce(f64::max),
            checkpoints: report.checkpoints.clone(),
            restarts: report.restarts,
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Some(checkpoints) = &self.checkpoints {
            let completed = checkpoints.completed;
            if let Some(restored) = checkpoints.restored.filter(|_| self.restarts == 0) {
                writeln!(out, "went on from checkpoint {restored}")?;
            }
            let noun = if completed == 1 { "checkpoint" } else { "checkpoints" };
            writeln!(out, "{} {noun}", grouped(completed))?;
        }
        if let Some(seconds) = self.recovery_seconds {
            let often = match self.restarts {
                1 => "once".to_owned(),
                times => format!("{} times", grouped(times)),
            };
            writeln!(
                out,
                "{often} back to a checkpoint: packets flowed again after {seconds:.2} s, {} were sent again",
                grouped(self.replayed),
            )?;
        }
        Ok(())
    }
}

/// The sink of a job with checkpoints: what it has is in them, and is shown at the end.
pub(super) struct KeptResults {
    own: Results,
    shown: Shared,
}

impl KeptResults {
    pub(super) fn new(shown: &Shared) -> Self {
        Self {
            own: shown.lock().empty(),
            shown: shown.clone(),
        }
    }
}

impl Operator<HotItem, ()> for KeptResults {
    fn process(&mut self, packet: Packet<HotItem>, _ctx: &mut TaskContext<()>) -> OpResult {
        self.own.add(packet.payload);
        Ok(())
    }

    fn state(&mut self) -> State<'_> {
        State::of(&mut self.own)
    }

    fn commit(&mut self, checkpoint: u64) -> OpResult {
        if checkpoint == u64::MAX {
            *self.shown.lock() = std::mem::replace(&mut self.own, Results::new(false));
        }
        Ok(())
    }
}
