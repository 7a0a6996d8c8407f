//! Scenarios across crates live in `tests/`.
#![forbid(unsafe_code)]
