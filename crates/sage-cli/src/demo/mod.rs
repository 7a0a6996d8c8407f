//! `sage demo`: which auctions are hot, found by a real job on a made-up stream.

mod align;
mod args;
mod embedded;
mod flow;
mod kept;
mod registered;
mod results;
mod summary;
mod verify;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

use nexmark::Config;
use nexmark::hot_items::WindowSpec;
use sage_comm::{Builtin, Job, JobController, NodeProgress, Outcome};

pub(crate) use args::DemoArgs;
use embedded::Embedded;
use flow::{SOURCE, Shared};
use kept::Kept;
pub(crate) use registered::register;
use results::Results;
use summary::{Hottest, Summary};

use crate::args::{JobArgs, Transport};
use crate::failure::Failure;
use crate::number::{grouped, per_second, short};
use crate::output::Output;
use crate::progress::{Reached, Unit};
use crate::report::Account;
use crate::run::{conclude, run_job};

const EVENTS: Unit = Unit {
    count: |count| format!("{} events", grouped(count)),
    rate: |rate| format!("{} events/s", short(rate)),
};

/// The job as it would run, to be looked at.
pub(crate) fn planned(args: &JobArgs) -> Result<Job<Builtin>, Failure> {
    let windows = WindowSpec::new(10_000, 5_000).map_err(Failure::new)?;
    let results = Shared::new(Results::new(false));
    let job = flow::build(args, Config::default(), windows, &results, args.deployment()?, None)?;
    Ok(job)
}

pub(crate) fn run(args: &DemoArgs) -> Result<ExitCode, Failure> {
    let windows = args.windows()?;
    let config = Config {
        seed: args.seed.0,
        events: args.events.0,
        ..Config::default()
    };
    let spread = args.spread();
    let shared = Shared::new(Results::new(args.verify));
    let deployment = spread.deployment()?;
    let (checkpoints, _folder) = args.kept.checkpoints(&deployment)?;
    // Until the job has ended.
    let _server = match spread.transport() {
        _ if spread.meeting().is_some() => None,
        Transport::Rpc => Some(Embedded::serve()?),
        Transport::Actor => Some(Embedded::manage()?),
        _ => None,
    };
    let mut topology = String::new();
    let build = || {
        let job = flow::build(&spread, config.clone(), windows, &shared, deployment, checkpoints)?;
        topology = job.topology();
        Ok(job)
    };
    let reached = |job: &JobController| Reached {
        done: packets_out(&job.progress(), SOURCE),
        total: Some(config.events),
    };
    let report = run_job(build, |job| args.kept.kill(job), &spread, EVENTS, reached)?;

    let results = shared.take();
    let events = match report.outcome {
        // One that went back has not made all of them in its last attempt.
        Outcome::Finished => config.events,
        _ => report.node(SOURCE).map_or(0, |node| node.packets_out),
    };
    let mut summary = Summary {
        events,
        events_per_second: per_second(events, report.seconds),
        account: Account::of(&report, &spread),
        seed: config.seed,
        window_ms: windows.size_ms(),
        slide_ms: windows.slide_ms(),
        results: results.received(),
        verified: None,
        verify_seconds: None,
        kept: Kept::of(&report),
        hottest: results
            .hottest()
            .iter()
            .map(|item| Hottest::new(item, config.first_event_ms))
            .collect(),
    };
    let mut verdict = None;
    let finished = report.outcome == Outcome::Finished;
    let forgotten = args.verify && finished && !results.is_everything();
    // A stream that was cut short at two places at once is not the start of any other.
    if args.verify && finished && !forgotten {
        let start = Instant::now();
        let found = verify::verify(&config, windows, results);
        summary.verify_seconds = Some(start.elapsed().as_secs_f64());
        summary.verified = Some(found.is_equal());
        verdict = Some(found);
    }

    Output::stdout().print(|out| {
        if spread.json {
            serde_json::to_writer(&mut *out, &summary)?;
            return writeln!(out);
        }
        if !spread.quiet {
            summary.write_report(&topology, &report, out)?;
        }
        summary.write_result(out)
    })?;
    args.kept.check(&report)?;
    let code = conclude(report)?;
    if forgotten {
        return Err(Failure::new(
            "--verify: the job went on from a checkpoint of one without, which has not kept all results; leave it out, or \
             take another folder",
        ));
    }
    match verdict {
        Some(verdict) if !verdict.is_equal() => {
            // Without stderr there is nobody to tell.
            let _ = write!(std::io::stderr(), "{verdict}");
            Err(Failure::new(format_args!(
                "{} results do not verify; run it again with --seed {} and report what you see",
                grouped(verdict.mismatches()),
                config.seed,
            )))
        }
        _ => Ok(code),
    }
}

fn packets_out(progress: &[NodeProgress], name: &str) -> u64 {
    progress
        .iter()
        .find(|node| node.node == name)
        .map_or(0, |node| node.packets_out)
}
