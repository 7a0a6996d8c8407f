//! `cargo xtask lin`: histories of a queue type, recorded under load and judged by the contract.

use crate::args::{Args, Failure};
use crate::example;
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
    example::passed_on(command.args(args.line()))
}
