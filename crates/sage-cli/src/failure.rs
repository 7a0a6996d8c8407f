//! How the command ends when it does not end well.

use std::fmt;
use std::process::ExitCode;

/// Exit codes, as `sage --help` lists them.
pub(crate) const FAILED: u8 = 1;
pub(crate) const USAGE: u8 = 2;
pub(crate) const INTERRUPTED: u8 = 130;

/// One line for stderr and the exit code that goes with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Something went wrong on the way.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self::with_code(FAILED, message)
    }

    /// The command was not given what it needs.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::with_code(USAGE, message)
    }

    /// Somebody asked for the end.
    pub(crate) fn interrupted(message: impl fmt::Display) -> Self {
        Self::with_code(INTERRUPTED, message)
    }

    fn with_code(code: u8, message: impl fmt::Display) -> Self {
        Self {
            code,
            message: one_line(&message.to_string()),
        }
    }

    /// What went wrong, for a larger message.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn code(&self) -> ExitCode {
        self.code.into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sage: {}", self.message)
    }
}

impl From<sage_comm::Error> for Failure {
    fn from(error: sage_comm::Error) -> Self {
        // A list of findings has a line for each.
        let lines = error.to_string();
        let lines: Vec<_> = lines.lines().map(str::trim).collect();
        Self::new(lines.join("; "))
    }
}

/// Control characters, such as those in a file name, would end the line or steer the terminal.
pub(crate) fn one_line(text: &str) -> String {
    let escape = |c: char| -> Box<dyn Iterator<Item = char>> {
        if c.is_control() {
            Box::new(c.escape_default())
        } else {
            Box::new(std::iter::once(c))
        }
    };
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line() {
        let failure = Failure::new("a\nb\x1b[1m c\u{9b} `é`");
        assert_eq!(failure.to_string(), r"sage: a\nb\u{1b}[1m c\u{9b} `é`");
    }
}
