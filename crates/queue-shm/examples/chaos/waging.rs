//! One campaign from its seed to its verdict.

use std::path::PathBuf;
use std::process::ExitCode;

use queue_testkit::campaign::{folder, fresh_folder, say};

use crate::crew::Crew;
use crate::options::{Fault, Options};
use crate::report::Report;
use crate::{fork, kill9, points, stop, storm, tamper, wakes};

pub(crate) fn run(options: &Options) -> ExitCode {
    options.wage(|| wage(options))
}

fn wage(options: &Options) -> Result<Report, String> {
    let folder = folder(&format!("{}-{}", options.name, options.seed))?;
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
