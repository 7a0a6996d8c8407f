//! What a graph is made of: nodes, edges and services, as data.

use std::fmt;

use descriptor_core::TypeTag;
use router::Partition;
use serde::{Deserialize, Serialize};

use crate::limits::DEFAULT_BUFFER_SIZE;

/// What a node does, as far as planning needs to know.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// Makes packets; has no input.
    Source,
    /// One packet out for each in.
    Map,
    /// The packets that pass a test.
    Filter,
    /// Any number of packets for each in.
    FlatMap,
    /// Gives each packet a key.
    KeyBy,
    /// One running value per key.
    Reduce,
    /// One function per input port.
    CoMap,
    /// Pairs of two ports that share key and window.
    Join,
    /// One result per key and window.
    Window,
    /// Takes packets; has no output.
    Sink,
    /// An operator known to the program by this name; as many ports as it has input types, at least one.
    Custom(String),
}

impl NodeKind {
    /// The word for it: `flat_map`, or the name of a custom one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Source => "source",
            Self::Map => "map",
            Self::Filter => "filter",
            Self::FlatMap => "flat_map",
            Self::KeyBy => "key_by",
            Self::Reduce => "reduce",
            Self::CoMap => "co_map",
            Self::Join => "join",
            Self::Window => "window",
            Self::Sink => "sink",
            Self::Custom(name) => name,
        }
    }

    /// True when several instances are right only if each key always reaches the same one.
    #[must_use]
    pub const fn is_per_key(&self) -> bool {
        matches!(self, Self::Reduce | Self::Join | Self::Window)
    }

    /// The fewest and the most input ports.
    pub(crate) const fn ports(&self) -> (usize, usize) {
        match self {
            Self::Source => (0, 0),
            Self::CoMap | Self::Custom(_) => (1, u16::MAX as usize),
            Self::Join => (2, 2),
            _ => (1, 1),
        }
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What becomes of a packet whose operator failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorPolicy {
    /// The job fails.
    #[default]
    Fail,
    /// It is dropped and counted.
    Skip,
    /// It goes to the dead letters of the job.
    DeadLetter,
}

/// One operator of a job.
///
/// ```
/// use graph::{NodeKind, NodeSpec};
/// let node = NodeSpec { parallelism: 4, keyed: true, ..NodeSpec::new("bids", NodeKind::Source) };
/// assert_eq!((node.buffer_size, node.ports()), (1000, 0));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeSpec {
    /// The name: at most 64 ASCII letters, digits and `. _ -`, the first a letter or digit. Made unique by the builder.
    pub name: String,
    /// What it does.
    pub kind: NodeKind,
    /// The number of instances, 1 to 1024.
    pub parallelism: u32,
    /// The highest parallelism the node may ever be given, which fixes its key groups; `None` means as many as now.
    pub max_parallelism: Option<u32>,
    /// The most packets in the input queue of each instance, 1 to 2^24. See [`packing`](Self::packing).
    pub buffer_size: usize,
    /// The item type of each input port. A port without one takes any type.
    pub inputs: Vec<TypeTag>,
    /// The item type it sends, when known.
    pub output: Option<TypeTag>,
    /// True when the node itself gives its packets keys. `key_by` does so without being told, and operators with
    /// keyed input keep the keys.
    pub keyed: bool,
    /// The queue type of its input queues, instead of the one the strategy would choose.
    pub queue_kind: Option<String>,
    /// About how many bytes an item of its input takes when it is encoded, for the choice of the queue type.
    pub item_bytes: Option<usize>,
    /// What becomes of a packet whose operator failed.
    pub on_error: ErrorPolicy,
    /// The workers its instances are placed on in turn, or [`Deployment::COORDINATOR`](crate::Deployment::COORDINATOR).
    /// Empty means beside the instances that forward to them, else all in turn. Threads have one worker and ignore this.
    pub workers: Vec<u32>,
}

impl NodeSpec {
    /// A node with one instance, a buffer of 1000 packets, no declared types and the rest by default.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: NodeKind) -> Self {
        Self {
            name: name.into(),
            kind,
            parallelism: 1,
            max_parallelism: None,
            buffer_size: DEFAULT_BUFFER_SIZE,
            inputs: Vec::new(),
            output: None,
            keyed: false,
            queue_kind: None,
            item_bytes: None,
            on_error: ErrorPolicy::Fail,
            workers: Vec::new(),
        }
    }

    /// The number of input ports: those with a declared type, but no fewer and no more than the kind has.
    #[must_use]
    pub fn ports(&self) -> usize {
        let (fewest, most) = self.kind.ports();
        self.inputs.len().clamp(fewest, most)
    }

    /// How many packets at most travel as one item of its input queues: a sixteenth of the buffer, up to 256. Buffers
    /// of fewer than 32 packets hold them one by one.
    #[must_use]
    pub fn packing(&self) -> usize {
        (self.buffer_size / 16).clamp(1, 256)
    }

    /// The capacity of each of its input queues, in items: full, it holds no more packets than the buffer may.
    #[must_use]
    pub fn queue_capacity(&self) -> usize {
        self.buffer_size / self.packing()
    }

    /// The highest parallelism the node may ever be given.
    #[must_use]
    pub fn highest_parallelism(&self) -> u32 {
        self.max_parallelism.unwrap_or(self.parallelism)
    }
}

/// How one node feeds another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSpec {
    /// The input port at the target, counted from 0.
    #[doc(alias = "target_input_index")]
    pub input_index: u16,
    /// How packets find their instance.
    pub partition: Partition,
    /// The item type that travels, when it is known and the ends do not say.
    pub tag: Option<TypeTag>,
}

impl EdgeSpec {
    /// An edge to port 0.
    #[must_use]
    pub const fn new(partition: Partition) -> Self {
        Self::to_port(0, partition)
    }

    /// An edge to the port `input_index`.
    #[must_use]
    pub const fn to_port(input_index: u16, partition: Partition) -> Self {
        Self {
            input_index,
            partition,
            tag: None,
        }
    }
}

/// An edge together with its ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Edge {
    /// The node that sends.
    pub from: crate::NodeId,
    /// The node that receives.
    pub to: crate::NodeId,
    /// How.
    pub spec: EdgeSpec,
}

/// A service that the operators of a job can call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    /// The id the callers use; as a node's name, but never changed: two services with one id are refused.
    pub name: String,
    /// How many workers answer requests, 1 to 1024.
    pub parallelism: u32,
    /// The capacity of each of its queues, 1 to 2^24.
    pub buffer_size: usize,
    /// The type of requests, when known.
    pub request: Option<TypeTag>,
    /// The type of answers, when known.
    pub response: Option<TypeTag>,
    /// The type of its request queue, instead of the one the strategy would choose.
    pub queue_kind: Option<String>,
    /// The workers its instances are placed on in turn; empty means all.
    pub workers: Vec<u32>,
}

impl ServiceSpec {
    /// A service with one worker and buffers of 1000 requests.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            parallelism: 1,
            buffer_size: DEFAULT_BUFFER_SIZE,
            request: None,
            response: None,
            queue_kind: None,
            workers: Vec::new(),
        }
    }
}
