//! Tests of graphs, preflight and plans through the public interface.

mod common;
mod documents;
mod findings;
mod names;
mod pictures;
mod plans;
mod properties;
mod queue_findings;
mod rescale;
