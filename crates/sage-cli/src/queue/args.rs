//! The arguments of the verbs that use queues.

use std::time::Duration;

use clap::Args;

use crate::args::Bounded;

const DESCRIPTOR: &str = "\
DESCRIPTOR names a queue: a line such as 'shm://letters?maxsize=100', the JSON of a descriptor, or
@FILE with one of them or the binary form inside. The queue is made if nobody has it open.";

const PUT_HELP: &str = "\
An item is a line without its line feed. A queue of bytes takes any line, a queue of text (String in
Rust, what a new queue is without --bytes) lines of UTF-8; queues of other types are refused.
It ends when its lines have been taken: the last one who leaves a queue removes it, with what is
inside. With auto_cleanup=false in the descriptor the queue stays, and put does not wait; neither does
it with a queue of a server (rpc://...) or of `sage serve --manager` (ray_queue://...), which keep it.";

const GET_HELP: &str = "\
An item is printed with a line feed behind it; one that has line feeds inside takes several lines.
An item that could not be written, as the reader had left or the disk was full, is lost: this is said.";

/// Put each line of standard input into a queue
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = format!("{DESCRIPTOR}\n\n{PUT_HELP}"))]
pub(crate) struct PutArgs {
    /// The queue
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// Make a new queue one of bytes, which need not be UTF-8
    #[arg(long)]
    pub(super) bytes: bool,

    /// Close the queue after the last line: who gets the last item is told that no more will come
    #[arg(long)]
    pub(super) close: bool,

    /// Fail when there was no room for so long, such as 500ms or 5s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// Take items out of a queue and print them, a line each
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = format!("{DESCRIPTOR}\n\n{GET_HELP}"))]
pub(crate) struct GetArgs {
    /// The queue
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// How many items; fewer are a failure [default: 1]
    #[arg(
        long, short = 'n', value_name = "N", conflicts_with = "follow", allow_negative_numbers = true,
        value_parser = Bounded::<1, { u64::MAX }>::parse
    )]
    pub(super) count: Option<Bounded<1, { u64::MAX }>>,

    /// All items until the queue is closed, or until nothing came for the time of --timeout
    #[arg(long, short)]
    pub(super) follow: bool,

    /// End when nothing came for so long, such as 500ms or 5s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(super) timeout: Option<Duration>,

    /// Make a new queue one of bytes, which need not be UTF-8
    #[arg(long)]
    pub(super) bytes: bool,

    /// Print one JSON object as the last line of the output
    #[arg(long)]
    pub(super) json: bool,
}

/// Print a descriptor as one line and as JSON
#[derive(Clone, Debug, Args)]
#[command(max_term_width = 100, after_help = DESCRIPTOR_ONLY)]
pub(crate) struct DescribeArgs {
    /// The queue, which is not opened
    #[arg(value_name = "DESCRIPTOR")]
    pub(super) descriptor: String,

    /// Print only the JSON
    #[arg(long)]
    pub(super) json: bool,
}

const DESCRIPTOR_ONLY: &str = "\
DESCRIPTOR is a line such as 'shm://letters?maxsize=100', the JSON of a descriptor, or @FILE with one of
them or the binary form inside. Both forms that are printed name the same queue.";

/// A time with a unit: `250ms`, `5s`, `1.5s`, `2m`, `1h`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(number.len()..) {
        Some("ms") => 1e-3,
        Some("s") => 1.0,
        Some("m") => 60.0,
        Some("h") => 3_600.0,
        _ => return Err(EXPECTED.into()),
    };
    let is_plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let seconds: f64 = number.parse().ok().filter(|_| is_plain).ok_or(EXPECTED)?;
    Duration::try_from_secs_f64(seconds * unit).map_err(|_| EXPECTED.into())
}

const EXPECTED: &str = "expected a number and a unit (ms, s, m or h), such as 500ms or 5s";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_unit() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("5s", 5_000),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for wrong in [
            "",
            "5",
            "s",
            "-1s",
            "1e3s",
            "5 s",
            "5sec",
            "infs",
            "NaNs",
            "1..2s",
            "9999999999999999999999h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong:?}");
        }
    }
}
