//! The manager of a namespace, as everybody uses it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use descriptor_core::{DynQueue, Error, ErrorKind, QueueId, Result, Wire};
use queue_rpc::{RpcAdmin, RpcListing, RpcPeek, RpcQueue, RpcStats};

use crate::far::{About, Far};
use crate::host::Host;
use crate::ledger::{self, LostQueue};
use crate::reach::{Address, Patience, Reached, Remote, is_mine, retire};
use crate::spec::{GLOBAL_NAMESPACE, RayQueueSpec};
use crate::{ManagerSettings, place};

const QUEUE: &str = descriptor_core::kinds::RAY_QUEUE.name;

/// The one manager of a namespace on this host, for the processes of one user.
///
/// Whoever opens a queue first becomes the manager, unless another process is: there is exactly one, however many try at once.
/// In the process that is the manager a queue is a ring of that process until somebody outside opens it. An embedded
/// manager ends with its process; `sage serve --manager` has one that does not depend on who uses it.
///
/// ```
/// use queue_actor::{ManagerSettings, QueueManager};
///
/// # let folder = std::env::temp_dir().join(descriptor_core::QueueId::generated("sage-doc").as_str());
/// let settings = ManagerSettings { folder: Some(folder.clone()), ..ManagerSettings::default() };
/// let manager = QueueManager::with("night", settings)?;
/// let queue = manager.get_or_create::<String>("jobs/in", 100)?;
/// queue.put("sweep".into())?;
/// assert_eq!(manager.size("jobs/in")?, 1);
/// assert_eq!(queue.get()?, "sweep");
/// # while folder.exists() { std::fs::remove_dir_all(&folder).ok(); }
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[doc(alias = "get_global_queue_manager")]
#[doc(alias = "global_ray_queue_manager")]
#[derive(Clone)]
pub struct QueueManager {
    address: Address,
    settings: Arc<ManagerSettings>,
    kind: &'static str,
}

