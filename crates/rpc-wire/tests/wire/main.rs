//! What goes over the wire: the same as ever, what was meant, and nothing else.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod any;
mod examples;
mod refusals;
mod round_trip;
mod values;
mod vectors;
