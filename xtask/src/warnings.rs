//! `cargo check` that fails on a warning.
//!
//! `RUSTFLAGS=-D warnings` would do, but it changes the fingerprint of every package and so compiles all of them
//! again. Reading cargo's messages costs nothing.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use cargo_metadata::Message;
use cargo_metadata::diagnostic::DiagnosticLevel;

use crate::shell;

/// Runs a cargo command that accepts `--message-format`; warnings are shown and make it fail.
pub(crate) fn check(command: &mut Command) -> Result<(), String> {
    let line = shell::shown(command);
    shell::say(format_args!("$ {line}"));
    let mut child = command
        .arg("--message-format=json")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    let seen = child
        .stdout
        .take()
        .map(|stdout| count(BufReader::new(stdout), |text| shell::complain(text)));
    let status = child.wait().map_err(|error| format!("`{line}` was lost: {error}"))?;
    let warnings = seen
        .transpose()
        .map_err(|error| format!("`{line}` sent an unreadable message: {error}"))?;
    match (status.success(), warnings.unwrap_or_default()) {
        (true, 0) => Ok(()),
        (true, warnings) => Err(format!("`{line}` gave {warnings} warnings, mend what it printed above")),
        (false, _) => Err(format!("`{line}` ended with {status}")),
    }
}

/// Counts the compiler's warnings in cargo's message stream and hands each diagnostic to `show`.
fn count(stream: impl BufRead, mut show: impl FnMut(&str)) -> std::io::Result<usize> {
    let mut warnings = 0;
    for message in Message::parse_stream(stream) {
        if let Message::CompilerMessage(found) = message? {
            warnings += usize::from(found.message.level == DiagnosticLevel::Warning);
            show(found.message.rendered.as_deref().unwrap_or(&found.message.message));
        }
    }
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(level: &str) -> String {
        format!(
            r#"{{"reason":"compiler-message","package_id":"a","manifest_path":"/a/Cargo.toml","target":{{"kind":["lib"],"crate_types":["lib"],"name":"a","src_path":"/a/src/lib.rs","edition":"2024","doc":true,"doctest":true,"test":true}},"message":{{"message":"unused variable","code":null,"level":"{level}","spans":[],"children":[],"rendered":"unused variable: `x`"}}}}"#
        ) + "\n"
    }

    #[test]
    fn a_warning_is_counted_and_shown() {
        let stream = message("warning") + &message("note") + "{\"reason\":\"build-finished\",\"success\":true}\n";
        let mut shown = Vec::new();
        let warnings = count(stream.as_bytes(), |text| shown.push(text.to_owned())).expect("messages");
        assert_eq!(warnings, 1);
        assert_eq!(shown, ["unused variable: `x`"; 2]);
    }

    #[test]
    fn a_clean_stream_has_none() {
        let warnings =
            count("{\"reason\":\"build-finished\",\"success\":true}\n".as_bytes(), |_| ()).expect("messages");
        assert_eq!(warnings, 0);
    }
}
