//! Queues from the shell: `sage put`, `get` and `describe`.

mod args;
mod describe;
mod descriptor;
mod get;
mod line;
mod put;
mod stdin;

use std::time::Duration;

pub(crate) use args::{DescribeArgs, GetArgs, PutArgs, duration};
pub(crate) use describe::describe;
pub(crate) use descriptor::{reachable, read, wrong};
pub(crate) use get::get;
pub(crate) use put::put;

/// How often a verb that waits looks whether somebody asked for its end.
const TICK: Duration = Duration::from_millis(100);
