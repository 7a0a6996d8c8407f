//! Runs a job to its end, in view of whoever started it.

use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use sage_comm::{Builtin, Job, JobController, JobReport, Outcome};

use crate::args::JobArgs;
use crate::failure::Failure;
use crate::interrupt::{Asked, Interrupts};
use crate::number::grouped;
use crate::progress::{Progress, Reached, Unit};

/// How often progress is drawn and interrupts are looked for.
const TICK: Duration = Duration::from_millis(100);
/// How long a drain may take before the job is cut off.
const DRAIN: Duration = Duration::from_secs(60);

/// Starts the job that `build` writes down, tells `begun`, and waits for its end. In a worker of the job it does not return.
pub(crate) fn run_job(
    build: impl FnOnce() -> sage_comm::Result<Job<Builtin>>,
    begun: impl FnOnce(JobController),
    args: &JobArgs,
    unit: Unit,
    reached: impl Fn(&JobController) -> Reached,
) -> Result<JobReport, Failure> {
    if let Some(server) = &args.join {
        match sage_comm::join(server, build)? {}
    }
    let handle = sage_comm::launch(build)?;
    let interrupts = Interrupts::catch()?;
    let mut progress = Progress::new(!args.quiet, unit);
    tracing::info!(transport = %args.transport(), parallelism = args.parallelism(), "job started");
    let controller = handle.controller();
    begun(handle.controller());
    let mut report = thread::scope(|scope| {
        let (sender, end) = channel();
        // The receiver is there until it has the report.
        scope.spawn(move || sender.send(handle.wait()).is_ok());
        let mut obeyed = Asked::Nothing;
        loop {
            match end.recv_timeout(TICK) {
                Ok(report) => return Ok(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new("the job ended without a report; report what you see"));
                }
            }
            progress.show(reached(&controller), Instant::now());
            obeyed = obey(interrupts.asked(), obeyed, &controller, &progress);
        }
    })?;
    progress.finish();
    // An interrupt ends the whole pipeline of a shell, and an input that was cut off looks like one that ended.
    if report.outcome == Outcome::Finished && interrupts.asked() > Asked::Nothing {
        report.outcome = Outcome::Drained;
    }
    tracing::info!(outcome = %report.outcome, seconds = report.seconds, "job ended");
    Ok(report)
}

/// Does what was asked for since the last look.
fn obey(asked: Asked, obeyed: Asked, controller: &JobController, progress: &Progress) -> Asked {
    match asked {
        Asked::Drain if asked > obeyed => {
            progress.say("sage: draining; interrupt again to cut the job off");
            controller.drain(DRAIN);
        }
        Asked::Abort if asked > obeyed => {
            progress.say("sage: cutting the job off");
            controller.abort();
        }
        _ => {}
    }
    asked
}

/// The end of the command, as far as the job decides it.
pub(crate) fn conclude(report: JobReport) -> Result<ExitCode, Failure> {
    match report.outcome {
        Outcome::Drained => {
            report.into_result()?;
            Err(Failure::interrupted("interrupted; all that had been read flowed out"))
        }
        Outcome::Aborted => Err(Failure::interrupted(format_args!(
            "cut off with {} packets inside",
            grouped(report.ledger.totals().in_flight)
        ))),
        _ => match report.failures.first() {
            // What failed first is why the others had to end.
            Some(first) => Err(Failure::new(first)),
            None => report.into_result().map(|_| ExitCode::SUCCESS).map_err(Failure::from),
        },
    }
}
