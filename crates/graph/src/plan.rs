//! The plan of a job: who runs where and which queues are between them.

use descriptor_core::{
    DescriptorPool, DescriptorRecord, Error, ErrorKind, KindInfo, QueueId, Reach, Refusal, ServerAddress, Strategy,
};
use router::UpstreamId;

use crate::layout::{Group, Instance, Layout, Role};
use crate::{
    Deployment, EdgeId, ExecutionGraph, Finding, InstanceId, NodeId, Preflight, PreflightError, ServiceId, choose,
};

/// One queue of a job, and why it is of its type.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedQueue {
    /// What it is for.
    pub role: Role,
    /// How far apart its ends are.
    pub reach: Reach,
    /// The queue.
    pub record: DescriptorRecord,
    /// Why this type.
    pub reason: String,
    /// The types that were passed over, and why.
    pub refused: Vec<Refusal>,
}

/// One connection into an instance: another instance, over an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Who the sender is to this instance. Counted from 0 without gaps.
    pub id: UpstreamId,
    /// The edge.
    pub edge: EdgeId,
    /// The sending instance.
    pub from: InstanceId,
    /// The input port it feeds.
    pub input_index: u16,
}

/// A job that passed its preflight: instances, their queues and who is connected with whom.
///
/// Plain data, the same on every worker. An edge of m senders and n receivers takes as much room as an edge of one and
/// one; the m x n connections are counted off when they are asked for.
///
/// ```
/// use descriptor_core::{Caps, DefaultStrategy, KindInfo, Reach};
/// use graph::{Deployment, EdgeSpec, GraphBuilder, NodeKind, NodeSpec, Plan};
/// use router::Partition;
///
/// let mut job = GraphBuilder::new("words");
/// let lines = job.node(NodeSpec { parallelism: 2, ..NodeSpec::new("lines", NodeKind::Source) });
/// let print = job.node(NodeSpec::new("print", NodeKind::Sink));
/// job.edge(lines, print, EdgeSpec::new(Partition::RoundRobin));
///
/// let kinds = [KindInfo::new("sage_queue", Reach::Process, Caps::IN_PROCESS)];
/// let plan = Plan::build(job.build(), Deployment::Threads, &DefaultStrategy, &kinds)?;
/// let sink = &plan.instances_of(print)[0];
/// assert_eq!(plan.expected_stops(sink.id).count(), 2);
/// assert_eq!(plan.input(sink.id).unwrap().queue_id.as_str(), "words/input_print_0");
/// assert_eq!(Plan::from_json(&plan.to_json()?)?, plan);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "ExecutionGraph")]
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(crate) graph: ExecutionGraph,
    pub(crate) deployment: Deployment,
    pub(crate) layout: Layout,
    pub(crate) queues: Vec<PlannedQueue>,
    index: Index,
    warnings: Vec<Finding>,
}

/// Where in the list of queues those of an instance or service are.
#[derive(Clone, Debug, Default, PartialEq)]
struct Index {
    inputs: Vec<Option<u32>>,
    responses: Vec<Option<u32>>,
    requests: Vec<Option<u32>>,
    service_responses: Vec<Vec<u32>>,
}

impl Plan {
    /// Checks the graph, places its instances and has `strategy` choose among `kinds` for each of its queues.
    ///
    /// An input queue reaches as far as the farthest of its upstreams. Nothing is opened: a candidate counts as usable
    /// when its record and parameters are valid.
    ///
    /// # Errors
    /// Everything that is wrong with the job, at once.
    pub fn build(
        graph: ExecutionGraph,
        deployment: Deployment,
        strategy: &dyn Strategy,
        kinds: &[KindInfo],
    ) -> Result<Self, PreflightError> {
        let mut preflight = Preflight::of(&graph, deployment.clone());
        if preflight.allows_layout() {
            let layout = Layout::new(&graph, &deployment);
            let queues = choose::queues(&graph, &layout, deployment.server(), strategy, kinds, &mut preflight);
            if preflight.is_ok() {
                return Ok(Self::assemble(graph, deployment, layout, queues, preflight.findings));
            }
        }
        Err(PreflightError {
            job_name: graph.job_name,
            preflight,
        })
    }

