//! What programs have in common that wage a campaign against a queue type: processes die and connections fail, each process
//! writes down what it was told, and what they wrote must add up in the end.
//!
//! Such a program starts itself again for every process of the campaign, with `@` and its role as the first word. It knows
//! `--backend`, `--fault`, `--rounds`, `--seed` and `--json`, says the seed first and the verdict last, and ends with 0
//! without a failure, 1 with one, 2 for a wrong command line.
//!
//! A test runs such a program as an [`Example`]; [`convicts!`](crate::convicts) makes tests of mistakes that it must notice.
//!
//! ```
//! use queue_testkit::campaign::{Options, Program};
//!
//! let program = Program { backend: "rpc", faults: &[("cut", 'c', 500), ("power", 'p', 50)], keeps: false, usage: "chaos ..." };
//! let words = ["--backend", "rpc", "--fault", "cut", "--seed", "7"].map(str::to_owned);
//! let options = program.read(words.into_iter(), |_, _| Ok(false))?;
//! assert_eq!((options.fault, options.name, options.rounds, options.seed), ('c', "cut", 500, 7));
//! # Ok::<(), String>(())
//! ```

mod journal;
mod options;
mod part;
mod process;
mod report;
mod short;
mod speaker;

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

pub use journal::{Entry, Journal};
pub use options::{Options, Program, choice, number};
pub use part::Part;
pub use process::{Process, again, folder, fresh_folder};
pub use report::{Counts, Findings, Report};
pub use short::{Example, Verdict};
pub use speaker::Speaker;

/// One line to standard output; a closed pipe is the reader's choice.
pub fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// One line to standard error, which for a process of a campaign is a file of the campaign.
pub fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The whole program: plays the role that it was started for, or reads the command line and wages the campaign.
pub fn main<O>(
    usage: &str,
    play: impl FnOnce(&str, &mut dyn Iterator<Item = String>) -> ExitCode,
    read: impl FnOnce(&mut dyn Iterator<Item = String>) -> Result<O, String>,
    wage: impl FnOnce(&O) -> ExitCode,
) -> ExitCode {
    let mut words = std::env::args().skip(1).peekable();
    if let Some(word) = words.next_if(|word| word.starts_with('@')) {
        return play(word.trim_start_matches('@'), &mut words);
    }
    match read(&mut words) {
        Ok(options) => wage(&options),
        Err(message) => {
            complain(format_args!("chaos: {message}; usage: {usage}"));
            ExitCode::from(2)
        }
    }
}

/// The end of a process of a campaign.
#[must_use]
pub fn played(role: &str, done: Result<(), String>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            complain(format_args!("{role}: {message}"));
            ExitCode::FAILURE
        }
    }
}
