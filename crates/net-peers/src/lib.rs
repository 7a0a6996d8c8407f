//! What carries items from a producer through a server to a consumer, for `sage-bench`: ours and its peers.
//!
//! Every producer, every consumer and every server is a process of its own, the program started once more with [`WORD`] and a
//! [`Part`] as its words; [`play`] does what they say. Servers of others are programs of this machine, which the part that serves starts
//! and ends. All of them listen on the loopback address, on ports that were free, and keep what they keep in the folder of their
//! [`Site`].
//!
//! ```
//! // A command line without a part is not for this crate.
//! # #[cfg(target_os = "linux")]
//! assert!(net_peers::play(&["--help".into()]).is_none());
//! ```
#![forbid(unsafe_code)]

#[cfg(target_os = "linux")]
mod certificate;
#[cfg(target_os = "linux")]
mod hired;
#[cfg(target_os = "linux")]
mod part;
#[cfg(target_os = "linux")]
mod peer;
#[cfg(target_os = "linux")]
mod play;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
mod site;
#[cfg(target_os = "linux")]
mod stock;
#[cfg(target_os = "linux")]
mod subject;

#[cfg(target_os = "linux")]
pub use {
    hired::Home,
    part::{Act, Part, WORD},
    play::play,
    program::Program,
    site::Site,
    subject::{Kind, SUBJECTS, Subject, subject},
};
