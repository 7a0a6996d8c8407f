//! What a job is and how it will run, as plain data: graph, preflight and plan.
//!
//! A [`GraphBuilder`] collects nodes, edges and services into an [`ExecutionGraph`]. [`Plan::build`] checks it and
//! reports everything that is wrong at once; when nothing is, it places the instances, has a strategy choose a queue
//! type for each of them and knows who is connected with whom. Nothing here opens a queue, starts a thread or runs an
//! operator: a plan means the same in every process, and travels as JSON or bytes.
//!
//! ```
//! use descriptor_core::{Caps, DefaultStrategy, KindInfo, Reach};
//! use graph::{Code, Deployment, EdgeSpec, GraphBuilder, NodeKind, NodeSpec, Plan};
//! use router::Partition;
//!
//! let mut job = GraphBuilder::new("counts");
//! let words = job.node(NodeSpec { parallelism: 2, ..NodeSpec::new("words", NodeKind::Source) });
//! let count = job.node(NodeSpec { parallelism: 2, ..NodeSpec::new("count", NodeKind::Reduce) });
//! let print = job.node(NodeSpec::new("print", NodeKind::Sink));
//! job.edge(words, count, EdgeSpec::new(Partition::Hash));
//! job.edge(count, print, EdgeSpec::new(Partition::RoundRobin));
//!
//! let kinds = [KindInfo::new("sage_queue", Reach::Process, Caps::IN_PROCESS)];
//! let build = |job: GraphBuilder| Plan::build(job.build(), Deployment::Threads, &DefaultStrategy, &kinds);
//!
//! // The words carry no key yet.
//! let refused = build(job.clone()).unwrap_err();
//! assert_eq!(refused.findings()[0].code, Code::NotKeyed);
//!
//! job.change(words, |words| words.keyed = true);
//! let plan = build(job)?;
//! assert_eq!(plan.instances().len(), 5);
//! println!("{}", plan.topology());
//! # Ok::<(), graph::PreflightError>(())
//! ```
#![forbid(unsafe_code)]

mod builder;
mod check;
mod choose;
mod deployment;
mod describe;
mod difference;
mod document;
mod drawing;
mod finding;
mod fingerprint;
mod graph;
mod ids;
mod layout;
pub mod limits;
mod meeting;
mod node;
mod order;
mod plan;
mod replan;
mod rescale;
mod topology;

pub use builder::GraphBuilder;
pub use deployment::Deployment;
pub use finding::{Code, Finding, Place, Preflight, PreflightError, Severity};
pub use graph::ExecutionGraph;
pub use ids::{EdgeId, InstanceId, NodeId, ServiceId};
pub use layout::{Group, Instance, Role};
pub use meeting::Meeting;
pub use node::{Edge, EdgeSpec, ErrorPolicy, NodeKind, NodeSpec, ServiceSpec};
pub use plan::{Plan, PlannedQueue, Upstream};
pub use rescale::RouteDiff;
