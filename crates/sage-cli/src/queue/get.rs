//! `sage get`: items become lines of standard output.

use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use sage_comm::{DynQueue, GetError, Wait};
use serde_json::json;

use super::TICK;
use super::args::GetArgs;
use super::descriptor::{Lines, reachable, read};
use super::line::Line;
use crate::failure::Failure;
use crate::interrupt::{Asked, Interrupts};
use crate::output::Output;

/// Why no more items are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Count,
    Closed,
    Timeout,
    Interrupted,
    ReaderLeft,
}

impl End {
    const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Closed => "closed",
            Self::Timeout => "timeout",
            Self::Interrupted => "interrupted",
            Self::ReaderLeft => "reader left",
        }
    }
}

pub(crate) fn get(args: &GetArgs) -> Result<ExitCode, Failure> {
    let canonical = reachable(&read(&args.descriptor)?)?;
    let id = canonical.queue_id.as_str();
    let interrupts = Interrupts::catch()?;
    let limit = match args.count {
        _ if args.follow => None,
        count => Some(count.map_or(1, |count| count.0)),
    };
    let mut output = Output::stdout();
    let mut items = 0;
    let end = match Lines::open(&canonical, args.bytes)? {
        Lines::Text(queue) => take(&queue, limit, args.timeout, &interrupts, &mut output, &mut items),
        Lines::Raw(queue) => take(&queue, limit, args.timeout, &interrupts, &mut output, &mut items),
    };
    let about = |message: &dyn std::fmt::Display| format!("queue `{id}`, after {items} items: {message}");
    let end = end.map_err(|cause| Failure::new(about(&cause)))?;
    if args.json {
        let summary = json!({ "queue_id": id, "items": items, "ended": end.name() });
        output.print(|out| writeln!(out, "{summary}"))?;
    }
    match end {
        End::Closed if limit.is_some() => Err(Failure::new(about(&"the queue is closed, no more will come"))),
        End::Timeout if limit.is_some() => Err(Failure::new(about(&"nothing came within the time of --timeout"))),
        End::Interrupted => Err(Failure::interrupted(about(&"interrupted"))),
        End::ReaderLeft => {
            // No failure, yet no secret either: there was nobody left to give it to.
            let _ = writeln!(
                std::io::stderr(),
                "sage: {}",
                about(&"the reader of the output left; the item taken last is lost")
            );
            Ok(ExitCode::SUCCESS)
        }
        End::Count | End::Closed | End::Timeout => Ok(ExitCode::SUCCESS),
    }
}

/// Takes one item after the other, and none before the one before it is written.
fn take<T: Line>(
    queue: &DynQueue<T>,
    limit: Option<u64>,
    timeout: Option<Duration>,
    interrupts: &Interrupts,
    output: &mut Output,
    items: &mut u64,
) -> Result<End, String> {
    let mut last = Instant::now();
    while limit.is_none_or(|limit| *items < limit) {
        if interrupts.asked() > Asked::Nothing {
            return Ok(End::Interrupted);
        }
        let left = timeout.map(|timeout| timeout.saturating_sub(last.elapsed()));
        let until = Instant::now() + left.unwrap_or(TICK).min(TICK);
        match queue.get_within(Wait::Until(until)) {
            Ok(item) => {
                output
                    .print(|out| {
                        out.write_all(item.as_bytes())?;
                        out.write_all(b"\n")
                    })
                    .map_err(|failure| format!("{}; the item taken last is lost", failure.message()))?;
                if output.is_closed() {
                    return Ok(End::ReaderLeft);
                }
                *items += 1;
                last = Instant::now();
            }
            Err(GetError::Empty) if left.is_some_and(|left| left.is_zero()) => return Ok(End::Timeout),
            Err(GetError::Empty) => {}
            Err(GetError::Closed) => return Ok(End::Closed),
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(End::Count)
}
