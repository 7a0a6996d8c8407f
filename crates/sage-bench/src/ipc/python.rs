//! `multiprocessing.Queue` of Python, in processes that Python starts.

use std::process::{Command, Stdio};

use ipc_peers::PYTHON;

/// The subject.
pub(super) const NAME: &str = "multiprocessing.Queue";
const PROGRAM: &str = "python3";

/// Whether there is a Python with it.
pub(super) fn is_there() -> bool {
    let asked = Command::new(PROGRAM)
        .args(["-c", "import multiprocessing"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    asked.is_ok_and(|status| status.success())
}

/// All processes of a flow.
pub(super) fn command(producers: u64, consumers: u64, item: &str) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["-c", PYTHON, &producers.to_string(), &consumers.to_string(), item]);
    command
}
