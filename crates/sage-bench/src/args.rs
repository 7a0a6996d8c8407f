//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::measure::Effort;

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Suite {
    /// Queues inside one process
    Inproc,
    /// A whole job, the router, latency under light load
    Pipeline,
    /// Queues between processes, on Linux
    Ipc,
    /// Queues of a server, on Linux
    Net,
}

impl Suite {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Inproc => "inproc",
            Self::Pipeline => "pipeline",
            Self::Ipc => "ipc",
            Self::Net => "net",
        }
    }

    /// The feature that its peers come with, and whether they did.
    pub(crate) const fn peers(self) -> (&'static str, bool) {
        match self {
            Self::Inproc | Self::Pipeline => ("inproc", cfg!(feature = "inproc")),
            Self::Ipc => ("ipc", cfg!(feature = "ipc")),
            Self::Net => ("net", cfg!(feature = "net")),
        }
    }
}

/// Measures our queues and jobs beside their peers
#[derive(Debug, Parser)]
#[command(name = "sage-bench", version)]
pub(crate) struct Args {
    /// What is measured
    pub(crate) suite: Suite,
    /// Fewer and shorter rounds: a first look, at most four minutes
    #[arg(long)]
    pub(crate) quick: bool,
    /// Rounds per scenario; 21, or 11 with --quick (net: 7)
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// Milliseconds per subject and round; 40, or 20 with --quick (pipeline: 250, or 120; net: 200, or 60)
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    round_ms: Option<u16>,
    /// Only these scenarios: whole names such as spsc, or parts of names such as async or 64
    #[arg(long, value_name = "SCENARIO", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only these subjects, whole names or parts of them, and what their targets compare them with
    #[arg(long, value_name = "SUBJECT", value_delimiter = ',')]
    pub(crate) subject: Vec<String>,
    /// Writes the results as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a page with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

impl Args {
    pub(crate) fn effort(&self) -> Effort {
        // A job has threads to start and to end.
        let (rounds, millis) = match (self.suite, self.quick) {
            (Suite::Inproc | Suite::Ipc, true) => (11, 20),
            (Suite::Inproc | Suite::Ipc, false) => (21, 40),
            (Suite::Pipeline, true) => (11, 120),
            (Suite::Pipeline, false) => (21, 250),
            // A server, and processes around it.
            (Suite::Net, true) => (7, 60),
            (Suite::Net, false) => (21, 200),
        };
        Effort {
            rounds: self.rounds.unwrap_or(rounds).into(),
            round: Duration::from_millis(self.round_ms.unwrap_or(millis).into()),
            long: Duration::from_secs(if self.quick { 10 } else { 30 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_words_between_commas() {
        let words = ["sage-bench", "inproc", "--only", "spsc,4x1", "--only", "pair"];
        let args = Args::try_parse_from(words).expect("three scenarios");
        assert_eq!(args.only, ["spsc", "4x1", "pair"]);
        assert!(args.subject.is_empty());
    }

    #[test]
    fn quick_is_shorter_and_numbers_win() {
        let args = |words: &[&str]| Args::try_parse_from([&["sage-bench", "inproc"], words].concat());
        let full = args(&[]).expect("a suite").effort();
        let quick = args(&["--quick"]).expect("a flag").effort();
        assert!(full.rounds >= 15 && quick.rounds >= 7 && quick.round < full.round);
        let own = args(&["--quick", "--rounds", "3"]).expect("a number").effort();
        assert_eq!((own.rounds, own.round), (3, quick.round));
        assert!(args(&["--rounds", "0"]).is_err());
    }
}
