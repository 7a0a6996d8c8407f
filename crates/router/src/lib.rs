//! Packets, events, connections, partitioning and the router.
#![forbid(unsafe_code)]

mod key;
mod partition;

pub use key::Key;
pub use partition::{KeyGroups, PacketPartition, Partition};
