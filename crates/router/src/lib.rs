//! Packets, events, connections, partitioning and the router.
#![forbid(unsafe_code)]

mod builder;
mod connection;
mod event;
mod group;
mod inbox;
mod info;
mod key;
mod load;
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
pub use key::Key;
pub use load::LoadMeter;
pub use packet::{Packet, timestamp_now};
pub use partition::{KeyGroups, PacketPartition, Partition};
pub use router::Router;
pub use send_error::{Reason, SendError, Target, TargetId, Undelivered, Waiting};
pub use target::{ConnectionCounts, ReturnedCounts};
