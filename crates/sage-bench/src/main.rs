//! `sage-bench`: our queues and jobs beside their peers.
//!
//! ```text
//! sage-bench inproc|pipeline|ipc|net [--quick] [--only SCENARIO,..] [--subject SUBJECT,..] [--json FILE] [--html FILE]
//! ```
//!
//! The method is in `docs/performance.md`.
#![forbid(unsafe_code)]

mod args;
#[cfg(target_os = "linux")]
mod company;
#[cfg(target_os = "linux")]
mod ipc;
mod measure;
#[cfg(target_os = "linux")]
mod net;
mod payload;
mod pipeline;
mod report;
mod scenario;
mod select;
mod stats;
mod subject;
mod system;
mod target;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Suite};
use report::Report;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    let part = {
        let words: Vec<String> = std::env::args().skip(1).collect();
        ipc::play(&words)
            .or_else(|| net::play(&words))
            .or_else(|| pipeline::play(&words))
    };
    #[cfg(not(target_os = "linux"))]
    let part = None;
    match part.unwrap_or_else(|| run(&Args::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sage-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), String> {
    let effort = args.effort();
    let mut notes: Vec<String> = Vec::new();
    let (groups, targets) = match args.suite {
        Suite::Inproc => (
            scenario::all().map_err(|error| format!("no tokio runtime: {error}"))?,
            target::INPROC,
        ),
        Suite::Pipeline => (pipeline::all(), target::PIPELINE),
        #[cfg(target_os = "linux")]
        Suite::Ipc => {
            notes.extend(ipc::missing());
            (ipc::all(), target::IPC)
        }
        #[cfg(target_os = "linux")]
        Suite::Net => {
            notes.extend(net::notes());
            (net::all(), target::NET)
        }
        #[cfg(not(target_os = "linux"))]
        Suite::Ipc | Suite::Net => {
            return Err("processes are measured on Linux alone; choose another suite".into());
        }
    };
    let (feature, built) = args.suite.peers();
    if !built {
        notes.push(format!(
            "built without the feature {feature}: peers that are crates are left out"
        ));
    }
    notes.iter().for_each(|note| tell(note));
    let groups = select::select(groups, targets, &args.only, &args.subject)?;
    let mut series = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let name = group.metrics.first().map_or("", |metric| metric.scenario);
        tell(&format!("[{}/{}] {name}, {}", place + 1, groups.len(), group.item));
        series.extend(measure::measure(group, effort, |round| {
            let _ = write!(io::stderr(), "\r  round {round} of {}", effort.rounds);
        }));
        tell("");
    }
    let report = Report::new(args.suite.name(), effort, notes, &series, targets);
    write!(io::stdout(), "{}", report::table(&report.rows)).map_err(|error| format!("stdout: {error}"))?;
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?;
        save(path, &json)?;
    }
    if let Some(path) = &args.html {
        save(path, &report::page(&report))?;
    }
    Ok(())
}

fn save(path: &std::path::Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}; name a file that can be written", path.display()))
}

/// Progress.
fn tell(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
