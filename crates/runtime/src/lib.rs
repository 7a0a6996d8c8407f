//! Executes plans: dispatcher, task contexts, operators.
#![forbid(unsafe_code)]
