//! Queue type sage_queue: a lock-free bounded ring, in one process.
#![forbid(unsafe_code)]
