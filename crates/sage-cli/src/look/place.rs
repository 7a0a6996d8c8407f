//! Where the queue of a descriptor is, for whoever looks at it.

use sage_comm::{QueueId, RpcStats, ShmEntry, ShmFolder, ShmSpec, Spec};

use super::keeper::Keeper;
use super::numbers::Numbers;
use crate::failure::Failure;
use crate::queue::{reachable, read};

/// A queue that is somewhere else.
pub(super) struct Place {
    pub(super) id: QueueId,
    pub(super) host: Host,
}

/// Who has it.
pub(super) enum Host {
    Memory(ShmFolder),
    Other(Keeper),
}

/// What is known of a queue.
pub(super) enum Found {
    Segment(ShmEntry),
    Served(RpcStats),
}

impl Place {
    pub(super) fn of(descriptor: &str) -> Result<Self, Failure> {
        let record = reachable(&read(descriptor)?)?;
        let host = match Keeper::of(&record)? {
            Some(keeper) => Host::Other(keeper),
            None if record.queue_type == ShmSpec::KIND => Host::Memory(ShmFolder::of_this_user()),
            None => {
                return Err(Failure::usage(format_args!(
                    "queue `{}`: queues of type `{}` cannot be looked at from here; expected type `shm`, `rpc`, `ray_queue` or `ray_actor`",
                    record.queue_id, record.queue_type
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
            Host::Other(keeper) => match keeper.stats(&self.id)? {
                Some(stats) => Ok(Found::Served(stats)),
                None => Err(self.missing()),
            },
        }
    }

    /// That there is no such queue, and where one can see which there are.
    pub(super) fn missing(&self) -> Failure {
        let place = match &self.host {
            Host::Memory(folder) => format!("in {}; `sage ls` shows those that there are", folder.path().display()),
            Host::Other(keeper) => format!(
                "at {}; `sage ls` with this descriptor shows those that there are",
                keeper.address()
            ),
        };
        Failure::new(format_args!("there is no queue `{}` {place}", self.id))
    }
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
