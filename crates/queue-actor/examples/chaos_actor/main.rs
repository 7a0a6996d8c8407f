//! Managers that die, and storms of processes that all want one:
//! `chaos --backend actor --fault storm|manager [--rounds N] [--processes N] [--opens N] [--seed S] [--json]`.
//!
//! The program starts itself again for every process of a campaign and talks to it line by line. Exit code 0 without a failure, 1
//! with one, 2 for a wrong command line.

mod crew;
mod deaths;
mod options;
mod part;
mod report;
mod storm;

use std::fmt::Display;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use options::{Fault, Options};
use report::Report;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if words.peek().is_some_and(|word| word == part::MARK) {
        return part::play(words.skip(1));
    }
    match options::read(words) {
        Ok(options) => campaign(&options),
        Err(message) => {
            complain(format_args!("chaos: {message}; usage: {}", options::USAGE));
            ExitCode::from(2)
        }
    }
}

fn campaign(options: &Options) -> ExitCode {
    say(format_args!("seed {}", options.seed));
    // Paths of sockets have to be short.
    let folder = Folder(std::env::temp_dir().join(format!("sage-ca-{}", std::process::id())));
    let mut report = Report::default();
    let fought = match options.fault {
        Fault::Storm => storm::run(options, &folder.0, &mut report),
        Fault::Manager => deaths::run(options, &folder.0, &mut report),
    };
    if let Err(message) = fought {
        complain(format_args!("chaos: {message}"));
        return ExitCode::FAILURE;
    }
    report.shown().for_each(say);
    say(if options.json {
        report.json(options)
    } else {
        report.words(options)
    });
    if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// What a campaign leaves goes with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One line to standard output; a closed pipe is the reader's choice.
fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// One line to standard error.
fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
