//! How a process ended, in words.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// How a worker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// By itself, with this exit code.
    Exit(i32),
    /// By a signal.
    Signal(i32),
    /// On a host of its own, in order: it hung up.
    Left,
    /// Nobody knows: it was not heard of for so long.
    Silent(Duration),
    /// Nobody knows: the server in between could not be reached.
    Unreachable,
    /// It was told to go, as it did not by itself.
    Dismissed,
}

impl From<ExitStatus> for Fate {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Exit(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "ended with exit code {code}"),
            Self::Left => f.write_str("has left"),
            Self::Silent(time) => write!(f, "was not heard of for {} s", time.as_secs_f64()),
            Self::Unreachable => f.write_str("could not be reached any more"),
            Self::Dismissed => f.write_str("did not end in time and was sent away"),
            Self::Signal(number) => {
                write!(f, "was killed by signal {number}")?;
                match NAMES.iter().find(|(known, _)| known == number) {
                    Some((_, name)) => write!(f, " ({name})"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Those that have the same number on every Unix.
const NAMES: [(i32, &str); 7] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (6, "SIGABRT"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_says_what_ended_the_process() {
        let said = |raw| Fate::from(ExitStatus::from_raw(raw)).to_string();
        assert_eq!(said(9), "was killed by signal 9 (SIGKILL)");
        assert_eq!(said(40), "was killed by signal 40");
        assert_eq!(said(3 << 8), "ended with exit code 3");
    }
}
