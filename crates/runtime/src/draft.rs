//! A job while it is being written down: the graph as data, and beside each node the code that will run there.

use std::any::Any;

use descriptor_core::{Backends, DescriptorRecord, Error, TypeTag};
use graph::{EdgeSpec, GraphBuilder, NodeId, NodeKind, NodeSpec};
use router::{Envelope, UpstreamId};
use task::host::{OpenQueue, Output, Rules, Task, TaskParts};

use crate::Data;
use crate::chain::LARGEST;
use crate::services::ServiceCode;

/// Opens the input queue of one instance on the worker of this number, for whoever is there; or, as the last argument says,
/// for the instance itself, which is there, while other processes of the host send to it too.
pub(crate) type OpenInput<B> = Box<dyn Fn(&B, &DescriptorRecord, u32, bool) -> Result<OpenQueue, Error> + Send + Sync>;

/// Makes the task of one instance.
pub(crate) type Build = Box<dyn Fn(TaskParts<'_>) -> Result<Box<dyn Task>, Error> + Send + Sync>;

/// Makes one instance for the one before it to call: a `Box<dyn Link<In>>`.
pub(crate) type BuildLink = Box<dyn Fn(TaskParts<'_>, UpstreamId) -> Result<Box<dyn Any + Send>, Error> + Send + Sync>;

/// The code of one node.
pub(crate) struct NodeCode<B: Backends> {
    /// `None` for sources.
    pub(crate) open: Option<OpenInput<B>>,
    pub(crate) build: Build,
    /// `None` for nodes that need a queue.
    pub(crate) link: Option<BuildLink>,
    /// Whether a straight edge into this node may do without a queue.
    pub(crate) chain: bool,
    pub(crate) rules: Rules,
    /// One `Output<Out>` per outgoing edge, in the order of the edges.
    pub(crate) outputs: Vec<Box<dyn Any + Send + Sync>>,
}

/// Graph and code, node by node.
pub(crate) struct Draft<B: Backends> {
    pub(crate) backends: B,
    pub(crate) graph: GraphBuilder,
    pub(crate) code: Vec<NodeCode<B>>,
    pub(crate) services: Vec<ServiceCode<B>>,
    pub(crate) queue_kind: Option<String>,
    pub(crate) chain: bool,
}

impl<B: Backends> Draft<B> {
    pub(crate) fn new(name: &str, backends: B) -> Self {
        Self {
            backends,
            graph: GraphBuilder::new(name),
            code: Vec::new(),
            services: Vec::new(),
            queue_kind: None,
            chain: true,
        }
    }

    /// Adds a node with its code; `In` is what its input queues hold.
    pub(crate) fn node<In: Data>(&mut self, spec: NodeSpec, build: Build, link: Option<BuildLink>) -> NodeId {
        let open: Option<OpenInput<B>> = match spec.kind {
            NodeKind::Source => None,
            _ => Some(Box::new(|backends, record, worker, shared| {
                let queue = backends.registry::<Envelope<In>>().for_worker(worker).open(record)?;
                Ok(if shared {
                    OpenQueue::shared(record.clone(), queue)
                } else {
                    OpenQueue::new(record.clone(), queue)
                })
            })),
        };
        let id = self.graph.node(NodeSpec {
            queue_kind: spec.queue_kind.clone().or_else(|| self.queue_kind.clone()),
            ..spec
        });
        self.code.push(NodeCode {
            open,
            build,
            link: link.filter(|_| size_of::<In>() <= LARGEST),
            chain: self.chain,
            rules: Rules::default(),
            outputs: Vec::new(),
        });
        id
    }

    /// Connects a producer of `T` with a consumer.
    pub(crate) fn edge<T: Data>(&mut self, from: NodeId, to: NodeId, spec: EdgeSpec, output: Output<T>) {
        self.graph.edge(
            from,
            to,
            EdgeSpec {
                tag: Some(TypeTag::of::<T>()),
                ..spec
            },
        );
        if let Some(code) = self.code.get_mut(from.index()) {
            code.outputs.push(Box::new(output));
        }
    }
}