    /// The plan of parts that belong together.
    pub(crate) fn assemble(
        graph: ExecutionGraph,
        deployment: Deployment,
        layout: Layout,
        queues: Vec<PlannedQueue>,
        warnings: Vec<Finding>,
    ) -> Self {
        let mut index = Index {
            inputs: vec![None; layout.instances.len()],
            responses: vec![None; layout.instances.len()],
            requests: vec![None; graph.services().len()],
            service_responses: vec![Vec::new(); graph.services().len()],
        };
        for (place, queue) in (0_u32..).zip(&queues) {
            match queue.role {
                Role::Input(id) => set(&mut index.inputs, id.index(), place),
                Role::Response(id) => set(&mut index.responses, id.index(), place),
                Role::Request(id) => set(&mut index.requests, id.index(), place),
                // In order of the workers, as the layout lists them.
                Role::ServiceResponse(id, _) => {
                    if let Some(places) = index.service_responses.get_mut(id.index()) {
                        places.push(place);
                    }
                }
            }
        }
        Self {
            graph,
            deployment,
            layout,
            queues,
            index,
            warnings,
        }
    }

    /// The graph it was made of.
    #[must_use]
    pub const fn graph(&self) -> &ExecutionGraph {
        &self.graph
    }

    /// The job's name.
    #[must_use]
    pub fn job_name(&self) -> &str {
        self.graph.job_name()
    }

    /// How it is spread over processes.
    #[must_use]
    pub fn deployment(&self) -> Deployment {
        self.deployment.clone()
    }

