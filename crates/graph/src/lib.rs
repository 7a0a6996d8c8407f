//! Execution graph, validated plan and preflight: pure data.
#![forbid(unsafe_code)]

mod builder;
mod check;
mod choose;
mod deployment;
mod describe;
mod document;
mod drawing;
mod finding;
mod fingerprint;
mod graph;
mod ids;
mod layout;
pub mod limits;
mod node;
mod order;
mod plan;
mod topology;

pub use builder::GraphBuilder;
pub use deployment::Deployment;
pub use finding::{Code, Finding, Place, Preflight, PreflightError, Severity};
pub use graph::ExecutionGraph;
pub use ids::{EdgeId, InstanceId, NodeId, ServiceId};
pub use layout::{Group, Instance, Role};
pub use node::{Edge, EdgeSpec, ErrorPolicy, NodeKind, NodeSpec, ServiceSpec};
pub use plan::{Plan, PlannedQueue, Upstream};
