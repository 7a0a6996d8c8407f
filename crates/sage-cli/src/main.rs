//! The `sage` command: runs dataflow jobs and shows what they did, and reaches queues from the shell.
#![forbid(unsafe_code)]

mod args;
mod demo;
mod failure;
mod interrupt;
mod job;
mod look;
mod number;
mod output;
mod plan;
mod progress;
mod queue;
mod report;
mod run;
mod serve;
mod table;
mod word_count;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;

use args::{Sage, Verb};
use failure::Failure;

fn main() -> ExitCode {
    match start() {
        Ok(code) => code,
        Err(failure) => {
            // Nobody is left to tell when stderr is closed as well.
            let _ = writeln!(std::io::stderr(), "{failure}");
            failure.code()
        }
    }
}

fn start() -> Result<ExitCode, Failure> {
    let sage = match Sage::try_parse() {
        Ok(sage) => sage,
        Err(error) => return help(&error),
    };
    log()?;
    match sage.verb {
        Verb::Demo(args) => demo::run(&args),
        Verb::WordCount(args) => word_count::run(&args),
        Verb::Plan(args) => plan::plan(&args),
        Verb::Explain(args) => plan::explain(&args),
        Verb::Route(args) => plan::route(&args),
        Verb::Job(args) => job::run(&args),
        Verb::Describe(args) => queue::describe(&args),
        Verb::Put(args) => queue::put(&args),
        Verb::Get(args) => queue::get(&args),
        Verb::Serve(args) => serve::serve(&args),
        Verb::Ls(args) => look::ls(&args),
        Verb::Show(args) => look::show(&args),
        Verb::Stat(args) => look::stat(&args),
        Verb::Peek(args) => look::peek(&args),
        Verb::Delete(args) => look::delete(&args),
        Verb::Clean(args) => look::clean(&args),
    }
}

/// Help and version are answers; help for want of a verb is one as well, yet with the exit code of wrong use.
fn help(error: &clap::Error) -> Result<ExitCode, Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // A reader that left has seen enough.
            let _ = error.print();
            Ok(if error.use_stderr() {
                failure::USAGE.into()
            } else {
                ExitCode::SUCCESS
            })
        }
        _ => Err(Failure::usage(args::usage_message(error))),
    }
}

/// The report says which instance failed and why; the log need not say it again.
const LOGGED: &str = "warn,runtime::task=off";

fn log() -> Result<(), Failure> {
    let wanted = std::env::var("SAGE_LOG").unwrap_or_else(|_| LOGGED.to_owned());
    let filter = EnvFilter::try_new(&wanted).map_err(|cause| {
        Failure::usage(format_args!(
            "SAGE_LOG is `{wanted}`: {cause}; set it to a level such as `info` or to `target=level`"
        ))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty()))
        .init();
    Ok(())
}
