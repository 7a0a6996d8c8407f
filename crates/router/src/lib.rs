//! Packets, events, connections, partitioning and the router.
#![forbid(unsafe_code)]
