//! Queue types `lease+local` and `lease+sage_queue`: the queues of one process, with items on loan.
//!
//! A plain `get` hands an item over for good: what happens to it then is the consumer's business. A [`Lease`] is
//! an item that is taken but not gone. It is acknowledged when the work is done; dropped, given back or run out of time,
//! the item comes back in front of everything younger, and the next holder is told which delivery this is. After
//! [`max_deliveries`](Terms::max_deliveries) it is put aside instead, so that one item that nobody can digest does not go
//! round for ever.
//!
//! ```
//! use std::time::Duration;
//!
//! use descriptor_core::{Descriptor, Wait};
//! use queue_lease::LeaseSpec;
//! use queue_sage::SageSpec;
//!
//! let spec = LeaseSpec::new(SageSpec::bounded(8)).max_deliveries(2).dead_letter("letters/dead")?;
//! let queue = Descriptor::new("letters", spec)?.queue::<String>()?;
//! queue.put("to the moon".into())?;
//!
//! let lease = queue.lease(Wait::Forever)?;
//! assert_eq!((lease.item().map(String::as_str), lease.deliveries()), (Some("to the moon"), 1));
//! assert_eq!(queue.depth(), Some(1)); // it keeps its room until it is acknowledged
//! drop(lease); // as a panic would
//!
//! let lease = queue.lease(Wait::Never)?;
//! assert_eq!(lease.deliveries(), 2);
//! lease.nack(Duration::ZERO)?; // twice is enough
//! let dead = Descriptor::new("letters/dead", SageSpec::bounded(8))?.queue::<String>()?;
//! assert_eq!(dead.try_get()?, "to the moon");
//! assert_eq!(queue.leases().map(|leases| leases.dead_lettered), Some(1));
//! # Ok::<(), descriptor_core::Error>(())
//! ```
//!
//! # What it costs
//!
//! The example `lease_cost` measures it. Until somebody leases, a put or get is that of the queue inside and one load. From the first lease on, items wait under
//! one lock, where coming back in order, counting against the capacity and handing out again are single steps.
//!
//! A lease that can run out needs a second copy of its item, because the first one is in the hands of somebody who may
//! never let go of it: [`Terms::expiring`]. Leases without a time limit copy nothing.
//!
//! One thread of the process sleeps until the earliest lease runs out. It exists only while there is such a lease; see
//! `clock.rs` for why it is a thread.
#![forbid(unsafe_code)]

mod away;
mod backend;
mod clock;
mod keeper;
mod lendable;
mod queue;
mod spec;
mod store;
mod terms;

#[doc(no_inline)]
pub use descriptor_core::{Lease, LeaseTotals};
pub use lendable::{Lendable, Lends};
pub use queue::LeaseQueue;
pub use spec::LeaseSpec;
pub use terms::{Copier, Terms};
