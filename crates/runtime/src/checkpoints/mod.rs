//! Checkpoints: what all instances of a job know at one barrier, kept in a folder.
//!
//! A barrier is sent by every source and goes behind the data through the whole job. An instance with several
//! upstreams waits until it has come over all of them; then it hands over its state and sends the barrier on. What has
//! come before it is in the checkpoint, what comes behind is not, so the states of all instances fit together. A
//! checkpoint is complete when every instance has handed over its state and all of it is in the folder.

mod clerk;
mod config;
mod driver;
mod inherit;
mod keeping;

pub use config::Checkpoints;

pub(crate) use clerk::{Told, serve};
pub(crate) use driver::spawn;
pub(crate) use keeping::{Keeping, Kept, Share};
