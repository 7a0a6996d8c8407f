//! What reads what a stranger wrote, as functions of bytes. Each must end without a panic whatever the bytes are, and what it made of
//! them must survive being written and read again.
//!
//! [`TARGETS`] is the list. `cargo xtask fuzz` runs each under libFuzzer, which looks for bytes that take new paths, and first one with
//! a planted fault, which it must find. The tests here run all of them on their seeds, and on the seeds with a byte changed or the end
//! cut off, on every build.
//!
//! ```
//! let target = sage_fuzz::find("record-uri").expect("one of the list");
//! (target.run)(b"shm://letters?maxsize=100");
//! ```
#![forbid(unsafe_code)]

mod frame;
mod target;
mod targets;

pub use targets::{TARGETS, Target, find};
