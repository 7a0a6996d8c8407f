//! A router's state as data, for people and for monitoring.

use descriptor_core::{Item, QueueId};
use serde::Serialize;

use crate::{ConnectionCounts, Partition, Router, UpstreamId};

/// Where one instance sends, and what it has sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RoutingInfo {
    /// The sending instance.
    pub router: String,
    /// One per logical edge.
    pub groups: Vec<GroupInfo>,
}

/// One logical edge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupInfo {
    /// The broadcast group.
    pub group: u16,
    /// How packets find their target unless they ask for something else.
    pub partition: Partition,
    /// The next target of the round robin.
    pub roundrobin_position: usize,
    /// How many key groups the hash partition has.
    pub key_groups: u32,
    /// Packets for which no target could be chosen.
    pub unroutable: u64,
    /// The targets, by parallel index.
    pub targets: Vec<TargetInfo>,
}

/// One connection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetInfo {
    /// Its place among the targets.
    pub parallel_index: u32,
    /// How the target knows this connection.
    pub from: UpstreamId,
    /// The instance it leads to.
    pub target_name: String,
    /// What kind of operator that is.
    pub target_type: String,
    /// The input packets arrive at.
    pub target_input_index: u16,
    /// The target's queue.
    pub queue_id: QueueId,
    /// The type of that queue.
    pub queue_type: String,
    /// Depth over capacity, where that can be known.
    pub load: Option<f64>,
    /// Change of the load per second.
    pub load_trend: f64,
    /// The packets so far.
    pub packets: ConnectionCounts,
}

impl RoutingInfo {
    pub(crate) fn of<T: Item + Clone>(router: &Router<T>) -> Self {
        let groups = router.groups.iter().map(|group| GroupInfo {
            group: group.number,
            partition: group.partition.clone(),
            roundrobin_position: group.position,
            key_groups: group.key_groups.count(),
            unroutable: group.unroutable,
            targets: group
                .outlets
                .iter()
                .map(|outlet| {
                    let (spec, connection) = (outlet.connection.spec(), &outlet.connection);
                    TargetInfo {
                        parallel_index: spec.parallel_index,
                        from: spec.from,
                        target_name: spec.target_name.clone(),
                        target_type: spec.target_type.clone(),
                        target_input_index: spec.target_input_index,
                        queue_id: spec.descriptor.queue_id.clone(),
                        queue_type: spec.descriptor.queue_type.clone(),
                        load: connection.load(),
                        load_trend: connection.load_trend(),
                        packets: outlet.counts(),
                    }
                })
                .collect(),
        });
        Self {
            router: router.name.clone(),
            groups: groups.collect(),
        }
    }
}
