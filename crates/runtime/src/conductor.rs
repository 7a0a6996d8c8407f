//! Sees a job through its attempts: when one fails, all of the job goes back to the last checkpoint and on from there.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use descriptor_core::{Error, ErrorKind};
use graph::Plan;
use task::host::{History, Phase};

use crate::CheckpointReport;
use crate::attempt::{Attempt, Ended};
use crate::current::Current;
use crate::report::{AttemptReport, FailureReport, JobReport, Outcome, RescaleReport};
use crate::shared::Shared;
use crate::{Attempts, Restart};

/// Makes the next attempt, up to the point where only the start is missing: everything of it is new but what the
/// checkpoint has. What came of the checkpoints so far goes in; the attempt is shown as soon as it can be called off.
pub(crate) type Again = Box<dyn FnMut(&Current, &Plan, CheckpointReport) -> Result<Attempt, Error> + Send>;

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
    restart: Option<Attempts>,
) -> Result<JoinHandle<JobReport>, Error> {
    let thread = thread::Builder::new().name(format!("{}-conductor", first.shared().plan.job_name()));
    let conductor = Conductor {
        current: Arc::clone(current),
        again,
        history: restart.map_or_else(|| History::new(Restart::Never), History::of),
        past: Vec::new(),
        rescales: Vec::new(),
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
    rescales: Vec<RescaleReport>,
}

impl Conductor {
    fn run(mut self, first: Attempt) -> JobReport {
        let begun = Instant::now();
        let mut attempt = first;
        let mut report = loop {
            let shared = Arc::clone(attempt.shared());
            let ended = attempt.finish();
            let noticed = shared.control.failed_at().unwrap_or_else(Instant::now);
            let cut = shared.control.round().is_some_and(|round| round.is_cut());
            let next = if cut && ended.report.outcome == Outcome::Aborted && !ended.left_alone {
                self.rescaled(ended.report)
            } else {
                if self.is_final(&ended) {
                    break ended.report;
                }
                self.next(&shared, ended.report, noticed)
            };
            match next {
                Ok(next) => attempt = next,
                Err(last) => break *last,
            }
        };
        report.seconds = begun.elapsed().as_secs_f64();
        report.restarts = self.past.len() as u64;
        report.attempts = self.past;
        report.rescales = self.rescales;
        self.current.end();
        self.current.refuse(overtaken());
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
            let wanted = self.current.rest(pause);
            // Nobody can wish for anything new until packets flow again.
            self.current.refuse(overtaken());
            if !wanted {
                return Err(Box::new(report));
            }
            let before = CheckpointReport {
                restored: None,
                ..checkpoints.clone()
            };
            match (self.again)(&self.current, &self.current.plan(), before) {
                Ok(next) => {
                    self.current.begin(true);
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

    /// The attempt with the plan that the last one was ended for; or with the old one, when that cannot be.
    fn rescaled(&mut self, mut report: JobReport) -> Result<Attempt, Box<JobReport>> {
        let begun = Instant::now();
        // Nobody can have taken it back: the checkpoint is complete. A drain that came meanwhile has nothing to drain here:
        // all that was inside is in the checkpoint.
        self.current.rest(Duration::ZERO);
        if self.current.is_aborted() {
            return Err(Box::new(report));
        }
        let checkpoints = report.checkpoints.clone().unwrap_or_default();
        let checkpoint = checkpoints.last;
        let before = || CheckpointReport {
            restored: None,
            ..checkpoints.clone()
        };
        let Some((plan, diff)) = self.current.wanted() else {
            return Err(Box::new(report));
        };
        let made = (self.again)(&self.current, &plan, before());
        let made = match made {
            Ok(next) => {
                self.rescales.push(RescaleReport {
                    moved: diff.moved(),
                    node: diff.node,
                    before: diff.before,
                    after: diff.after,
                    checkpoint,
                    seconds: begun.elapsed().as_secs_f64(),
                });
                self.current.begin(false);
                self.current.accept(plan);
                return Ok(next);
            }
            Err(error) => {
                let made = (self.again)(&self.current, &self.current.plan(), before());
                self.current.refuse(error);
                made
            }
        };
        match made {
            Ok(next) => {
                self.current.begin(false);
                Ok(next)
            }
            Err(error) => {
                report.outcome = Outcome::Failed;
                report.failures.insert(0, not_started(&error));
                Err(Box::new(report))
            }
        }
    }
}

/// Something else came before the change of the plan.
fn overtaken() -> Error {
    Error::new(ErrorKind::Cancelled, "rescale node")
        .expected("a job that runs until its checkpoint is complete")
        .found("one that came to its end, or failed")
        .remedy("see what became of the job, and ask again when it runs")
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
