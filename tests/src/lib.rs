//! Scenarios across crates live in `tests/`; here is what they and their other processes say to each other.
#![forbid(unsafe_code)]

pub mod hand;
