//! Where the jobs are.

use sage_comm::jobs::{JobClient, REQUESTS};
use sage_comm::{Builtin, DescriptorRecord, Error, ErrorKind, QueueId, RpcSpec, Spec};

use super::JobVerbArgs;
use crate::failure::Failure;
use crate::look;
use crate::queue::wrong;

/// The place that a text describes.
pub(crate) fn place(text: &str) -> Result<DescriptorRecord, Failure> {
    let record = look::any_queue_at(text)?;
    if record.queue_type != RpcSpec::KIND {
        return Err(wrong(
            Error::new(ErrorKind::InvalidDescriptor, "reach a server of jobs")
                .expected("a server: type `rpc`")
                .found(format!("type `{}`", record.queue_type))
                .remedy("name the address of `sage serve --jobs`, such as rpc://?host=127.0.0.1"),
        ));
    }
    Ok(settled(record))
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
