//! Jobs on threads, from the first packet to the report.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod ahead;
mod chain;
mod checkpoints;
mod early;
mod ends;
mod event_time;
mod explain;
mod faults;
mod flow;
mod futures;
mod keyed;
mod partition;
mod pause;
mod preflight;
mod refused;
mod restart;
mod rig;
mod services;
mod starting;
mod stops;
