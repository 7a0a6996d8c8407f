//! Whoever keeps queues for other processes: a server, or the manager of a namespace.

use sage_comm::{
    DescriptorRecord, Error, ErrorKind, ManagerSettings, QueueId, QueueManager, RayActorSpec, RayQueueSpec, RpcAdmin,
    RpcPeek, RpcSpec, RpcStats, Spec,
};

use crate::failure::Failure;
use crate::queue::wrong;

/// The connection to the server that a record names.
pub(crate) fn server(record: &DescriptorRecord) -> Result<RpcAdmin, Failure> {
    let spec = RpcSpec::from_metadata(&record.metadata).map_err(wrong)?;
    Ok(RpcAdmin::connect(&spec)?)
}

/// One that is there, or was a moment ago. A queue that it has not is `None`.
pub(super) enum Keeper {
    Server(RpcAdmin),
    Manager(QueueManager),
    /// A manager of one queue.
    Actor(QueueManager),
}

impl Keeper {
    /// The one that a record names; `None` when its type has none.
    pub(super) fn of(record: &DescriptorRecord) -> Result<Option<Self>, Failure> {
        let metadata = &record.metadata;
        Ok(Some(match record.queue_type.as_str() {
            RpcSpec::KIND => Self::Server(server(record)?),
            RayQueueSpec::KIND => {
                let spec = RayQueueSpec::from_metadata(metadata).map_err(wrong)?;
                Self::Manager(QueueManager::in_namespace(&spec.namespace).map_err(wrong)?)
            }
            RayActorSpec::KIND => {
                let spec = RayActorSpec::from_metadata(metadata).map_err(wrong)?;
                let manager = spec.manager(&record.queue_id, ManagerSettings::default());
                Self::Actor(manager.map_err(wrong)?)
            }
            _ => return Ok(None),
        }))
    }

    /// The type of its queues.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Server(_) => RpcSpec::KIND,
            Self::Manager(_) => RayQueueSpec::KIND,
            Self::Actor(_) => RayActorSpec::KIND,
        }
    }

    /// What it is called in `sage show`.
    pub(super) const fn role(&self) -> &'static str {
        match self {
            Self::Server(_) => "server",
            Self::Manager(_) => "manager",
            Self::Actor(_) => "actor",
        }
    }

    /// Where it is: the address of a server, the folder of a manager.
    pub(super) fn address(&self) -> String {
        match self {
            Self::Server(admin) => admin.status().peer,
            Self::Manager(manager) | Self::Actor(manager) => manager.folder().display().to_string(),
        }
    }

    /// The names of its queues that begin like this.
    pub(super) fn list(&self, prefix: &str) -> Result<Vec<QueueId>, Failure> {
        let listed = match self {
            Self::Server(admin) => admin.list(prefix),
            Self::Manager(manager) | Self::Actor(manager) => manager.list(prefix),
        };
        Ok(listed?.into_iter().map(|queue| queue.id).collect())
    }

    pub(super) fn stats(&self, id: &QueueId) -> Result<Option<RpcStats>, Failure> {
        self.found(match self {
            Self::Server(admin) => admin.stats(id),
            Self::Manager(manager) | Self::Actor(manager) => manager.stats(id.as_str()),
        })
    }

    pub(super) fn peek(&self, id: &QueueId, skip: u64, most: u32) -> Result<Option<RpcPeek>, Failure> {
        self.found(match self {
            Self::Server(admin) => admin.peek(id, skip, most),
            Self::Manager(manager) | Self::Actor(manager) => manager.peek(id.as_str(), skip, most),
        })
    }

    pub(super) fn delete(&self, id: &QueueId) -> Result<Option<()>, Failure> {
        self.found(match self {
            Self::Server(admin) => admin.delete(id),
            Self::Manager(manager) | Self::Actor(manager) => manager.delete(id.as_str()),
        })
    }

    /// That there is no such queue is no failure; that there is no manager is one.
    fn found<R>(&self, answer: Result<R, Error>) -> Result<Option<R>, Failure> {
        match (answer, self) {
            (Ok(answer), _) => Ok(Some(answer)),
            (Err(error), Self::Server(_)) if error.kind() == ErrorKind::NotFound => Ok(None),
            (Err(error), Self::Manager(manager) | Self::Actor(manager)) if error.kind() == ErrorKind::NotFound => {
                manager.list("")?;
                Ok(None)
            }
            (Err(error), _) => Err(error.into()),
        }
    }
}
