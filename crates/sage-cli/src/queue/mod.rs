//! Queues from the shell: `sage put`, `get`, `describe`, `ls` and `clean`.

mod args;
mod describe;
mod descriptor;
mod get;
mod line;
mod put;
mod segments;
mod stdin;

use std::time::Duration;

pub(crate) use args::{CleanArgs, DescribeArgs, GetArgs, LsArgs, PutArgs, duration};
pub(crate) use describe::describe;
pub(crate) use get::get;
pub(crate) use put::put;
pub(crate) use segments::{clean, ls};

/// How often a verb that waits looks whether somebody asked for its end.
const TICK: Duration = Duration::from_millis(100);
