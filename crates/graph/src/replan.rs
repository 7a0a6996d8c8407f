//! The plan of a job that goes on with another graph.

use descriptor_core::{Choice, DefaultStrategy, DescriptorRecord, KindInfo, QueueId};

use crate::choose;
use crate::layout::{Layout, Role, Slot};
use crate::plan::PlannedQueue;
use crate::{ExecutionGraph, Plan, Preflight, PreflightError};

impl Plan {
    /// The same job laid out anew for `graph`, which has the same nodes with other numbers of instances. Each queue is of
    /// the type that the queues of its node are of, as far as that reaches; the others are chosen by the default strategy
    /// among `kinds`.
    ///
    /// # Errors
    /// Everything that is wrong with the graph, at once.
    pub fn with_graph(&self, graph: ExecutionGraph, kinds: &[KindInfo]) -> Result<Self, PreflightError> {
        let deployment = self.deployment();
        let mut preflight = Preflight::of(&graph, deployment.clone());
        if preflight.allows_layout() {
            let layout = Layout::new(&graph, &deployment);
            let like = |slot: &Slot| self.like(&layout, slot, kinds);
            let queues = choose::queues_like(
                &graph,
                &layout,
                &like,
                deployment.server(),
                &DefaultStrategy,
                kinds,
                &mut preflight,
            );
            if preflight.is_ok() {
                return Ok(Self::assemble(graph, deployment, layout, queues, preflight.findings));
            }
        }
        Err(PreflightError {
            job_name: graph.job_name,
            preflight,
        })
    }

    /// A queue as those that this plan has for the same.
    fn like(&self, layout: &Layout, slot: &Slot, kinds: &[KindInfo]) -> Option<PlannedQueue> {
        let of_node = |id: crate::InstanceId| {
            let node = layout.instances.get(id.index())?.node;
            self.instances_of(node).first()
        };
        let record = match slot.role {
            Role::Input(id) => self.input(of_node(id)?.id)?,
            Role::Response(id) => self.response(of_node(id)?.id)?,
            Role::Request(id) => self.request(id)?,
            Role::ServiceResponse(id, index) => self.service_response(id, index)?,
        };
        let kind = kinds.iter().find(|kind| kind.kind == record.queue_type)?;
        if kind.reach < slot.reach {
            return None;
        }
        let same = Choice {
            record: DescriptorRecord {
                queue_id: QueueId::new(&slot.id).ok()?,
                ..record.clone()
            },
            reason: "as before the parallelism was changed".to_owned(),
            refused: Vec::new(),
        };
        Some(choose::planned(slot, same, kinds))
    }
}
