//! Where the queue of a descriptor is, for whoever looks at it.

use sage_comm::{DescriptorRecord, ErrorKind, QueueId, RpcAdmin, RpcSpec, RpcStats, ShmEntry, ShmFolder, Spec};

use super::numbers::Numbers;
use crate::failure::Failure;
use crate::queue::{reachable, read, wrong};

/// A queue that is somewhere else.
pub(super) struct Place {
    pub(super) id: QueueId,
    pub(super) host: Host,
}

/// Who has it.
pub(super) enum Host {
    Memory(ShmFolder),
    Server(RpcAdmin),
}

/// What is known of a queue.
pub(super) enum Found {
    Segment(ShmEntry),
    Served(RpcStats),
}

impl Place {
    pub(super) fn of(descriptor: &str) -> Result<Self, Failure> {
        let record = reachable(&read(descriptor)?)?;
        let host = match record.queue_type.as_str() {
            "shm" => Host::Memory(ShmFolder::of_this_user()),
            "rpc" => Host::Server(server(&record)?),
            other => {
                return Err(Failure::usage(format_args!(
                    "queue `{}`: queues of type `{other}` cannot be looked at from here; expected type `shm` or `rpc`",
                    record.queue_id
                )));
            }
        };
        Ok(Self {
            id: record.queue_id,
            host,
        })
    }

    /// What is known of the queue now. That there is none is a failure.
    pub(super) fn look(&self) -> Result<Found, Failure> {
        match &self.host {
            Host::Memory(folder) => match folder.find(&self.id)? {
                Some(entry) => Ok(Found::Segment(entry)),
                None => Err(self.missing()),
            },
            Host::Server(admin) => match admin.stats(&self.id) {
                Err(error) if error.kind() == ErrorKind::NotFound => Err(self.missing()),
                stats => Ok(Found::Served(stats?)),
            },
        }
    }

    /// That there is no such queue, and where one can see which there are.
    pub(super) fn missing(&self) -> Failure {
        let place = match &self.host {
            Host::Memory(folder) => format!("in {}; `sage ls` shows those that there are", folder.path().display()),
            Host::Server(admin) => format!(
                "at {}; `sage ls` with this descriptor shows those that there are",
                admin.status().peer
            ),
        };
        Failure::new(format_args!("there is no queue `{}` {place}", self.id))
    }
}

/// The connection to the server that a record names.
pub(super) fn server(record: &DescriptorRecord) -> Result<RpcAdmin, Failure> {
    let spec = RpcSpec::from_metadata(&record.metadata).map_err(wrong)?;
    Ok(RpcAdmin::connect(&spec)?)
}

impl Found {
    /// Its numbers, where they could be read.
    pub(super) fn numbers(&self) -> Option<Numbers> {
        match self {
            Self::Segment(entry) => entry.segment.as_ref().map(Numbers::from),
            Self::Served(stats) => Some(Numbers::from(stats)),
        }
    }
}
