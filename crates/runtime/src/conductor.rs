//! Sees a job through its attempts: when one fails, all of the job goes back to the last checkpoint and on from there.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};

use crate::CheckpointReport;
use crate::attempt::{Attempt, Ended};
use crate::control::Phase;
use crate::current::Current;
use crate::report::{AttemptReport, FailureReport, JobReport, Outcome};
use crate::restart::{Attempts, History};
use crate::shared::Shared;

/// Makes the next attempt, up to the point where only the start is missing: everything of it is new but what the
/// checkpoint has. What came of the checkpoints so far goes in; the attempt is shown as soon as it can be called off.
pub(crate) type Again = Box<dyn FnMut(&Current, CheckpointReport) -> Result<Attempt, Error> + Send>;

/// How often it is looked whether packets flow again, and how often when they have not for a second.
const LOOK: Duration = Duration::from_millis(2);
const SELDOM: Duration = Duration::from_millis(100);

/// Sees to the job from its first attempt on.
///
/// # Errors
/// `ResourceExhausted` when the system refuses the thread.
pub(crate) fn spawn(
    current: &Arc<Current>,
    first: Attempt,
    again: Again,
    restart: Attempts,
) -> Result<JoinHandle<JobReport>, Error> {
    let thread = thread::Builder::new().name(format!("{}-conductor", first.shared().plan.job_name()));
    let conductor = Conductor {
        current: Arc::clone(current),
        again,
        history: History::of(restart),
        past: Vec::new(),
    };
    thread.spawn(move || conductor.run(first)).map_err(|cause| {
        Error::new(ErrorKind::ResourceExhausted, "start job")
            .expected("a thread that sees to the attempts")
            .caused_by(cause)
            .remedy("raise the limit of threads")
    })
}

struct Conductor {
    current: Arc<Current>,
    again: Again,
    history: History,
    past: Vec<AttemptReport>,
}

impl Conductor {
    fn run(mut self, first: Attempt) -> JobReport {
        let begun = Instant::now();
        let mut attempt = first;
        let mut report = loop {
            let shared = Arc::clone(attempt.shared());
            let ended = attempt.finish();
            let noticed = shared.control.failed_at().unwrap_or_else(Instant::now);
            if self.is_final(&ended) {
                break ended.report;
            }
            match self.next(&shared, ended.report, noticed) {
                Ok(next) => attempt = next,
                Err(last) => break *last,
            }
        };
        report.seconds = begun.elapsed().as_secs_f64();
        report.restarts = self.past.len() as u64;
        report.attempts = self.past;
        self.current.end();
        report
    }

    /// Whether the job ends with this attempt, whatever the limit of attempts says.
    fn is_final(&self, ended: &Ended) -> bool {
        ended.report.outcome != Outcome::Failed || ended.left_alone || self.current.is_stopped()
    }

    /// The next attempt, with its packets flowing; or the report of the job when there is none.
    fn next(&mut self, failed: &Shared, mut report: JobReport, noticed: Instant) -> Result<Attempt, Box<JobReport>> {
        let replayed = replayed(failed);
        let checkpoints = report.checkpoints.clone().unwrap_or_default();
        loop {
            let Some(pause) = self.history.again(Instant::now()) else {
                return Err(Box::new(report));
            };
            let job = &report.job;
            let why = report.failures.first().map(ToString::to_string).unwrap_or_default();
            tracing::warn!(job, ?pause, "{why}; the job goes back to its last checkpoint");
            if !self.current.rest(pause) {
                return Err(Box::new(report));
            }
            let before = CheckpointReport {
                restored: None,
                ..checkpoints.clone()
            };
            match (self.again)(&self.current, before) {
                Ok(next) => {
                    self.current.begin();
                    see_flow(next.shared());
                    self.past.push(AttemptReport {
                        restored: checkpoints.restored,
                        failures: report.failures,
                        lost_workers: report.lost_workers,
                        seconds: report.seconds,
                        replayed,
                        recovery_seconds: noticed.elapsed().as_secs_f64(),
                    });
                    return Ok(next);
                }
                Err(error) => {
                    // It would come to nothing again, or nobody wants it any more.
                    let hopeless = matches!(
                        error.kind(),
                        ErrorKind::Corrupt | ErrorKind::Incompatible | ErrorKind::InvalidGraph
                    );
                    report.failures.insert(0, not_started(&error));
                    if hopeless || self.current.is_stopped() {
                        return Err(Box::new(report));
                    }
                }
            }
        }
    }
}

fn not_started(error: &Error) -> FailureReport {
    FailureReport {
        node: String::new(),
        instance: "the next attempt".into(),
        message: error.to_string(),
        panicked: false,
        isolated: false,
    }
}

/// What the sources of an attempt had sent behind its last checkpoint, as far as is known here.
fn replayed(shared: &Shared) -> u64 {
    let sources = shared.plan.instances().iter().zip(&shared.meters);
    let sources = sources.filter(|(it, _)| shared.plan.groups_into(it.node).next().is_none());
    let sent: u64 = sources.map(|(_, meter)| meter.packets_out()).sum();
    sent.saturating_sub(shared.control.round().map_or(0, |round| round.sent()))
}

/// Waits until packets flow, or nothing will.
fn see_flow(shared: &Shared) {
    let flows = || {
        shared
            .meters
            .iter()
            .any(|meter| meter.packets_out() > 0 || meter.packets_in() > 0)
    };
    let control = &shared.control;
    let start = Instant::now();
    while !flows() && !control.all_ended(shared.tasks) && control.phase() == Phase::Running && !control.is_paused() {
        let pause = if start.elapsed().as_secs() == 0 { LOOK } else { SELDOM };
        let _ = control.wait_all(shared.tasks, Instant::now().checked_add(pause));
    }
}
