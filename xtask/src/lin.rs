//! `cargo xtask lin`: histories of a queue type, recorded under load and judged by the contract.

use crate::args::{Args, Failure};
use crate::shell::{self, cargo};

/// Line in the list of verbs.
pub(crate) const ABOUT: &str = "record and judge histories: lin --backend sage|local [--ops 1e6] [--seed S] [--json]";

/// Passes the line on: the program that opens queues reads it, checks it, and prints the verdict last.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut command = cargo(
        &shell::root()?,
        &[
            "run",
            "--quiet",
            "--release",
            "--locked",
            "--package",
            "sage-tests",
            "--example",
            "lin",
            "--",
        ],
    );
    command.args(args.line());
    let shown = shell::shown(&command);
    shell::say(format_args!("$ {shown}"));
    let status = command
        .status()
        .map_err(|error| format!("`{shown}` did not start: {error}"))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => Err(Failure::Usage("see the usage above".to_owned())),
        _ => Err(Failure::Failed(format!("`{shown}` ended with {status}"))),
    }
}
