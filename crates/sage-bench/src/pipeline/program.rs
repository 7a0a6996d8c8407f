//! What is measured in a program of its own: this one once more, started with a part to play.

use std::fs;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use sage_comm::{Deployment, Outcome};
use serde::{Deserialize, Serialize};

use super::record::{Record, Wide};
use super::{job, recovery, startup};

/// The first word of its command line.
const WORD: &str = "job-part";

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) enum Part {
    /// The job of the other rows, on threads without workers, over that many records.
    Spread { workers: u32, wide: bool, items: u64 },
    /// The same job in processes, one of which is killed.
    Recover,
    /// The start of a job with many instances.
    Start(startup::Shape),
}

/// What a part tells at its end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) seconds: f64,
    /// The most memory that it had at a time.
    pub(super) peak_mib: f64,
}

impl Part {
    /// Starts the program and waits for its end.
    pub(super) fn play(self) -> Told {
        let program = std::env::current_exe().expect("the path of this program");
        let part = serde_json::to_string(&self).expect("a part is JSON");
        let mut command = Command::new(program);
        command.args([WORD, &part]).stderr(Stdio::inherit());
        let output = command.output().expect("a process");
        assert!(output.status.success(), "{self:?} ended with {}", output.status);
        let text = String::from_utf8_lossy(&output.stdout);
        let told = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
        told.unwrap_or_else(|| panic!("{self:?} said {text}"))
    }
}

/// Plays the part that the command line has, if it has one.
pub(crate) fn play(words: &[String]) -> Option<Result<(), String>> {
    let [word, part] = words else { return None };
    (word == WORD).then(|| {
        let part: Part = serde_json::from_str(part).map_err(|error| format!("{part}: {error}"))?;
        let seconds = match part {
            Part::Spread { workers, wide, items } if wide => spread::<Wide>(workers, items),
            Part::Spread { workers, items, .. } => spread::<u64>(workers, items),
            Part::Recover => recovery::run(),
            Part::Start(shape) => startup::run(shape),
        };
        let seconds = seconds.map_err(|error| error.to_string())?;
        let peak_mib = peak_mib().ok_or("no memory in /proc/self/status")?;
        let told = serde_json::to_string(&Told { seconds, peak_mib }).map_err(|error| error.to_string())?;
        writeln!(io::stdout(), "{told}").map_err(|error| error.to_string())
    })
}

/// Every process of the job comes here, the workers inside of `launch`.
fn spread<R: Record>(workers: u32, items: u64) -> sage_comm::Result<f64> {
    let deployment = match workers {
        0 => Deployment::Threads,
        workers => Deployment::Processes(workers),
    };
    let running = sage_comm::launch(|| job::flow::<R>(2, items).0.build(deployment))?;
    let report = running.wait().into_result()?;
    assert!(
        report.is_complete() && report.outcome == Outcome::Finished,
        "the job's books do not close"
    );
    Ok(report.seconds)
}

fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}
