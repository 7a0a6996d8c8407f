//! Where the jobs are.

use sage_comm::jobs::{JobClient, REQUESTS};
use sage_comm::{Builtin, DescriptorRecord, ErrorKind, QueueId};

use super::JobVerbArgs;
use crate::failure::Failure;
use crate::look;

/// The place that a text describes.
pub(crate) fn place(text: &str) -> Result<DescriptorRecord, Failure> {
    Ok(settled(look::any_queue_at(text)?))
}

/// What both sides have to say alike about the queues between them: none outlives whoever uses it, and no call is taken
/// by one process and lost with it, or taken twice.
pub(crate) fn settled(record: DescriptorRecord) -> DescriptorRecord {
    record
        .with("durability", "volatile")
        .with("prefetch", 0_i64)
        .with("confirm", "each")
}

/// A client of the server that the arguments name; that one without jobs is found at once.
pub(super) fn connect(args: &JobVerbArgs) -> Result<JobClient, Failure> {
    let place = place(&args.at)?;
    let admin = look::admin_of(&place)?;
    match QueueId::new(REQUESTS).and_then(|id| admin.exists(&id)) {
        Ok(true) => {}
        // Who may use a queue need not be told which there are.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
        Ok(false) => {
            return Err(Failure::new(format_args!(
                "the server at {} runs no jobs; start one with `sage serve --jobs`",
                admin.status().peer
            )));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(JobClient::open(&Builtin, &place, args.patience)?)
}
