//! Opening queues of managers and actors.

use descriptor_core::{DynQueue, Error, Open, QueueId, Spec, Wire};

use crate::manager::check_name;
use crate::{ManagerSettings, QueueManager, RayActorSpec, RayQueueSpec};

impl<T: Wire> Open<T> for RayQueueSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        let about = |error: Error| error.queue(id.as_str()).backend(Self::KIND);
        check_name("namespace", &self.namespace).map_err(about)?;
        QueueManager::in_namespace(&self.namespace)?.open(id, self)
    }
}

impl<T: Wire> Open<T> for RayActorSpec {
    fn open(&self, id: &QueueId) -> Result<DynQueue<T>, Error> {
        self.manager(id, ManagerSettings::default())?.open(id, &self.queue)
    }
}

impl RayActorSpec {
    /// The actor of that queue: a manager that has it alone.
    ///
    /// # Errors
    /// `InvalidDescriptor` when namespace or name are not made like queue ids.
    pub fn manager(&self, id: &QueueId, settings: ManagerSettings) -> Result<QueueManager, Error> {
        let about = |error: Error| error.queue(id.as_str()).backend(Self::KIND);
        let name = self.actor_name.as_deref().unwrap_or_else(|| id.as_str());
        check_name("actor_name", name).map_err(about)?;
        check_name("namespace", &self.queue.namespace).map_err(about)?;
        let namespace = &self.queue.namespace;
        QueueManager::named("actor", &format!("{namespace}/{name}"), namespace, settings, Self::KIND).map_err(about)
    }
}
