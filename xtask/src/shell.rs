//! Running other programs, and speaking to the terminal.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One line to standard output; a closed pipe is the reader's choice, not an error.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// One line to standard error.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// The folder of the workspace manifest: this crate lies directly under it.
pub(crate) fn root() -> Result<PathBuf, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = manifest.parent().unwrap_or(manifest);
    if root.join("Cargo.toml").is_file() {
        return Ok(root.to_owned());
    }
    Err(format!(
        "no Cargo.toml in {}, run it from the checkout it was built in",
        root.display()
    ))
}

/// A cargo command in `root`, on the toolchain that runs this program.
///
/// What `cargo run` adds to the environment about *this* package is taken out again: build scripts watch some of
/// these variables, and would run again whenever the caller changes between cargo and xtask.
pub(crate) fn cargo(root: &Path, args: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(args).current_dir(root);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `command` with its output left on the terminal; anything but success is an error naming the command.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let line = shown(command);
    say(format_args!("$ {line}"));
    let status = command
        .status()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("`{line}` ended with {status}"))
    }
}

/// What `command` prints on standard output, `None` if it fails; both its streams are kept off the terminal.
pub(crate) fn probe(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command as one would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let mut line = program.to_string_lossy().into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_a_workspace() {
        let root = root().expect("root");
        let manifest = std::fs::read_to_string(root.join("Cargo.toml")).expect("manifest");
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_failing_command_is_an_error_that_names_it() {
        let root = root().expect("root");
        let error = run(&mut cargo(&root, &["no-such-verb-of-cargo"])).expect_err("cargo knows the verb");
        assert!(error.contains("cargo no-such-verb-of-cargo"), "{error}");
        assert_eq!(probe(&mut cargo(&root, &["no-such-verb-of-cargo"])), None);
    }

    #[test]
    fn a_probe_returns_what_was_printed() {
        let root = root().expect("root");
        let text = probe(&mut cargo(&root, &["--version"])).expect("cargo --version");
        assert!(text.starts_with("cargo "), "{text}");
    }
}
