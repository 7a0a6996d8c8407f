//! The nightly compiler, whose sanitizers some verbs use: on the one platform where they were tried, and never installed
//! from here.

use std::process::Command;

use crate::shell;

/// What is built for; named on the command line, so that build scripts go without the flags.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A command of that toolchain.
pub(crate) fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command
        .args(["run", "nightly"])
        .args(words)
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// Why there is none.
pub(crate) fn missing() -> Option<String> {
    let text = shell::probe(&mut nightly(&["rustc", "-vV"]));
    match text {
        None => Some("there is no toolchain `nightly`, or no rustup".to_owned()),
        Some(text) if !text.lines().any(|line| line == format!("host: {TARGET}")) => {
            Some(format!("it is for {TARGET} only"))
        }
        Some(_) => None,
    }
}
