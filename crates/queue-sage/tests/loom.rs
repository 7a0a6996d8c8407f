//! Models of the ring: every interleaving and every outcome of the memory model for a few threads, within the bounds of
//! the checker.
//!
//! Run by `cargo xtask loom`; without `--cfg loom` there is nothing here.
#![cfg(loom)]
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

#[path = "loom/closing.rs"]
mod closing;
#[path = "loom/common.rs"]
mod common;
#[path = "loom/handles.rs"]
mod handles;
#[path = "loom/moving.rs"]
mod moving;
#[path = "loom/waiting.rs"]
mod waiting;
