//! A queue of many processes while they die, stop, fork, storm in and out, or write nonsense into it:
//! `chaos --backend shm --fault kill9|points|storm|stop|tamper|fork|wakes [--rounds N] [--seed S] [--json]`.
//!
//! The program starts itself again for every process of a campaign; each writes down what it was told by the queue, call
//! by call, into a journal that outlives it. What the journals say together is judged in the end. The seed decides who
//! dies, when and at which step; how processes meet is up to the machine, so a seed repeats the plan of a campaign and not
//! its every interleaving. The journals of a failed campaign are kept.
//!
//! Exit code 0 without a failure, 1 with one, 2 for a wrong command line.

mod audit;
mod campaign;
mod crew;
mod fork;
mod journal;
mod kill9;
mod ledger;
mod options;
mod payload;
mod points;
mod report;
mod roles;
mod scene;
mod stop;
mod storm;
mod sys;
mod tamper;
mod wakes;
mod worker;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if let Some(role) = words.peek().and_then(|word| word.strip_prefix('@')).map(str::to_owned) {
        return roles::play(&role, words.skip(1));
    }
    match options::read(words) {
        Ok(options) => campaign::run(&options),
        Err(message) => {
            complain(format_args!("chaos: {message}; usage: {}", options::USAGE));
            ExitCode::from(2)
        }
    }
}

/// One line to standard output; a closed pipe is the reader's choice.
fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One line to standard error, which for a process of a campaign is a file of the campaign.
fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
