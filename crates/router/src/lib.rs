//! Packets, events, connections, partitioning and the router.
//!
//! A [`Router`] sends the [`Packet`]s of one instance over its edges, into the input queues of the instances behind
//! them; an [`Inbox`] is the account of who sends into such a queue. What travels is an [`Envelope`]: packets,
//! watermarks, barriers and the final stop of one connection, in one order. A packet that does not arrive comes back in
//! the [`SendError`]: none is lost in silence.
//!
//! Equal [`Key`]s reach one instance, whichever process, host or language they come from: `docs/key-hash.md` writes the
//! way down.
//!
//! ```
//! use std::sync::Arc;
//! use descriptor_core::{DescriptorRecord, DynQueue, QueueId, Wait};
//! use queue_sage::SageQueue;
//! use router::{
//!     Connection, ConnectionSpec, Envelope, Inbox, KeyGroups, Packet, Partition, Received, Router, StopCause, StopSignal,
//!     UpstreamId,
//! };
//!
//! let queues: Vec<DynQueue<Envelope<u64>>> =
//!     vec![Arc::new(SageQueue::new(100)?), Arc::new(SageQueue::new(100)?)];
//! let connections = queues.iter().zip(0..).map(|(queue, parallel_index)| {
//!     let spec = ConnectionSpec {
//!         from: UpstreamId(7),
//!         broadcast_group: 0,
//!         parallel_index,
//!         target_name: format!("count_{parallel_index}"),
//!         target_type: "reduce".into(),
//!         target_input_index: 0,
//!         descriptor: DescriptorRecord::new(QueueId::generated("sage_queue"), "sage_queue").into(),
//!     };
//!     Connection::new(spec, queue.clone())
//! });
//! let groups = KeyGroups::for_parallelism(2)?;
//! let mut router = Router::builder("bids_0").edge(Partition::Hash, groups, connections.collect()).build()?;
//! for price in 1..=10 {
//!     if router.push(Packet::now(price).with_key(price % 3))? {
//!         router.flush(Wait::Forever)?;
//!     }
//! }
//! router.send_stop(&StopSignal::new("bids_0", StopCause::Finished), Wait::Forever)?;
//!
//! let mut sum = 0;
//! for queue in &queues {
//!     let mut inbox = Inbox::new([UpstreamId(7)])?;
//!     while !inbox.all_ended() {
//!         if let Received::Packet(packet) = inbox.accept(queue.get()?) {
//!             sum += packet.payload;
//!         }
//!     }
//! }
//! assert_eq!(sum, 55);
//! # Ok::<(), descriptor_core::Error>(())
//! ```
#![forbid(unsafe_code)]

mod builder;
mod connection;
mod event;
mod group;
mod inbox;
mod info;
mod load;
mod moves;
mod pack;
mod packet;
mod partition;
mod router;
mod send_error;
mod target;

pub use builder::RouterBuilder;
pub use connection::{Connection, ConnectionSpec};
pub use event::{Envelope, Event, StopCause, StopSignal, UpstreamId};
pub use inbox::{Inbox, Irregular, Received};
pub use info::{GroupInfo, RoutingInfo, TargetInfo};
pub use load::LoadMeter;
pub use moves::GroupMove;
pub use pack::{Drain, Pack, Row, RowKey, Rows};
pub use packet::{Packet, timestamp_now};
pub use partition::{KeyGroups, PacketPartition, Partition};
pub use partition_key::Key;
pub use router::Router;
pub use send_error::{Reason, SendError, Target, TargetId, Undelivered, Waiting};
pub use target::{ConnectionCounts, ReturnedCounts};
