//! The sage command.
#![forbid(unsafe_code)]
fn main() {}
