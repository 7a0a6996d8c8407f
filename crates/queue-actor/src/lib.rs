//! Queue types `ray_queue` and `ray_actor`: the named manager of a host, which stands in for Ray.
//!
//! A queue is named and found by every process of this user on this host, with no server to start first: whoever comes first
//! has the [`QueueManager`] of the namespace, and the others reach it over a Unix socket. Inside its own process a queue is a
//! ring, as fast as type `sage_queue`, until another process opens it; then it moves to the server in that process, with all
//! that is in it and in order, and those who use or wait at it go on.
//!
//! ```
//! use descriptor_core::Descriptor;
//! use queue_actor::RayQueueSpec;
//!
//! // A namespace of its own; usually `sage_global`, which is the usual one.
//! # let namespace = descriptor_core::QueueId::generated("doc");
//! # let namespace = namespace.as_str();
//! let jobs = Descriptor::new("jobs/in", RayQueueSpec::bounded(100).namespace(namespace))?;
//! let queue = jobs.queue::<String>()?;
//! queue.put("sweep".into())?;
//! assert_eq!(queue.get()?, "sweep");
//! # let folder = queue_actor::QueueManager::in_namespace(namespace)?.folder();
//! # while folder.exists() { std::fs::remove_dir_all(&folder).ok(); }
//! # Ok::<(), descriptor_core::Error>(())
//! ```
//!
//! # When the manager's process ends
//!
//! What was in its queues is gone, and everybody is told. Who waits gets `PeerDied` within a second; later calls on old handles
//! get `StaleHandle` with both epochs. Who opens a queue next becomes the manager, in a higher epoch. Its queues begin empty,
//! which is said by a warning in the log of each process that reaches it, and by [`QueueManager::losses`]: which queues
//! there were, and how many items were in them when that was last written down. The same holds for an actor, which is a
//! manager of one queue: it is taken over by who opens it next, and never goes on under an old handle.
//!
//! # Limits
//!
//! A process that is a manager and forks without `exec` keeps the name alive in its child. Two users, two hosts and two
//! values of `XDG_RUNTIME_DIR` or `SAGE_MANAGER_DIR` have managers of their own.
#![forbid(unsafe_code)]

mod backend;
mod far;
mod guests;
mod host;
mod ledger;
mod manager;
mod names;
mod place;
mod queue;
mod reach;
mod ring;
mod seat;
mod settings;
mod spec;

pub use ledger::LostQueue;
pub use manager::{QueueManager, ServedManager};
pub use names::HostNames;
pub use settings::ManagerSettings;
pub use spec::{GLOBAL_MANAGER, GLOBAL_NAMESPACE, RayActorSpec, RayQueueSpec};
