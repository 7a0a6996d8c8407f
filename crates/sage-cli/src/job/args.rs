//! The arguments of `sage job`.

use std::time::Duration;

use clap::{Args, Subcommand};
use sage_comm::jobs::{Scalar, Scalars};

use crate::queue::duration;

const AFTER_HELP: &str = "\
Jobs run in the process of `sage serve --jobs`, several at once. Those that can be submitted:
  demo         events (0 for no end), parallelism, seed, window_ms, slide_ms, verify
  word-count   files (of that process, with `:` between them), parallelism, top
An ID is what submit prints. Who has ended can be asked about until a hundred others have ended too.";

/// Run jobs at a server: submit, watch, pause, cancel and wait for them
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct JobVerbArgs {
    #[command(subcommand)]
    pub(super) verb: JobVerb,

    /// The server: a line such as 'rpc://?unix=/tmp/queues.sock', or the descriptor of any queue there
    #[arg(long, global = true, value_name = "SERVER", default_value = "rpc://")]
    pub(super) at: String,

    /// How long an answer of the server may take, such as 500ms or 5s
    #[arg(long, global = true, value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub(super) patience: Duration,

    /// Print one JSON object as the last line of the output
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Clone, Debug, Subcommand)]
pub(super) enum JobVerb {
    /// Start a job and print its ID
    Submit {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,

        /// A parameter; again for each
        #[arg(long = "param", short, value_name = "NAME=VALUE", value_parser = param)]
        params: Vec<(String, String)>,

        /// Wait for its end, as `sage job wait` does
        #[arg(long)]
        wait: bool,
    },
    /// List the jobs that run or ended not long ago
    Ls,
    /// Show what is known of a job
    Status {
        /// Its id
        id: String,
    },
    /// Let a job stand still, with nothing lost
    Pause {
        /// Its id
        id: String,
    },
    /// Let a paused job go on
    Resume {
        /// Its id
        id: String,
    },
    /// Cut a job off
    Cancel {
        /// Its id
        id: String,

        /// Stop its sources instead, and let what is inside flow out, for at most so long, such as 30s
        #[arg(long, value_name = "TIME", value_parser = duration)]
        drain: Option<Duration>,
    },
    /// Wait for the end of a job and show what it came to
    Wait {
        /// Its id
        id: String,

        /// Give up after so long, such as 5m; the job goes on
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
    },
}

fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The parameters by name; the server knows what each of them takes.
pub(super) fn scalars(params: &[(String, String)]) -> Scalars {
    let pairs = params.iter();
    pairs
        .map(|(name, value)| (name.clone(), Scalar::from(value.as_str())))
        .collect()
}
