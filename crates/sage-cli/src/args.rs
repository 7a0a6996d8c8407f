//! The command line.

use std::fmt;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use sage_comm::{Deployment, Meeting, ServerAddress};

use crate::demo::DemoArgs;
use crate::failure::Failure;
use crate::job::JobVerbArgs;
use crate::look::{CleanArgs, DeleteArgs, LsArgs, PeekArgs, ShowArgs, StatArgs};
use crate::plan::{ExplainArgs, PlanArgs, RouteArgs};
use crate::queue::{DescribeArgs, GetArgs, PutArgs};
use crate::serve::ServeArgs;
use crate::word_count::WordCountArgs;

const AFTER_HELP: &str = "\
Examples:
  sage demo                                      watch a million auction events flow through a job
  sage demo --events 5000000 --verify --json     prove the result against a single-threaded loop
  sage demo --transport shm --kill-worker        lose a worker process, and go on from a checkpoint
  sage word-count README.md docs/*.md            count words with two counters
  cat big.txt | sage word-count - --top 10       the ten most frequent words of a stream
  sage explain demo --processes 3                why each queue of a job would be of its type
  sage route diff demo --node hot_items --to 3   which keys would move with another instance
  sage get 'shm://letters' --follow              print what other processes of this host put
  ls | sage put 'shm://letters'                  put lines for them to get
  sage serve --unix /tmp/queues.sock             queues for other processes, until Ctrl-C
  sage ls 'rpc://?unix=/tmp/queues.sock'         the queues of that server, and what is inside
  sage serve --jobs                              run jobs for others, beside queues
  sage job submit demo --param events=5000000    start one there, and see `sage job --help`
  sage stat 'shm://letters' --every 1s           how many items come and go
  sage serve --manager                           the manager of ray_queue://..., until Ctrl-C

Exit codes:
  0 done   1 failed, or a result that does not verify   2 wrong use   130 interrupted
  In a job, Ctrl-C lets what is on its way flow out; a second one cuts the job off, a third ends at
  once. put, get and stat end at the first one. serve gives its clients some time at the first one, and
  cuts them off at the second one.
  A reader that has seen enough, such as head, is no failure.

Environment:
  SAGE_LOG       what to log to stderr, for example `info` or `runtime=debug` [default: warn]
  SAGE_JOIN      the address of a server where this process is to be a worker of the job, as --join
  SAGE_SHM_DIR   a folder on a tmpfs for the queues in shared memory [default: /dev/shm/sage-UID]
  SAGE_MANAGER_DIR   a folder for the managers of ray_queue and ray_actor
                 [default: $XDG_RUNTIME_DIR/sage-comm]";

/// Dataflow jobs over queues that are named by descriptors
#[derive(Debug, Parser)]
#[command(name = "sage", version, arg_required_else_help = true, max_term_width = 100, after_help = AFTER_HELP)]
pub(crate) struct Sage {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Demo(DemoArgs),
    WordCount(WordCountArgs),
    Plan(PlanArgs),
    Explain(ExplainArgs),
    Route(RouteArgs),
    Job(JobVerbArgs),
    Describe(DescribeArgs),
    Put(PutArgs),
    Get(GetArgs),
    Serve(Box<ServeArgs>),
    Ls(LsArgs),
    Show(ShowArgs),
    Stat(StatArgs),
    Peek(PeekArgs),
    Delete(DeleteArgs),
    Clean(CleanArgs),
}

/// What every verb that runs a job takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct JobArgs {
    /// Instances of each keyed operator, a thread each
    #[arg(
        long, short, value_name = "N", allow_negative_numbers = true, default_value = "2",
        value_parser = Bounded::<1, 256>::parse
    )]
    pub(crate) parallelism: Bounded<1, 256>,

    /// Queues that the packets travel over: our ring, flume, or between processes shared memory, a server or a manager;
    /// auto is what fits each edge best [default: sage, with --processes auto]
    #[arg(long, short, value_enum, value_name = "KIND")]
    pub(crate) transport: Option<Transport>,

    /// Worker processes, with transport auto, shm, rpc or actor [default: 3, with auto this one]
    #[arg(
        long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 64>::parse
    )]
    pub(crate) processes: Option<Bounded<1, 64>>,

    /// Wait for so many workers of other hosts, which join at the server of --at
    #[arg(
        long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 64>::parse,
        requires = "at", conflicts_with = "processes"
    )]
    pub(crate) workers: Option<Bounded<1, 64>>,

    /// The server of queues of --workers, such as tcp://10.0.0.5:7420 or unix:/run/queues.sock
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "workers")]
    pub(crate) at: Option<ServerAddress>,

    /// Be a worker of this job, started with the same options elsewhere with --workers, at that server
    #[arg(long, value_name = "ADDRESS", value_parser = address, conflicts_with_all = ["workers", "at", "processes"])]
    pub(crate) join: Option<ServerAddress>,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(crate) json: bool,

    /// No progress and no report, only the result
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl JobArgs {
    /// Of a job that is run for somebody else, without a word on the terminal.
    pub(crate) const fn quiet(parallelism: u64, transport: Transport, processes: Option<u64>) -> Self {
        Self {
            parallelism: Bounded(parallelism),
            transport: Some(transport),
            processes: match processes {
                Some(processes) => Some(Bounded(processes)),
                None => None,
            },
            workers: None,
            at: None,
            join: None,
            json: false,
            quiet: true,
        }
    }

    pub(crate) fn parallelism(&self) -> u32 {
        // At most 256 by its type.
        self.parallelism.0 as u32
    }

    /// How many processes the instances of operators run in.
    pub(crate) fn processes(&self) -> u32 {
        if let Some(meeting) = self.meeting() {
            return meeting.workers();
        }
        match (self.transport(), self.processes) {
            (transport, None) if transport.is_far() => 3,
            // At most 64 by its type.
            (transport, Some(processes)) if transport.is_far() => processes.0 as u32,
            (Transport::Auto, Some(processes)) => processes.0 as u32,
            _ => 1,
        }
    }

    /// Where its workers of other hosts join it, or it joins as one.
    pub(crate) fn meeting(&self) -> Option<Meeting> {
        match (&self.join, self.workers, &self.at) {
            // How many there are is the coordinator's to know.
            (Some(server), ..) => Some(Meeting::new(1, server.clone())),
            // At most 64 by its type.
            (None, Some(workers), Some(server)) => Some(Meeting::new(workers.0 as u32, server.clone())),
            _ => None,
        }
    }

    /// What the packets travel over between processes, or inside the one that there is.
    pub(crate) fn transport(&self) -> Transport {
        match self.meeting() {
            Some(_) => Transport::Rpc,
            None => self.transport.unwrap_or(match self.processes {
                Some(processes) if processes.0 > 1 => Transport::Auto,
                _ => Transport::Sage,
            }),
        }
    }

    /// In so many processes, where nothing was said about where it runs.
    pub(crate) fn or_processes(mut self, processes: u64) -> Self {
        if self.transport.is_none() && self.processes.is_none() && self.meeting().is_none() {
            self.processes = Some(Bounded(processes));
        }
        self
    }

    /// Where the job runs.
    pub(crate) fn deployment(&self) -> Result<Deployment, Failure> {
        if let Some(meeting) = self.meeting() {
            return match self.transport {
                Some(near @ (Transport::Local | Transport::Shm | Transport::Actor)) => {
                    Err(Failure::usage(format_args!(
                        "workers of other hosts with --transport {near}: it does not reach them; leave it out"
                    )))
                }
                None | Some(Transport::Auto | Transport::Sage | Transport::Rpc) => Ok(Deployment::Workers(meeting)),
            };
        }
        match (self.transport(), self.processes) {
            (transport, _) if transport.is_far() => Ok(Deployment::Processes(self.processes())),
            (Transport::Auto, Some(_)) => Ok(Deployment::Processes(self.processes())),
            (transport, Some(processes)) if processes.0 > 1 => Err(Failure::usage(format_args!(
                "--processes {} with --transport {transport}: it reaches one process only; use --transport auto, shm, rpc or actor",
                processes.0
            ))),
            _ => Ok(Deployment::Threads),
        }
    }
}

/// The kinds of queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    // With a comment for the help, each value would take three lines there.
    Auto,
    Sage,
    Local,
    Shm,
    Rpc,
    Actor,
}

impl Transport {
    /// Whether it is for jobs on several processes alone.
    const fn is_far(self) -> bool {
        matches!(self, Self::Shm | Self::Rpc | Self::Actor)
    }

    /// The queue type of every edge; `None` where a strategy chooses for each.
    pub(crate) const fn queue_type(self) -> Option<&'static str> {
        match self {
            Self::Sage => Some("sage_queue"),
            Self::Local => Some("local"),
            Self::Auto | Self::Shm | Self::Rpc | Self::Actor => None,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Sage => "sage",
            Self::Local => "local",
            Self::Shm => "shm",
            Self::Rpc => "rpc",
            Self::Actor => "actor",
        })
    }
}

pub(crate) fn address(text: &str) -> Result<ServerAddress, String> {
    text.parse().map_err(|error: sage_comm::Error| error.to_string())
}

/// A whole number from `MIN` to `MAX`, which may be written with underscores: `1_000_000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounded<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<const MIN: u64, const MAX: u64> Bounded<MIN, MAX> {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let digits = text.replace('_', "");
        u64::from_str(&digits)
            .ok()
            .filter(|number| (MIN..=MAX).contains(number) && !digits.starts_with('+'))
            .map(Self)
            .ok_or_else(|| {
                if MAX == u64::MAX {
                    format!("expected a whole number of at least {MIN}")
                } else {
                    format!("expected a whole number from {MIN} to {MAX}")
                }
            })
    }
}

/// Clap's message, which spans lines and repeats the usage, as one line.
pub(crate) fn usage_message(error: &clap::Error) -> String {
    let rendered = error.render().to_string();
    let mut message = String::new();
    for line in rendered.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line.starts_with("Usage:") {
            break;
        }
        if line.starts_with("For more information") {
            continue;
        }
        if !message.is_empty() {
            message.push_str(if message.ends_with(':') || line.starts_with('[') {
                " "
            } else {
                "; "
            });
        }
        message.push_str(line.strip_prefix("error: ").unwrap_or(line));
    }
    message.push_str("; see `sage --help`");
    message
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn refusal(args: &[&str]) -> String {
        usage_message(&Sage::try_parse_from(args).unwrap_err())
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Sage::command().debug_assert();
    }

    #[test]
    fn help_fits_a_hundred_columns() {
        let mut command = Sage::command();
        let verbs: Vec<_> = command
            .get_subcommands()
            .map(|verb| verb.get_name().to_owned())
            .collect();
        let mut texts = vec![command.render_long_help().to_string()];
        for verb in verbs {
            let verb = command.find_subcommand_mut(&verb).unwrap();
            texts.push(verb.render_help().to_string());
        }
        for line in texts.iter().flat_map(|text| text.lines()) {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }

    #[test]
    fn refusals_are_one_line_and_say_what_would_be_right() {
        for (args, parts) in [
            (&["sage", "demo", "--events", "0"][..], &["--events", "at least 1"][..]),
            (
                &["sage", "demo", "--parallelism", "0"],
                &["--parallelism", "from 1 to 256"],
            ),
            (&["sage", "demo", "--parallelism", "+2"], &["from 1 to 256"]),
            (
                &["sage", "demo", "--transport", "carrier"],
                &["'carrier'", "auto, sage, local, shm"],
            ),
            (
                &["sage", "demo", "--transprot", "local"],
                &["--transprot", "--transport"],
            ),
            (&["sage", "word-count"], &["<FILE>"]),
            (&["sage", "dmeo"], &["dmeo", "demo"]),
        ] {
            let message = refusal(args);
            for part in parts.iter().chain(&["see `sage --help`"]) {
                assert!(message.contains(part), "{message:?} has no {part:?}");
            }
            assert!(!message.contains('\n'), "{message:?}");
            assert!(!message.contains("error:"), "{message:?}");
        }
    }

    #[test]
    fn numbers_may_be_grouped() {
        let parse = Bounded::<1, { u64::MAX }>::parse;
        assert_eq!(parse("1_000"), Ok(Bounded(1_000)));
        assert_eq!(parse("18446744073709551615"), Ok(Bounded(u64::MAX)));
        for wrong in ["", "_", "-1", "1.5", "1e6", "18446744073709551616", " 1", "٣"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
