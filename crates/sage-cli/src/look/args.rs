//! The arguments of the verbs that look at queues.

use std::time::Duration;

use clap::Args;

use crate::args::Bounded;
use crate::queue::duration;

const DESCRIPTOR: &str = "\
DESCRIPTOR names a queue in shared memory, at a server or of a manager: a line such as
'rpc://letters?port=7420' or 'ray_queue://letters', the JSON of a descriptor, or @FILE with one of them or
the binary form inside. No queue is made, and nobody becomes a manager.";

/// Show the queues in shared memory, or those of a server or a manager
#[derive(Clone, Debug, Args)]
#[command(
    max_term_width = 100,
    after_help = "\
SERVER is an address as a server says it when it starts, such as tcp://127.0.0.1:7420, a line such as
'rpc://?unix=/tmp/queues.sock' or 'ray_queue://?namespace=night', or the descriptor of any queue there.
States in shared memory: used (somebody has it open), kept (nobody has, and it stays: auto_cleanup=false),
stale (left by processes that died; sage clean removes it), strange (nothing that this version of sage
can judge)."
)]
pub(crate) struct LsArgs {
    /// Where to look instead of shared memory
    #[arg(value_name = "SERVER")]
    pub(super) server: Option<String>,

    /// Only queues whose names begin like this
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(super) prefix: String,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// Show a queue: its parameters, its numbers and who uses it
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = DESCRIPTOR)]
pub(crate) struct ShowArgs {
    /// The queue
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// Print the numbers of a queue, once or again and again
#[derive(Clone, Debug, Args)]
#[command(
    max_term_width = 100,
    after_help = format!("\
{DESCRIPTOR}
Columns: items inside, of those away (on loan or fetched ahead), items put and got since the queue was made,
put and got a second since the line before, deliveries after the first of an item, and dead letters.")
)]
pub(crate) struct StatArgs {
    /// The queue
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// Another line each time that this has passed, such as 1s or 500ms, until Ctrl-C
    #[arg(long, value_name = "TIME", value_parser = pause)]
    pub(super) every: Option<Duration>,

    /// End after so many lines
    #[arg(
        long, short = 'n', value_name = "N", requires = "every", allow_negative_numbers = true,
        value_parser = Bounded::<1, { u64::MAX }>::parse
    )]
    pub(super) count: Option<Bounded<1, { u64::MAX }>>,

    /// Print one JSON object a line instead of columns
    #[arg(long)]
    pub(super) json: bool,
}

/// Print the items of a queue that can be taken next, and leave them where they are
#[derive(Clone, Debug, Args)]
#[command(
    max_term_width = 100,
    after_help = format!("\
{DESCRIPTOR}
An item of text or bytes is printed with a line feed behind it; of other items the bytes are shown as
hexadecimal numbers. Of a queue in shared memory whose items are taken faster than they can be read, fewer
are shown, or none.")
)]
pub(crate) struct PeekArgs {
    /// The queue
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// How many items
    #[arg(
        long, short = 'n', value_name = "N", default_value = "10", allow_negative_numbers = true,
        value_parser = Bounded::<1, 100_000>::parse
    )]
    pub(super) count: Bounded<1, 100_000>,

    /// How many to pass over first
    #[arg(
        long, value_name = "N", default_value = "0", hide_default_value = true, allow_negative_numbers = true,
        value_parser = Bounded::<0, { u64::MAX }>::parse
    )]
    pub(super) skip: Bounded<0, { u64::MAX }>,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// Remove a queue with what is inside
#[derive(Clone, Debug, Args)]
#[command(
    max_term_width = 100,
    after_help = format!("\
{DESCRIPTOR}
At a server or a manager whoever uses the queue is told that it is gone. In shared memory a queue that somebody has open
is left alone.")
)]
pub(crate) struct DeleteArgs {
    /// The queue
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// Remove the queues in shared memory that dead processes left
#[derive(Clone, Debug, Args)]
#[command(
    max_term_width = 100,
    after_help = "\
Removed is what sage ls calls stale, and nothing else: no queue that somebody has open, none that is
kept (auto_cleanup=false), no file that is not ours. Opening a queue does the same for a part of them."
)]
pub(crate) struct CleanArgs {
    /// Remove nothing and say what would be removed
    #[arg(long)]
    pub(super) dry_run: bool,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// A time between two looks: short enough for people, and no load.
fn pause(text: &str) -> Result<Duration, String> {
    let shortest = Duration::from_millis(10);
    match duration(text)? {
        long if long >= shortest => Ok(long),
        _ => Err("expected 10ms at least".into()),
    }
}
