//! One campaign from its seed to its verdict.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::crew::{Crew, fresh_folder};
use crate::ledger::Sums;
use crate::options::{Fault, Options};
use crate::report::Report;
use crate::{complain, fork, kill9, points, say, stop, storm, tamper, wakes};

pub(crate) fn run(options: &Options) -> ExitCode {
    say(format_args!("seed {}", options.seed));
    match wage(options) {
        Ok(report) => {
            for complaint in report.shown() {
                say(complaint);
            }
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
        Err(message) => {
            complain(format_args!("chaos: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn wage(options: &Options) -> Result<Report, String> {
    let folder = folder(options)?;
    fresh_folder(&folder)?;
    let shm = PathBuf::from(format!("/dev/shm/sage-chaos-{}", std::process::id()));
    let mut crew = Crew::new(folder.clone(), shm.clone(), options);
    let mut report = Report::default();
    let fight = match options.fault {
        Fault::Kill9 => kill9::run,
        Fault::Points => points::run,
        Fault::Storm => storm::run,
        Fault::Stop => stop::run,
        Fault::Tamper => tamper::run,
        Fault::Fork => fork::run,
        Fault::Wakes => wakes::run,
    };
    let fought = fight(options, &mut crew, &mut report);
    let left = crew.segments();
    if !left.is_empty() {
        report.leaks += left.len() as u64;
        report.complain(format!("left behind: {}", left.join(", ")));
    }
    // The folder and the file of locks in it were made for this campaign alone.
    let _ = std::fs::remove_dir_all(&shm);
    if report.is_good() && fought.is_ok() && !options.keep {
        let _ = std::fs::remove_dir_all(&folder);
    } else {
        say(format_args!("what happened is in {}", folder.display()));
    }
    fought.map(|()| report)
}

/// Beside the program, where cargo builds: no process of the campaign needs anything else of it.
fn folder(options: &Options) -> Result<PathBuf, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = program
        .ancestors()
        .nth(3)
        .ok_or("this program is not where cargo puts it")?;
    let name = format!("{}-{}", options.fault.name(), options.seed);
    Ok(target.join("chaos").join(name))
}

impl Report {
    /// Takes the sums of one queue in.
    pub(crate) fn take(&mut self, sums: &Sums) {
        self.confirmed += sums.confirmed;
        self.delivered += sums.delivered;
        self.lost += sums.lost;
        self.duplicated += sums.duplicated;
        self.lost_in_flight += sums.lost_in_flight;
        self.corrupt += sums.corrupt;
        self.max_block_ns = self.max_block_ns.max(sums.max_block_ns);
        self.add("torn", sums.torn);
    }
}
