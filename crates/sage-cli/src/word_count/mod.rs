//! `sage word-count`: how often each word occurs, whatever its bytes.

mod args;
mod count;
mod cut;
mod flow;
mod inputs;
mod ranking;
mod registered;
mod source;
mod word;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sage_comm::{Builtin, Deployment, Job, Outcome};
use serde::Serialize;

pub(crate) use args::WordCountArgs;
use inputs::Inputs;
use ranking::Ranking;
pub(crate) use registered::register;

use crate::args::JobArgs;
use crate::failure::Failure;
use crate::number::{self, grouped, per_second};
use crate::output::Output;
use crate::progress::{Reached, Unit};
use crate::report::Account;
use crate::run::{conclude, run_job};

const BYTES: Unit = Unit {
    count: |count| number::bytes(count as f64),
    rate: |rate| format!("{}/s", number::bytes(rate)),
};

/// The JSON object.
#[derive(Debug, Serialize)]
struct Summary {
    words_total: u64,
    distinct: u64,
    files: usize,
    bytes: u64,
    bytes_per_second: f64,
    #[serde(flatten)]
    account: Account,
}

/// The job as it would run, to be looked at.
pub(crate) fn planned(args: &JobArgs) -> Result<Job<Builtin>, Failure> {
    in_one_process(args)?;
    let (job, _counts) = flow::build(args, Inputs::open(&[])?, &Arc::default())?;
    Ok(job)
}

fn in_one_process(args: &JobArgs) -> Result<(), Failure> {
    if args.deployment()? == Deployment::Threads {
        return Ok(());
    }
    Err(Failure::usage(format_args!(
        "--transport {} on {} processes: word-count reads its files in one process; use --transport sage or local, and no --processes",
        args.transport(),
        args.processes(),
    )))
}

pub(crate) fn run(args: &WordCountArgs) -> Result<ExitCode, Failure> {
    in_one_process(&args.job)?;
    let inputs = Inputs::open(&args.files)?;
    let (total, files) = (inputs.size(), inputs.len());
    let read = Arc::new(AtomicU64::new(0));
    let (job, counts) = flow::build(&args.job, inputs, &read)?;
    let report = run_job(
        || Ok(job),
        |_| (),
        &args.job,
        BYTES,
        |_| Reached {
            done: read.load(Ordering::Relaxed),
            total,
        },
    )?;

    let ranking = Ranking::new(counts.take());
    let bytes = read.load(Ordering::Relaxed);
    let summary = Summary {
        words_total: ranking.total(),
        distinct: ranking.distinct(),
        files,
        bytes,
        bytes_per_second: per_second(bytes, report.seconds),
        account: Account::of(&report, &args.job),
    };
    Output::stdout().print(|out| {
        // Counts of a part would look like counts of the whole.
        if report.outcome == Outcome::Finished {
            ranking.write(args.top.map(|top| top.0), out)?;
        }
        if args.job.json {
            serde_json::to_writer(&mut *out, &summary)?;
            writeln!(out)?;
        }
        Ok(())
    })?;
    if !args.job.quiet && !args.job.json && std::io::stderr().is_terminal() {
        // Without stderr there is nobody to tell.
        let _ = writeln!(std::io::stderr(), "{}", summary.line());
    }
    conclude(report)
}

impl Summary {
    fn line(&self) -> String {
        format!(
            "{} words, {} different, {} in {}: {}/s",
            grouped(self.words_total),
            grouped(self.distinct),
            number::bytes(self.bytes as f64),
            number::elapsed(self.account.seconds),
            number::bytes(self.bytes_per_second),
        )
    }
}
