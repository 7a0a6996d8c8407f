//! Execution graph, validated plan and preflight: pure data.
#![forbid(unsafe_code)]
