//! Managers of jobs, in the process and over queues.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod control;
mod keep;
mod life;
mod rig;
