//! Queue type `shm`: a bounded queue in shared memory, for the processes of one host.
//!
//! Every process that opens the same queue id reaches the same queue; the first one makes it and the last one out removes
//! it. Items of any size up to `max_item` are copied in and out, never shared; threads sleep in the kernel until there is
//! an item or room, tasks beside them. A process may be killed at any instruction: the others go on, at most its own
//! unfinished call is lost, and that is counted ([`ShmQueue::damage`]).
//!
//! ```
//! use descriptor_core::{Descriptor, QueueId};
//! use queue_shm::ShmSpec;
//!
//! let id = QueueId::generated("docs");
//! let here = Descriptor::new(id, ShmSpec::bounded(8))?;
//! let queue = here.queue::<String>()?;
//! queue.put("hello".into())?;
//!
//! // The same text opens the same queue in every process of this host.
//! let text = here.to_json()?;
//! # let _ = text;
//! assert_eq!(queue.get()?, "hello");
//! # Ok::<(), descriptor_core::Error>(())
//! ```
//!
//! # Leases
//!
//! [`lease`](descriptor_core::Queue::lease) takes an item that is not gone: it is acknowledged, or it comes back in front of
//! everything younger, also and within a second when the process that had it dies. After
//! [`max_deliveries`](ShmSpec::max_deliveries) it goes to a queue of dead letters instead, once, or twice when the process that
//! carries it there dies on the way.
//!
//! ```
//! use std::time::Duration;
//!
//! use descriptor_core::{Descriptor, QueueId, Wait};
//! use queue_shm::ShmSpec;
//!
//! let dead = QueueId::generated("dead");
//! let letters = Descriptor::new(dead.clone(), ShmSpec::bounded(8))?.queue::<String>()?;
//! let spec = ShmSpec::bounded(8).max_deliveries(2).dead_letter(format!("shm://{dead}?maxsize=8"));
//! let queue = Descriptor::new(QueueId::generated("docs"), spec)?.queue::<String>()?;
//! queue.put("to the moon".into())?;
//!
//! let lease = queue.lease(Wait::Forever)?;
//! assert_eq!((lease.item().map(String::as_str), lease.deliveries()), (Some("to the moon"), 1));
//! assert_eq!(queue.depth(), Some(1)); // it keeps its room until it is acknowledged
//! drop(lease); // as a panic would
//!
//! queue.lease(Wait::Never)?.nack(Duration::ZERO)?; // twice is enough
//! assert_eq!(letters.try_get()?, "to the moon");
//! # Ok::<(), descriptor_core::Error>(())
//! ```
//!
//! # Bytes without copies
//!
//! A queue of `Bytes` can be written and read where the bytes are: [`ShmQueue::reserve`] and [`ShmQueue::view`].
//!
//! # How it works
//!
//! The segment is a file in memory: fixed words, then a ring of bytes that is mapped twice in a row, so that no item
//! is ever cut. Each side has a lock of one word that names its holder; the holder writes or copies one run of items and
//! makes it visible by one store. Nothing needs repair but that word: what a dead holder had not made visible never
//! was there. Whether a process lives is asked of the kernel, by a lock that dies with it, and only while somebody waits
//! too long for a side.
//!
//! An item on loan is copied from the ring into an entry of a table in the segment, so that it outlives its holder and the
//! ring goes on. The entry says in one word what the item is up to and who has it. The table has room for 4096 items on
//! loan, or for the capacity if that is less; its memory is asked for when it is needed first, and stays.
//!
//! Bytes of the segment are never trusted: every length and index is checked against the limits of the queue before it
//! is used, items are copied out first and then checked and decoded, and a damaged item is one error.
//!
//! # Limits
//!
//! Linux. The processes must belong to one user and see the same `/dev/shm`; `SAGE_SHM_DIR` names another folder on a
//! tmpfs. Whoever may write the segment can deny service, but not make a reader execute or read anything else.

mod backend;
mod batch;
mod bridge;
mod count;
mod cursor;
mod damage;
mod format;
mod get;
mod header;
mod host;
mod inspect;
mod layout;
mod lease;
mod lease_keeper;
mod lease_look;
mod lease_queue;
mod linger;
mod loan;
mod lock;
mod map;
mod memory;
mod odds;
mod pack;
mod participant;
mod patience;
mod peek;
mod point;
mod put;
mod queue;
mod record;
mod reserve;
mod segment;
mod sleep;
mod spec;
mod sum;
mod sys;
mod view;

pub use damage::Damage;
pub use inspect::{ShmEntry, ShmFolder, ShmMember, ShmSegment, ShmState};
pub use pack::Pack;
pub use peek::ShmPeek;
#[cfg(feature = "kill-points")]
#[doc(hidden)]
pub use point::{LEASE_STEPS, STEPS};
pub use queue::ShmQueue;
pub use reserve::Reservation;
pub use spec::ShmSpec;
pub use view::View;
