//! Partitions: who carries keys, and who needs them.

use router::Partition;

use super::{Check, quoted};
use crate::{Code, Place};

impl Check<'_> {
    pub(super) fn keys(&mut self) {
        let graph = self.graph;
        let keyed = graph.keyed(self.adjacency);
        for (id, edge) in graph.edge_ids() {
            let (Some(from), Some(to)) = (graph.node(edge.from), graph.node(edge.to)) else {
                continue;
            };
            let has_key = keyed.get(edge.from.index()).copied().unwrap_or_default();
            let (name, place) = (graph.edge_name(edge), Place::Edge(id));
            match &edge.spec.partition {
                Partition::Hash if !has_key => {
                    let message = format!(
                        "edge {name}: expected packets with a key for partition hash, found none from {}; \
                         put a key_by before it",
                        quoted(&from.name)
                    );
                    self.found.error(Code::NotKeyed, place, message);
                }
                Partition::LoadAware if has_key => {
                    let message = format!(
                        "edge {name}: expected packets without a key for partition load_aware, found keys from {}; \
                         use hash, or round_robin where the key does not matter",
                        quoted(&from.name)
                    );
                    self.found.error(Code::KeyedLoadAware, place, message);
                }
                Partition::Forward if from.parallelism != to.parallelism => {
                    let message = format!(
                        "edge {name}: expected the same parallelism on both sides of partition forward, found {} and \
                         {}; make them equal or use rescale",
                        from.parallelism, to.parallelism
                    );
                    self.found.error(Code::ForwardWidth, place, message);
                }
                _ => {}
            }
            if to.kind.is_per_key() && to.parallelism > 1 && edge.spec.partition != Partition::Hash {
                let message = format!(
                    "edge {name}: expected partition hash into a {} of parallelism {}, found {}; \
                     put a key_by before it and use hash, or set its parallelism to 1",
                    to.kind, to.parallelism, edge.spec.partition
                );
                self.found.error(Code::NeedsHash, place, message);
            }
        }
    }
}
