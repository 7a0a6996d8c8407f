//! Queue type local: flume behind the queue contract, in one process.
#![forbid(unsafe_code)]
