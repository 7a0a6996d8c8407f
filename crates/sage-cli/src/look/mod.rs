//! Looking at queues without using them: `sage ls`, `show`, `stat`, `peek`, `delete` and `clean`.

mod args;
mod delete;
mod keeper;
mod numbers;
mod peek;
mod place;
mod segments;
mod server;
mod show;
mod stat;

use std::process::ExitCode;

pub(crate) use args::{CleanArgs, DeleteArgs, LsArgs, PeekArgs, ShowArgs, StatArgs};
pub(crate) use delete::delete;
pub(crate) use keeper::server as admin_of;
pub(crate) use peek::peek;
pub(crate) use segments::clean;
pub(crate) use server::record as any_queue_at;
pub(crate) use show::show;
pub(crate) use stat::stat;

use crate::failure::Failure;

/// The queues of a server or a manager, or those in shared memory.
pub(crate) fn ls(args: &LsArgs) -> Result<ExitCode, Failure> {
    match &args.server {
        Some(server) => server::ls(args, server),
        None => segments::ls(args),
    }
}
