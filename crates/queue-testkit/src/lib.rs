//! Conformance clauses, watchdog and fixtures that every queue is held to.
#![forbid(unsafe_code)]
