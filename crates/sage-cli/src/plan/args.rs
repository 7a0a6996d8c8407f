//! The arguments of `sage plan` and `sage explain`.

use clap::{Args, ValueEnum};

use crate::args::{Bounded, JobArgs, Transport, address};
use sage_comm::ServerAddress;

/// Show how a job would be laid out: instances, queues, connections; nothing runs
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(super) layout: LayoutArgs,

    /// Print the graph for Graphviz
    #[arg(long, conflicts_with_all = ["json", "mermaid"])]
    pub(super) dot: bool,

    /// Print the graph for Mermaid
    #[arg(long, conflicts_with = "json")]
    pub(super) mermaid: bool,
}

/// Say why each edge of a job would get its type of queue, and what would become of failures
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100)]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    pub(super) layout: LayoutArgs,
}

/// What decides how a job is laid out.
#[derive(Clone, Debug, Args)]
pub(super) struct LayoutArgs {
    /// The job
    #[arg(value_enum, value_name = "JOB")]
    pub(super) job: Planned,

    /// Instances of each keyed operator
    #[arg(
        long, short, value_name = "N", allow_negative_numbers = true, default_value = "2",
        value_parser = Bounded::<1, 256>::parse
    )]
    parallelism: Bounded<1, 256>,

    /// Queues that the packets would travel over
    #[arg(long, short, value_enum, value_name = "KIND", default_value_t = Transport::Auto)]
    transport: Transport,

    /// Worker processes, with transport auto, shm, rpc or actor
    #[arg(
        long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 64>::parse
    )]
    processes: Option<Bounded<1, 64>>,

    /// Workers of other hosts, which would join at the server of --at
    #[arg(
        long, value_name = "N", allow_negative_numbers = true, value_parser = Bounded::<1, 64>::parse,
        requires = "at", conflicts_with = "processes"
    )]
    workers: Option<Bounded<1, 64>>,

    /// The server of queues of --workers, such as tcp://10.0.0.5:7420
    #[arg(long, value_name = "ADDRESS", value_parser = address, requires = "workers")]
    at: Option<ServerAddress>,

    /// Print one JSON object
    #[arg(long)]
    pub(super) json: bool,
}

impl LayoutArgs {
    pub(super) fn job_args(&self) -> JobArgs {
        JobArgs {
            parallelism: self.parallelism,
            transport: Some(self.transport),
            processes: self.processes,
            workers: self.workers,
            at: self.at.clone(),
            join: None,
            json: self.json,
            quiet: true,
        }
    }
}

/// The jobs of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Planned {
    Demo,
    WordCount,
}
