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
//! # How it works
//!
//! The segment is a file in memory: fixed words, then a ring of bytes that is mapped twice in a row, so that no item
//! is ever cut. Each side has a lock of one word that names its holder; the holder writes or copies one run of items and
//! makes it visible by one store. Nothing needs repair but that word: what a dead holder had not made visible never
//! was there. Whether a process lives is asked of the kernel, by a lock that dies with it, and only while somebody waits
//! too long for a side.
//!
//! Bytes of the segment are never trusted: every length and index is checked against the limits of the queue before it
//! is used, items are copied out first and then checked and decoded, and a damaged item is one error.
//!
//! # Limits
//!
//! Linux. The processes must belong to one user and see the same `/dev/shm`; `SAGE_SHM_DIR` names another folder on a
//! tmpfs. Whoever may write the segment can deny service, but not make a reader execute or read anything else.

mod backend;
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
mod loan;
mod lock;
mod map;
mod participant;
mod point;
mod put;
mod queue;
mod record;
mod reserve;
mod segment;
mod sleep;
mod spec;
mod sweep;
mod sys;
mod view;

pub use damage::Damage;
pub use inspect::{ShmEntry, ShmFolder, ShmMember, ShmSegment, ShmState};
#[cfg(feature = "kill-points")]
#[doc(hidden)]
pub use point::{LEASE_STEPS, STEPS};
pub use queue::ShmQueue;
pub use reserve::Reservation;
pub use spec::ShmSpec;
pub use view::View;
