//! A router from its connections, checked as a whole.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind, Item};

use crate::group::{Group, Partitioner};
use crate::target::Outlet;
use crate::{Connection, Key, KeyGroups, Packet, PacketPartition, Partition, Router};

/// Events in one target's buffer that make a flush due, unless the caller says otherwise.
const BATCH: usize = 256;

/// Collects what a [`Router`] needs.
pub struct RouterBuilder<T: Item> {
    name: String,
    sender: u32,
    parallelism: u32,
    batch: usize,
    partitioners: HashMap<String, Partitioner<T>>,
    edges: Vec<(Partition, KeyGroups, Vec<Connection<T>>)>,
}

impl<T: Item + Clone> RouterBuilder<T> {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            sender: 0,
            parallelism: 1,
            batch: BATCH,
            partitioners: HashMap::new(),
            edges: Vec::new(),
        }
    }

    /// Says which of how many instances sends; forward and rescale go by it. Without this it is the only one.
    #[must_use]
    pub const fn sender(mut self, index: u32, parallelism: u32) -> Self {
        self.sender = index;
        self.parallelism = parallelism;
        self
    }

    /// How many events in one buffer make a flush due, at least 1. Where a connection [packs](Connection::packing), as
    /// many as fill whole packs.
    #[must_use]
    pub fn batch_limit(mut self, events: usize) -> Self {
        self.batch = events.max(1);
        self
    }

    /// Registers a custom partitioner: key, packet and number of targets -> index of one target. A panic in it passes
    /// through the router to the caller.
    #[must_use]
    pub fn partitioner<F>(mut self, name: impl Into<String>, choose: F) -> Self
    where
        F: Fn(Option<&Key>, &Packet<T>, usize) -> usize + Send + Sync + 'static,
    {
        self.partitioners.insert(name.into(), Arc::new(choose));
        self
    }

    /// Adds a logical edge with all its connections, in any order. `key_groups` comes from the plan and matters for
    /// hash only.
    #[must_use]
    pub fn edge(mut self, partition: Partition, key_groups: KeyGroups, connections: Vec<Connection<T>>) -> Self {
        self.edges.push((partition, key_groups, connections));
        self
    }

    /// The router. One without edges refuses every packet.
    ///
    /// # Errors
    /// `InvalidGraph` for an edge without connections, for connections that do not form instances 0, 1, 2 ... of one
    /// group, for a group that comes twice, for more targets than key groups, for a forward between different
    /// parallelisms, for a partitioner nobody registered, and for a sender beyond its parallelism.
    pub fn build(self) -> Result<Router<T>, Error> {
        if self.sender >= self.parallelism {
            let found = format!("{} of {}", self.sender, self.parallelism);
            return Err(invalid(
                "a sender index below its parallelism",
                &found,
                "correct the plan",
            ));
        }
        let mut groups: Vec<Group<T>> = Vec::with_capacity(self.edges.len());
        for (partition, key_groups, mut connections) in self.edges {
            connections.sort_by_key(|it| it.spec().parallel_index);
            let number = group_number(&connections)?;
            if groups.iter().any(|group| group.number == number) {
                return Err(invalid(
                    "one edge per broadcast group",
                    &format!("two for {number}"),
                    "number the edges",
                ));
            }
            let count = connections.len();
            let default = PacketPartition::of(&partition);
            let custom = match &partition {
                Partition::Custom(name) => Some(self.partitioners.get(&**name).cloned().ok_or_else(|| {
                    invalid(
                        "a registered partitioner",
                        name,
                        "register it under this name in every process",
                    )
                })?),
                _ => None,
            };
            if count > key_groups.count() as usize {
                let expected = format!("at most {} targets, one per key group", key_groups.count());
                return Err(invalid(&expected, &count.to_string(), "raise the number of key groups"));
            }
            if default == Some(PacketPartition::Forward) && count != self.parallelism as usize {
                let expected = format!("{} targets for a forward", self.parallelism);
                return Err(invalid(
                    &expected,
                    &count.to_string(),
                    "give both sides one parallelism or use rescale",
                ));
            }
            let share = share(self.sender, self.parallelism, count);
            groups.push(Group {
                number,
                partition,
                default,
                custom,
                key_groups,
                sender: self.sender,
                share,
                position: 0,
                share_position: 0,
                random: u64::from(self.sender) << 16 | u64::from(number),
                outlets: connections.into_iter().map(|it| Outlet::new(it, self.batch)).collect(),
                unroutable: 0,
            });
        }
        Ok(Router {
            name: self.name,
            groups,
            batch: self.batch,
            stopped: false,
            reached: Vec::new(),
            back: Vec::new(),
        })
    }
}

/// The group that all of these belong to, when they are its instances 0, 1, 2 ... in order.
fn group_number<T: Item>(connections: &[Connection<T>]) -> Result<u16, Error> {
    let Some(first) = connections.first() else {
        return Err(invalid(
            "an edge with a connection",
            "none",
            "connect it or leave the edge out",
        ));
    };
    let number = first.spec().broadcast_group;
    for (index, connection) in connections.iter().enumerate() {
        let spec = connection.spec();
        if spec.broadcast_group != number || spec.parallel_index as usize != index {
            let expected = format!("instance {index} of group {number}");
            let found = format!("instance {} of group {}", spec.parallel_index, spec.broadcast_group);
            return Err(invalid(&expected, &found, "correct the plan").queue(spec.descriptor.queue_id.as_str()));
        }
    }
    Ok(number)
}

/// The contiguous share of `count` targets that sender `index` of `senders` serves, never empty.
fn share(index: u32, senders: u32, count: usize) -> Range<usize> {
    let cut = |index: u32| (u64::from(index) * count as u64 / u64::from(senders)) as usize;
    let start = cut(index);
    start..cut(index + 1).max(start + 1)
}

fn invalid(expected: &str, found: &str, remedy: &'static str) -> Error {
    Error::new(ErrorKind::InvalidGraph, "build router")
        .expected(expected)
        .found(found)
        .remedy(remedy)
}

impl<T: Item> fmt::Debug for RouterBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouterBuilder")
            .field("name", &self.name)
            .field("edges", &self.edges.len())
            .finish_non_exhaustive()
    }
}
