//! The arguments of `sage job`.

use std::time::Duration;

use clap::{Args, Subcommand};
use sage_comm::jobs::{Keep, Scalar, Scalars};

use crate::args::Bounded;
use crate::queue::duration;

const AFTER_HELP: &str = "\
Jobs run in the process of `sage serve --jobs`, or in workers of it, several at once. Those that can be
submitted, and their parameters:
  demo         events (0 for no end), seed, window_ms, slide_ms, verify
  word-count   files (of that process, with `:` between them), top
  both         parallelism, processes, transport
An ID is what submit prints. Who has ended can be asked about until a hundred others have ended too.";

/// Run jobs at a server: submit, watch, pause, cancel and wait for them
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct JobVerbArgs {
    #[command(subcommand)]
    pub(super) verb: JobVerb,

    /// The server: its address, such as tcp://127.0.0.1:7420, a line such as 'rpc://?unix=/tmp/queues.sock', or the
    /// descriptor of any queue there
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

        #[command(flatten)]
        spread: Spread,

        #[command(flatten)]
        kept: KeptArgs,

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
    /// Give a node of a job with checkpoints another number of instances, each key's state with it
    Rescale {
        /// Its id
        id: String,

        /// The node, one that packets find by their key
        node: String,

        /// Its instances from then on
        #[arg(value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 256>::parse)]
        instances: Bounded<1, 256>,
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

/// Parameters that have an option of their own.
#[derive(Clone, Debug, Args)]
pub(super) struct Spread {
    /// Worker processes that the server starts for it, as -p processes=N [default: none, threads of the server]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 64>::parse)]
    processes: Option<Bounded<1, 64>>,

    /// Queues that its packets travel over, as -p transport=KIND: auto or shm between processes, sage or local on threads
    #[arg(long, short, value_name = "KIND")]
    transport: Option<String>,
}

/// What of the job is kept.
#[derive(Clone, Debug, Args)]
pub(super) struct KeptArgs {
    /// Keep checkpoints below the --data-dir of the server, and go back to the last one when something fails; with =NAME
    /// stay there until a job has finished, for the next one of that name to go on
    #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    checkpoints: Option<String>,

    /// Time between two checkpoints in milliseconds [default: 1000]
    #[arg(
        long, value_name = "MS", allow_negative_numbers = true, requires = "checkpoints",
        value_parser = Bounded::<0, { u64::MAX }>::parse
    )]
    every: Option<Bounded<0, { u64::MAX }>>,

    /// How often within a minute it goes back by itself [default: 5]
    #[arg(
        long, value_name = "N", allow_negative_numbers = true, requires = "checkpoints",
        value_parser = Bounded::<0, 1_000>::parse
    )]
    retries: Option<Bounded<0, 1_000>>,
}

impl KeptArgs {
    /// What is asked of the server.
    pub(super) fn keep(&self) -> Option<Keep> {
        let usual = Keep::default();
        let name = self.checkpoints.as_ref()?;
        Some(Keep {
            name: (!name.is_empty()).then(|| name.clone()),
            every_ms: self.every.map_or(usual.every_ms, |every| every.0),
            // At most a thousand by its type.
            retries: self.retries.map_or(usual.retries, |retries| retries.0 as u32),
        })
    }
}

fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}

/// The parameters by name; the server knows what each of them takes.
pub(super) fn scalars(params: &[(String, String)], spread: &Spread) -> Scalars {
    let pairs = params.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let processes = spread.processes.map(|processes| ("processes", processes.0.to_string()));
    let transport = spread.transport.clone().map(|transport| ("transport", transport));
    pairs
        .chain(processes)
        .chain(transport)
        .map(|(name, value)| (name.to_owned(), Scalar::from(value)))
        .collect()
}
