//! What carries items between the processes of a host, for `sage-bench`: ours and its peers.
//!
//! Every producer and every consumer is a process of its own, the program started once more with [`WORD`] and a [`Part`]
//! as its words; [`play`] does what they say. A part opens what it needs, says `ready`, and then does one lap for each
//! number on its standard input, with a [`Lap`] as the answer. `net-peers`, where processes have a server between them, plays by the
//! same rules: [`laps`] and [`watch`].
//!
//! ```
//! // A command line without a part is not for this crate.
//! # #[cfg(target_os = "linux")]
//! assert!(ipc_peers::play(&["--help".into()]).is_none());
//! ```
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
pub mod item;
#[cfg(target_os = "linux")]
mod meeting;
#[cfg(target_os = "linux")]
mod part;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod play;
mod processor;
mod python;
#[cfg(target_os = "linux")]
mod subject;

#[cfg(target_os = "linux")]
pub use processor::now;
pub use processor::{cpu_time, pin, settle};
pub use python::SCRIPT as PYTHON;
#[cfg(target_os = "linux")]
pub use {
    meeting::{Folder, Meeting, Shape},
    part::{Act, Lap, Part, WORD},
    play::{laps, play, watch},
    subject::{Kind, SUBJECTS, Subject},
};
