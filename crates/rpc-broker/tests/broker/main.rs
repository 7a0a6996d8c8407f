//! The broker as its clients see it: messages in, messages out, no sockets, and a clock that only the test moves.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod disk;
mod durable;
mod durable_walk;
mod gets;
mod guests;
mod handshake;
mod hostile;
mod inspect;
mod loans;
mod puts;
mod queues;
mod rights;
mod sessions;
mod walk;
mod world;
