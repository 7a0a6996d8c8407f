//! The demo as a job that can be submitted.

use nexmark::Config;
use nexmark::hot_items::WindowSpec;
use sage_comm::jobs::{JobRegistry, Param, Submission};
use sage_comm::{Error, ErrorKind, JobReport, Outcome};
use serde_json::Value;

use super::flow::{self, SOURCE, Shared};
use super::kept::Kept;
use super::results::Results;
use super::summary::{Hottest, Summary};
use super::verify;
use crate::args::JobArgs;
use crate::job::spread;
use crate::number::per_second;
use crate::report::Account;

/// Adds it under its name.
pub(crate) fn register(registry: JobRegistry) -> JobRegistry {
    let params = [
        Param::optional("events", 1_000_000_i64, "events to make; 0 for no end"),
        Param::optional("seed", 0_i64, "chooses the stream"),
        Param::optional("window_ms", 10_000_i64, "length of a window in event time"),
        Param::optional("slide_ms", 5_000_i64, "distance between the ends of two windows"),
        Param::optional(
            "verify",
            false,
            "compute everything again in a single-threaded loop and compare",
        ),
    ];
    let params = params.into_iter().chain(spread::params());
    registry.with("demo", params, |params| {
        let whole = |name, least, most| Ok::<_, Error>(params.int_within(name, least, most)?.unsigned_abs());
        let windows =
            WindowSpec::new(whole("window_ms", 1, i64::MAX)?, whole("slide_ms", 1, i64::MAX)?).map_err(|cause| {
                Error::new(ErrorKind::InvalidDescriptor, "submit job")
                    .with("job", "demo")
                    .expected("window_ms and slide_ms that fit together")
                    .found(cause.to_string())
                    .remedy("choose others")
            })?;
        let events = match whole("events", 0, i64::MAX)? {
            0 => u64::MAX,
            events => events,
        };
        let config = Config {
            seed: whole("seed", 0, i64::MAX)?,
            events,
            ..Config::default()
        };
        let verified = params.bool("verify")?;
        let args = spread::args(params, "demo")?;
        let deployment = args.deployment().map_err(|failure| {
            Error::new(ErrorKind::InvalidDescriptor, "submit job")
                .with("job", "demo")
                .found(failure.message())
        })?;
        let results = Shared::new(Results::new(verified));
        let job = flow::build(
            &args,
            config.clone(),
            windows,
            &results,
            deployment,
            params.checkpoints(),
        )?;
        Ok(Submission::with_result(job, move |report| {
            summary(report, &args, &config, windows, results.take(), verified)
        }))
    })
}

fn summary(
    report: &JobReport,
    args: &JobArgs,
    config: &Config,
    windows: WindowSpec,
    results: Results,
    verified: bool,
) -> Value {
    let events = match report.outcome {
        // One that went back has not made all of them in its last attempt.
        Outcome::Finished => config.events,
        _ => report.node(SOURCE).map_or(0, |node| node.packets_out),
    };
    let mut summary = Summary {
        kept: Kept::of(report),
        events,
        events_per_second: per_second(events, report.seconds),
        account: Account::of(report, args),
        seed: config.seed,
        window_ms: windows.size_ms(),
        slide_ms: windows.slide_ms(),
        results: results.received(),
        verified: None,
        verify_seconds: None,
        hottest: results
            .hottest()
            .iter()
            .map(|item| Hottest::new(item, config.first_event_ms))
            .collect(),
    };
    if verified && report.outcome == Outcome::Finished {
        summary.verified = Some(verify::verify(config, windows, results).is_equal());
    }
    serde_json::to_value(summary).unwrap_or_default()
}
