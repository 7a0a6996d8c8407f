//! Holders of leases die or are stopped, at every labelled step of lending and in pairs, while others go on:
//! `lease_deaths [--rounds N] [--pairs N] [--stops N] [--hold MILLISECONDS] [--seed S] [--step STEP]`.
//!
//! The program starts itself again for every process; each writes down what it does with which item, in a journal that
//! outlives it. In the end every item was done with exactly once: acknowledged, taken, or put among the dead letters. The dead
//! are forgiven what they were at when they died, and nothing else; those who are only stopped, nothing at all. The last line is one JSON object.
//!
//! Exit code 0 without a failure, 1 with one, 2 for a wrong command line.

mod books;
mod round;
mod stop;
mod worker;

use std::fmt::Display;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use queue_shm::LEASE_STEPS;
use queue_testkit::Dice;
use round::{Plan, Sums};
use worker::Task;

const FOLDER: &str = "SAGE_SHM_DIR";
/// What the dead had on loan is back within this time.
const LATEST_RETURN: Duration = Duration::from_secs(1);
/// Steps of the sides and of repairs, which leases pass as well.
const OTHERS: &[&str] = &[
    "lock.taken",
    "unlock.before",
    "unlock.after",
    "get.marked",
    "get.published",
    "sleep.registered",
];
/// Only passed when somebody died before.
const REPAIRS: &[&str] = &["lock.robbed", "repair.loans", "repair.get"];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    let role = words.next_if(|word| word.starts_with('@'));
    match role.as_deref() {
        Some("@worker") => return worker::work(&words.collect::<Vec<_>>(), Task::Work),
        Some("@holder") => return worker::work(&words.collect::<Vec<_>>(), Task::Hold),
        Some("@stopper") => return worker::work(&words.collect::<Vec<_>>(), Task::Stop),
        Some("@campaign") => {}
        _ => return in_a_folder_of_its_own(words),
    }
    let mut asked = Asked::default();
    while let Some(word) = words.next() {
        let value = words.next();
        let number = value.as_deref().and_then(|value| value.parse::<u64>().ok());
        match (word.as_str(), number) {
            ("--rounds", Some(number)) => asked.rounds = number,
            ("--pairs", Some(number)) => asked.pairs = number,
            ("--stops", Some(number)) => asked.stops = number,
            ("--hold", Some(number)) => asked.hold = Duration::from_millis(number),
            ("--seed", Some(number)) => asked.seed = number,
            ("--step", _) if value.is_some() => asked.only = value,
            _ => {
                say(
                    "usage: lease_deaths [--rounds N] [--pairs N] [--stops N] [--hold MILLISECONDS] [--seed S] [--step STEP]",
                );
                return ExitCode::from(2);
            }
        }
    }
    say(format_args!("seed {}", asked.seed));
    let folder = PathBuf::from(std::env::var_os(FOLDER).unwrap_or_default());
    let sums = campaign(&folder, &asked);
    say(sums.json(asked.seed));
    if sums.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// All processes of a campaign, this one as well, have their queues in a folder that nobody else knows.
fn in_a_folder_of_its_own(words: impl Iterator<Item = String>) -> ExitCode {
    let folder = PathBuf::from(format!("/dev/shm/sage-lease-deaths-{}", std::process::id()));
    let done = std::env::current_exe().and_then(|program| {
        let mut command = Command::new(program);
        command.arg("@campaign").args(words).env(FOLDER, &folder);
        command.env_remove("SAGE_SHM_POINT").status()
    });
    let left: Vec<_> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.file_name())
        .collect();
    let is_clean = left.iter().all(|name| name == ".control");
    if !is_clean {
        say(format_args!("left behind in {}: {left:?}", folder.display()));
    }
    match done {
        Ok(status) if status.success() && is_clean => {
            let _ = std::fs::remove_dir_all(&folder);
            let _ = std::fs::remove_dir_all(journals(&folder));
            ExitCode::SUCCESS
        }
        Ok(status) if status.code() == Some(2) => ExitCode::from(2),
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            say(error);
            ExitCode::FAILURE
        }
    }
}

/// The command line.
struct Asked {
    rounds: u64,
    pairs: u64,
    /// How often one is stopped at each step, and how many holders are.
    stops: u64,
    hold: Duration,
    seed: u64,
    only: Option<String>,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            rounds: 3,
            pairs: 1,
            stops: 1,
            hold: Duration::from_secs(5),
            seed: 1,
            only: None,
        }
    }
}

fn campaign(folder: &Path, asked: &Asked) -> Sums {
    let (mut sums, mut dice) = (Sums::default(), Dice::new(asked.seed));
    for number in 0..10 {
        match round::measure_return(&journals(folder), number) {
            Ok(took) => sums.slowest_return = sums.slowest_return.max(took),
            Err(complaint) => {
                sums.failed += 1;
                say(complaint);
            }
        }
    }
    sums.failed += u64::from(sums.slowest_return > LATEST_RETURN);
    for number in 0..4 * asked.stops {
        match stop::holder(&journals(folder), number, asked.hold) {
            Ok(()) => sums.stops += 1,
            Err(complaint) => {
                sums.failed += 1;
                say(format_args!("stopped holder {number}: {complaint}"));
            }
        }
    }
    let chosen = |step: &&&str| asked.only.as_ref().is_none_or(|only| only == **step);
    let mut play = |plan: Plan| {
        if let Err(complaint) = round::play(&journals(folder), &plan, &mut sums) {
            sums.failed += 1;
            say(format_args!("{plan:?}: {complaint}"));
        }
        sums.rounds += 1;
    };
    for step in LEASE_STEPS.iter().chain(OTHERS).filter(chosen) {
        if REPAIRS.contains(step) {
            continue;
        }
        for _ in 0..asked.rounds {
            play(Plan::new(step, None, &mut dice));
        }
        for _ in 0..asked.stops {
            play(Plan::stop(step, asked.hold, &mut dice));
        }
        for second in REPAIRS.iter().chain(LEASE_STEPS) {
            for _ in 0..asked.pairs {
                play(Plan::new(step, Some(second), &mut dice));
            }
        }
    }
    sums
}

/// Beside the folder of queues, where nobody takes them for one.
fn journals(folder: &Path) -> PathBuf {
    let journals = folder.with_extension("journals");
    let _ = std::fs::create_dir(&journals);
    journals
}

/// One line to standard output; a closed pipe is the reader's choice.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