impl QueueManager {
    /// The global one, of namespace `sage_global`.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn global() -> Result<Self> {
        Self::in_namespace(GLOBAL_NAMESPACE)
    }

    /// That of a namespace.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn in_namespace(namespace: &str) -> Result<Self> {
        Self::with(namespace, ManagerSettings::default())
    }

    /// That of a namespace, in another folder than the usual one or with other limits, should this process become it.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the namespace is not made like a queue id.
    pub fn with(namespace: &str, settings: ManagerSettings) -> Result<Self> {
        Self::named("manager", namespace, namespace, settings, QUEUE)
    }

    pub(crate) fn named(
        sort: &str,
        name: &str,
        namespace: &str,
        settings: ManagerSettings,
        kind: &'static str,
    ) -> Result<Self> {
        let name = QueueId::new(format!("{sort}/{name}"))?;
        let base = settings.folder.clone().unwrap_or_else(place::usual_folder);
        Ok(Self {
            address: Address {
                base,
                name,
                namespace: namespace.to_owned(),
            },
            settings: Arc::new(settings),
            kind,
        })
    }

    /// The queue of that name with that capacity; made when it is not there.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[doc(alias = "get_or_create_queue")]
    pub fn get_or_create<T: Wire>(&self, id: &str, capacity: usize) -> Result<DynQueue<T>> {
        self.open(&QueueId::new(id)?, &RayQueueSpec::bounded(capacity))
    }

    /// The queue of that name as it is.
    ///
    /// # Errors
    /// `NotFound` when there is none; otherwise as [`open`](Self::open).
    #[doc(alias = "put")]
    #[doc(alias = "get")]
    #[doc(alias = "put_batch")]
    #[doc(alias = "get_batch")]
    pub fn queue<T: Wire>(&self, id: &str) -> Result<DynQueue<T>> {
        let id = QueueId::new(id)?;
        let known = self.stats(id.as_str())?.record;
        let metadata = &known.metadata;
        let number = |name| match metadata.get(name) {
            Some(descriptor_core::Value::Int(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        let mut spec = RayQueueSpec::default();
        spec.capacity = number("maxsize").map_or(spec.capacity, |items| items as usize);
        spec.max_deliveries = number("max_deliveries").map_or(0, |times| times as u32);
        if let Some(descriptor_core::Value::Float(seconds)) = metadata.get("lease_time") {
            spec.lease_time = Duration::try_from_secs_f64(*seconds).unwrap_or(spec.lease_time);
        }
        if let Some(descriptor_core::Value::Text(dead)) = metadata.get("dead_letter") {
            spec.dead_letter = Some(QueueId::new(dead.as_str())?);
        }
        self.open(&id, &spec)
    }

    /// Opens a queue, or makes it. Its namespace is that of this manager, whatever the spec says.
    ///
    /// # Errors
    /// `TypeMismatch` or `Incompatible` when it is there and is another one, both named; `ResourceExhausted` naming the limit;
    /// `NotFound` when there is no manager and the spec says `attach_only`; `PermissionDenied` or `Io` for the folder.
    pub fn open<T: Wire>(&self, id: &QueueId, spec: &RayQueueSpec) -> Result<DynQueue<T>> {
        let mut patience = Patience::new(spec.connection_timeout);
        loop {
            let opened = match self.reach(spec.attach_only).map_err(|error| error.queue(id.as_str()))? {
                Reached::Here(host) => host.open(id, spec, self.kind),
                Reached::There(remote) => self.open_there(&remote, id, spec),
            };
            match opened {
                Err(error) if patience.suffers(&error) => {}
                done => return done,
            }
        }
    }

    fn open_there<T: Wire>(&self, remote: &Remote, id: &QueueId, spec: &RayQueueSpec) -> Result<DynQueue<T>> {
        let queue =
            RpcQueue::open_in(id, &spec.at(&remote.socket), &remote.life).map_err(|error| error.backend(self.kind))?;
        let mut caps = RayQueueSpec::can();
        caps.survives_process = remote.detached;
        let about = About::new(id, self.kind, remote.folder.clone(), remote.epoch, caps);
        Ok(Arc::new(Far::new(queue, about)))
    }

    fn reach(&self, attach_only: bool) -> Result<Reached> {
        self.address.reach(&self.settings, attach_only)
    }

    /// Asks whoever is the manager; nobody becomes it for that.
    fn ask<R>(&self, ask: impl Fn(&RpcAdmin) -> Result<R>) -> Result<R> {
        let usual = RayQueueSpec::default();
        let mut patience = Patience::new(usual.connection_timeout);
        loop {
            let (socket, life) = match self.reach(true)? {
                Reached::Here(host) => (host.socket().to_owned(), host.life().clone()),
                Reached::There(remote) => (remote.socket, remote.life),
            };
            let answer = RpcAdmin::connect_in(&usual.at(&socket), &life).and_then(|admin| ask(&admin));
            match answer {
                Err(error) if patience.suffers(&error) => {}
                done => return done.map_err(|error| error.backend(self.kind)),
            }
        }
    }

    /// Whether there is a queue of that name.
    ///
    /// # Errors
    /// `NotFound` when there is no manager, and what it says.
    #[doc(alias = "queue_exists")]
    pub fn exists(&self, id: &str) -> Result<bool> {
        let id = QueueId::new(id)?;
        self.ask(|admin| admin.exists(&id))
    }

    /// All queues whose names begin like this, in the order of their names.
    ///
    /// # Errors
    /// As [`exists`](Self::exists).
    #[doc(alias = "list_queues")]
    pub fn list(&self, prefix: &str) -> Result<Vec<RpcListing>> {
        self.ask(|admin| admin.list(prefix))
    }

    /// Removes a queue with what is in it. Who has it open is told that its handle is stale.
    ///
    /// # Errors
    /// `NotFound` when there is none, and as [`exists`](Self::exists).
    #[doc(alias = "delete_queue")]
    pub fn delete(&self, id: &str) -> Result<()> {
        let id = QueueId::new(id)?;
        self.ask(|admin| admin.delete(&id))
    }

    /// The numbers of a queue.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    #[doc(alias = "get_stats")]
    pub fn stats(&self, id: &str) -> Result<RpcStats> {
        let id = QueueId::new(id)?;
        self.ask(|admin| admin.stats(&id))
    }

    /// Shows items without taking them: `most` of them, after the first `skip`. None when there are none. A queue that is a ring of
    /// the manager's process moves to its server for that, as when another process opens it.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn peek(&self, id: &str, skip: u64, most: u32) -> Result<RpcPeek> {
        let id = QueueId::new(id)?;
        self.ask(|admin| admin.peek(&id, skip, most))
    }

    /// The items in a queue.
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn size(&self, id: &str) -> Result<u64> {
        let stats = self.stats(id)?;
        Ok(stats.depth.saturating_add(stats.away))
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.address.namespace
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.address.folder()
    }

    /// Whether this process is the manager.
    #[must_use]
    pub fn is_here(&self) -> bool {
        is_mine(&self.address.folder())
    }

    /// Which life of the manager this is: each one that takes over has a higher one. 0 before the first.
    ///
    /// # Errors
    /// What the system says to the folder.
    pub fn epoch(&self) -> Result<u64> {
        crate::seat::last_epoch(&self.address.folder())
    }

    /// The queues that ended with earlier managers of the namespace, as far as they were written down.
    ///
    /// # Errors
    /// What the system says to the folder.
    pub fn losses(&self) -> Result<Vec<LostQueue>> {
        ledger::losses(&self.address.folder())
    }

    /// Has this process be the manager, for others and as long as what comes back lives.
    ///
    /// # Errors
    /// `ResourceExhausted` when there is one already; what the system says.
    pub fn serve(&self) -> Result<ServedManager> {
        let host = self.address.host(&self.settings)?;
        Ok(ServedManager {
            host,
            namespace: self.address.namespace.clone(),
        })
    }
}

impl fmt::Debug for QueueManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueManager")
            .field("namespace", &self.address.namespace)
            .field("folder", &self.address.folder())
            .finish_non_exhaustive()
    }
}

/// A manager that this process has for others. Dropping it ends it at once.
#[derive(Debug)]
pub struct ServedManager {
    host: Arc<Host>,
    namespace: String,
}

impl ServedManager {
    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Which life of the manager it is.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.host.epoch()
    }

    /// The path of its socket.
    #[must_use]
    pub fn socket(&self) -> &str {
        self.host.socket()
    }

    /// Connections of other processes now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.host.server().status().connections
    }

    /// Asks for its end: its clients have so long to end what is under way. Asked again, it ends at once.
    pub fn begin_stop(&self, grace: Duration) {
        self.host.server().begin_stop(grace);
    }

    /// Waits until it has ended, at most so long. Whether it has.
    ///
    /// # Errors
    /// What ended it when nobody asked for it.
    pub fn wait(&self, timeout: Option<Duration>) -> Result<bool> {
        self.host.server().wait(timeout)
    }
}

impl Drop for ServedManager {
    fn drop(&mut self) {
        retire(&self.host);
        // What went wrong was told by `wait`.
        let _ = self.host.stop(Duration::ZERO);
    }
}

/// That there is one of its kind among many names.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    QueueId::new(name).map(|_| ()).map_err(|error| {
        Error::new(ErrorKind::InvalidDescriptor, "open")
            .expected(format!("a `{what}` made like a queue id"))
            .found(descriptor_core::excerpt(name))
            .remedy("use letters, digits, `.`, `_`, `-` and `/`")
            .caused_by(error)
    })
}
