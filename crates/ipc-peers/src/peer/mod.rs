//! What carries items between processes, each behind the same two small traits.

#[cfg(feature = "crates")]
mod iceoryx;
#[cfg(feature = "crates")]
mod ipc_channel;
mod many;
mod ours;
#[cfg(feature = "crates")]
mod shmem_ipc;
mod stream;
mod typed;

use crate::meeting::{Meeting, Shape};
use crate::subject::Kind;

/// The sending half in a process of its own, blocking.
pub(crate) trait Tx {
    /// Sends the item with this number.
    fn send(&mut self, number: u64) -> Result<(), String>;

    /// Sends what was kept back until there is more of it.
    fn flush(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// The receiving half, blocking.
pub(crate) trait Rx {
    /// The number of the next item.
    fn recv(&mut self) -> Result<u64, String>;
}

/// How items get from one process to another.
pub(crate) trait Transport {
    const NAME: &'static str;
    const KIND: Kind;
    /// Whether the items are encoded.
    const TYPED: bool = false;
    /// The most processes that it is made for.
    const MOST: Shape;
    type Tx: Tx;
    type Rx: Rx;

    fn tx(meeting: &Meeting) -> Result<Self::Tx, String>;

    fn rx(meeting: &Meeting) -> Result<Self::Rx, String>;
}

pub(crate) use many::Many;
pub(crate) use ours::{Batched, InPlace, Packed, Single};
pub(crate) use stream::{BufferedPipe, BufferedSocket, Pipe, Socket};
pub(crate) use typed::Typed;
#[cfg(feature = "crates")]
pub(crate) use {
    iceoryx::{Event, Polling},
    ipc_channel::IpcChannel,
    shmem_ipc::ShmemIpc,
};

/// For `map_err`: what was tried, and what came of it.
fn failed<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> String {
    move |error| format!("{what}: {error}")
}
