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

use std::path::PathBuf;
use std::process::ExitCode;

use queue_testkit::campaign;

use options::{Fault, Options};
use report::{Processes, Report};

fn main() -> ExitCode {
    campaign::main(
        options::PROGRAM.usage,
        |_, words| part::play(words),
        options::read,
        |options| options.wage(|| wage(options)),
    )
}

fn wage(options: &Options) -> Result<Report, String> {
    // Paths of sockets have to be short.
    let folder = Folder(std::env::temp_dir().join(format!("sage-ca-{}", std::process::id())));
    let mut report = Report::new(Processes(options.processes));
    match options.fault {
        Fault::Storm => storm::run(options, &folder.0, &mut report),
        Fault::Manager => deaths::run(options, &folder.0, &mut report),
    }?;
    Ok(report)
}

/// What a campaign leaves goes with it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
