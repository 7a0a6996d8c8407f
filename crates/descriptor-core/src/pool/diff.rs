//! The difference between two pools.

use std::collections::BTreeMap;
use std::fmt;

use crate::{DescriptorRecord, QueueId};

/// What changes from one pool to another. `Display` is one line per queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PoolDiff {
    /// Only in the second, in the order of the ids.
    pub added: Vec<DescriptorRecord>,
    /// Only in the first, in the order of the ids.
    pub removed: Vec<DescriptorRecord>,
    /// In both with different contents: before and after, in the order of the ids.
    pub changed: Vec<(DescriptorRecord, DescriptorRecord)>,
}

impl PoolDiff {
    pub(super) fn between(
        before: &BTreeMap<QueueId, DescriptorRecord>,
        after: &BTreeMap<QueueId, DescriptorRecord>,
    ) -> Self {
        let only = |these: &BTreeMap<QueueId, DescriptorRecord>, those: &BTreeMap<_, _>| {
            let missing = these.iter().filter(|(id, _)| !those.contains_key(*id));
            missing.map(|(_, record)| record.clone()).collect()
        };
        Self {
            added: only(after, before),
            removed: only(before, after),
            changed: before
                .iter()
                .filter_map(|(id, old)| after.get(id).map(|new| (old, new)))
                .filter(|(old, new)| old != new)
                .map(|(old, new)| (old.clone(), new.clone()))
                .collect(),
        }
    }

    /// True when both pools hold the same queues.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl fmt::Display for PoolDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = Vec::new();
        for (verb, records) in [("added", &self.added), ("removed", &self.removed)] {
            lines.extend(
                records
                    .iter()
                    .map(|r| format!("{verb} {} ({})", r.queue_id, r.queue_type)),
            );
        }
        for (old, new) in &self.changed {
            lines.push(format!("changed {}: {}", old.queue_id, changes(old, new).join(", ")));
        }
        if lines.is_empty() {
            return f.write_str("no difference");
        }
        f.write_str(&lines.join("\n"))
    }
}

/// Each part that differs as `name before -> after`.
fn changes(old: &DescriptorRecord, new: &DescriptorRecord) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = |name: &str, before: String, after: String| {
        if before != after {
            parts.push(format!("{name} {before} -> {after}"));
        }
    };
    let epoch = |record: &DescriptorRecord| {
        record
            .epoch
            .map_or_else(|| "none".to_owned(), |epoch| epoch.to_string())
    };
    part("type", old.queue_type.clone(), new.queue_type.clone());
    let keys = old
        .metadata
        .keys()
        .chain(new.metadata.keys().filter(|key| !old.metadata.contains_key(*key)));
    for key in keys {
        let shown = |record: &DescriptorRecord| {
            record
                .metadata
                .get(key)
                .map_or_else(|| "absent".to_owned(), ToString::to_string)
        };
        part(key, shown(old), shown(new));
    }
    part("scope", old.scope.to_string(), new.scope.to_string());
    part("epoch", epoch(old), epoch(new));
    part("version", old.version.to_string(), new.version.to_string());
    part(
        "created",
        old.created_timestamp.to_string(),
        new.created_timestamp.to_string(),
    );
    parts
}