    /// The fingerprint of its graph, see [`ExecutionGraph::fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.graph.fingerprint()
    }

    /// What the preflight found worth saying.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// Every instance, in order of the ids.
    #[must_use]
    pub fn instances(&self) -> &[Instance] {
        &self.layout.instances
    }

    /// One instance; `None` when the id is of another plan.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&Instance> {
        self.layout.instances.get(id.index())
    }

    /// The instances of a node, in order.
    #[must_use]
    pub fn instances_of(&self, node: NodeId) -> &[Instance] {
        self.layout.of_node(node)
    }

    /// The instances that run on a worker.
    pub fn instances_on(&self, worker: u32) -> impl Iterator<Item = &Instance> {
        self.layout
            .instances
            .iter()
            .filter(move |instance| instance.worker == worker)
    }

    /// The worker of each worker of a service; empty when the id is of another plan.
    #[must_use]
    pub fn service_workers(&self, service: ServiceId) -> &[u32] {
        self.layout
            .service_workers
            .get(service.index())
            .map_or(&[], Vec::as_slice)
    }

    /// Every broadcast group, in order of the edges.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.layout.groups
    }

    /// The broadcast group of an edge; `None` when the id is of another plan.
    #[must_use]
    pub fn group(&self, edge: EdgeId) -> Option<&Group> {
        self.layout.group(edge)
    }

    /// An edge for messages: `from -> to`, and the port where the target has several; `None` when the id is of another plan.
    #[must_use]
    pub fn edge_name(&self, edge: EdgeId) -> Option<String> {
        self.graph.edge(edge).map(|edge| self.graph.edge_name(edge))
    }

    /// The broadcast groups each instance of a node sends to, in order of the edges.
    pub fn groups_from(&self, node: NodeId) -> impl Iterator<Item = &Group> {
        self.layout
            .adjacency
            .outgoing(node)
            .iter()
            .filter_map(|edge| self.group(*edge))
    }

    /// The broadcast groups that end in a node, in order of the edges.
    pub fn groups_into(&self, node: NodeId) -> impl Iterator<Item = &Group> {
        self.layout
            .adjacency
            .incoming(node)
            .iter()
            .filter_map(|edge| self.group(*edge))
    }

    /// Every connection into an instance, in order of the upstream ids.
    pub fn upstreams(&self, id: InstanceId) -> impl Iterator<Item = Upstream> {
        let node = self.instance(id).map(|instance| instance.node);
        let groups = node.into_iter().flat_map(|node| self.groups_into(node));
        groups.flat_map(|group| {
            group
                .senders()
                .zip(group.first_upstream..)
                .map(|(from, upstream)| Upstream {
                    id: UpstreamId(upstream),
                    edge: group.edge,
                    from,
                    input_index: group.input_index,
                })
        })
    }

    /// The connections an instance must hear a stop from before it ends: all there are.
    #[doc(alias = "stop_signal_num")]
    pub fn expected_stops(&self, id: InstanceId) -> impl Iterator<Item = UpstreamId> {
        self.upstreams(id).map(|upstream| upstream.id)
    }

    /// The input queue of an instance; `None` for a source.
    #[must_use]
    #[doc(alias = "input_qd")]
    pub fn input(&self, id: InstanceId) -> Option<&DescriptorRecord> {
        self.at(*self.index.inputs.get(id.index())?)
    }

    /// Where an instance gets the answers of services; `None` in a job without services.
    #[must_use]
    #[doc(alias = "response_qd")]
    pub fn response(&self, id: InstanceId) -> Option<&DescriptorRecord> {
        self.at(*self.index.responses.get(id.index())?)
    }

    /// Where a service gets its requests.
    #[must_use]
    pub fn request(&self, id: ServiceId) -> Option<&DescriptorRecord> {
        self.at(*self.index.requests.get(id.index())?)
    }

    /// Where the worker `index` of a service gets the answers of other services.
    #[must_use]
    pub fn service_response(&self, id: ServiceId, index: u32) -> Option<&DescriptorRecord> {
        let places = self.index.service_responses.get(id.index())?;
        self.at(places.get(index as usize).copied())
    }

    /// How far the input queue of an instance has to reach; `None` for a source.
    #[must_use]
    pub fn input_reach(&self, id: InstanceId) -> Option<Reach> {
        let place = (*self.index.inputs.get(id.index())?)?;
        self.queues.get(place as usize).map(|queue| queue.reach)
    }

    fn at(&self, place: Option<u32>) -> Option<&DescriptorRecord> {
        self.queues.get(place? as usize).map(|queue| &queue.record)
    }

    /// Every queue with the reasons for its type: inputs, then responses, then those of services.
    #[must_use]
    pub fn queues(&self) -> &[PlannedQueue] {
        &self.queues
    }

    /// The same plan for one run of the job: `run` is part of every queue id, behind the job's name, so that two runs on
    /// one host share nothing.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the ids would not be valid any more.
    pub fn for_run(mut self, run: &str) -> Result<Self, Error> {
        let job = self.graph.job_name();
        for queue in &mut self.queues {
            let id = queue.record.queue_id.as_str();
            let rest = id.strip_prefix(job).unwrap_or(id);
            queue.record.queue_id = QueueId::new(format!("{job}.{run}{rest}"))?;
        }
        Ok(self)
    }

    /// The same plan with the records of this pool, which another process made of the same graph.
    ///
    /// # Errors
    /// `InvalidGraph` when a queue is missing there.
    pub fn with_pool(mut self, pool: &DescriptorPool) -> Result<Self, Error> {
        for queue in &mut self.queues {
            let id = &queue.record.queue_id;
            queue.record = pool.get(id).cloned().ok_or_else(|| {
                Error::new(ErrorKind::InvalidGraph, "read pool")
                    .queue(id.as_str())
                    .expected("a record of every queue of the plan")
                    .found("none of this one")
                    .remedy("make plan and pool of the same graph")
            })?;
        }
        Ok(self)
    }

    /// The same plan as a process reaches its queues that has this address for the server of the workers. A plan for
    /// one host is left as it is.
    #[must_use]
    pub fn reached_at(mut self, server: &ServerAddress) -> Self {
        if let Deployment::Workers(meeting) = self.deployment {
            for queue in self.queues.iter_mut().filter(|queue| queue.reach == Reach::Network) {
                queue.record = server.instead_of(meeting.server(), queue.record.clone());
            }
            self.deployment = Deployment::Workers(meeting.reached_at(server.clone()));
        }
        self
    }

    /// The records of all queues as one document under the job's name.
    ///
    /// # Errors
    /// `InvalidDescriptor` when a pool does not take the job's name or a record.
    pub fn pool(&self) -> Result<DescriptorPool, Error> {
        let mut pool = DescriptorPool::new(self.job_name(), 1)?;
        for queue in &self.queues {
            pool.insert(queue.record.clone())?;
        }
        Ok(pool)
    }
}

fn set(places: &mut [Option<u32>], index: usize, place: u32) {
    if let Some(slot) = places.get_mut(index) {
        *slot = Some(place);
    }
}
