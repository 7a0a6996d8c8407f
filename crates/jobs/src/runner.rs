//! The thread of one job: starts it, waits for its end, and writes down what it came to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind};
use runtime::{JobReport, Outcome};
use serde_json::Value;

use crate::manager::Shared;
use crate::registry::Started;
use crate::status::Seen;
use crate::table::{Asked, Ended, Stage};
use crate::{JobParams, JobState};

/// Runs one job to its end; `tell` hears whether it has started.
pub(crate) fn run(
    shared: &Arc<Shared>,
    number: u64,
    name: &str,
    params: &JobParams,
    tell: impl FnOnce(Result<(), Error>),
) {
    let started = catch_unwind(AssertUnwindSafe(|| shared.registry.start(name, params)));
    let started = started.unwrap_or_else(|panic| {
        Err(Error::new(ErrorKind::UserCode, "submit job")
            .with("job", name)
            .found(format!("a panic while it was built: {}", words(panic.as_ref())))
            .remedy("mend the function that builds it"))
    });
    match started {
        Ok(started) => {
            shared.enter(number, started.handle.controller());
            tell(Ok(()));
            see_out(shared, number, params, started);
        }
        Err(error) => {
            if let Some(kept) = params.kept() {
                kept.leave(false);
            }
            shared.lock().remove(number);
            shared.changed.notify_all();
            tell(Err(error));
        }
    }
}

fn see_out(shared: &Shared, number: u64, params: &JobParams, started: Started) {
    let Started { handle, conclude } = started;
    let controller = handle.controller();
    let report = handle.wait();
    let mut error = None;
    let result = conclude.and_then(|conclude| {
        let result = catch_unwind(AssertUnwindSafe(|| conclude(&report)));
        result
            .map_err(|panic| error = Some(format!("its result panicked: {}", words(panic.as_ref()))))
            .ok()
    });
    let error = report.failures.first().map(ToString::to_string).or(error);
    let seen = Seen {
        restarts: report.restarts,
        checkpoints: report.checkpoints.clone(),
        ..Seen::of(&controller)
    };
    if let Some(kept) = params.kept() {
        // Before anybody else may have the folder.
        kept.leave(report.outcome == Outcome::Finished);
    }
    shared.end(number, report, seen, error, result);
}

impl Shared {
    /// The job runs; what was asked of it meanwhile is done now.
    fn enter(&self, number: u64, job: runtime::JobController) {
        let mut asked = Asked::Nothing;
        if let Some(record) = self.lock().get_mut(number) {
            asked = record.asked;
            record.stage = Stage::Live(job.clone());
        }
        match asked {
            Asked::Nothing => {}
            Asked::Drain(limit) => job.drain(limit),
            Asked::Cancel => job.abort(),
        }
        self.changed.notify_all();
    }

    fn end(&self, number: u64, report: JobReport, seen: Seen, error: Option<String>, result: Option<Value>) {
        let state = JobState::from(report.outcome);
        // Plain data: there is nothing in it that JSON has no words for.
        let report = serde_json::to_value(report).ok();
        let mut table = self.lock();
        if let Some(record) = table.get_mut(number) {
            let after = record.age();
            record.stage = Stage::Ended(Box::new(Ended {
                state,
                seen,
                error,
                report,
                result,
                after,
            }));
        }
        table.forget(self.limits.remembered);
        drop(table);
        self.changed.notify_all();
    }
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}
