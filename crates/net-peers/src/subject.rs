//! Everything that has a part to play.

use sage_comm::{Confirm, Durability};

use crate::hired::Home;
#[cfg(feature = "crates")]
use crate::peer::{Calls, Channels, Core, JetStream, List, Proxy, Stream, Streams};
use crate::peer::{Inside, Manager, Over, Peer, Relay, Ring, Rpc};

/// What a subject is beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Ours,
    /// Somebody else's.
    Peer,
    /// What a relay that does nothing else gives: nobody can be above it for long.
    Floor,
}

/// Something that carries items through a server.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its name in tables.
    pub name: &'static str,
    /// Whose it is.
    pub kind: Kind,
    /// Who its server is.
    pub home: Home,
    pub(crate) peer: &'static dyn Peer,
}

impl Subject {
    const fn new(name: &'static str, kind: Kind, home: Home, peer: &'static dyn Peer) -> Self {
        Self { name, kind, home, peer }
    }

    const fn ours(name: &'static str, peer: &'static dyn Peer) -> Self {
        Self::new(name, Kind::Ours, Home::Own, peer)
    }

    #[cfg(feature = "crates")]
    const fn peer(name: &'static str, home: Home, peer: &'static dyn Peer) -> Self {
        Self::new(name, Kind::Peer, home, peer)
    }

    /// Why it is left out on this machine; `None` when it is there.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        self.home.missing().or_else(|| self.peer.missing())
    }
}

/// The one of this name.
#[must_use]
pub fn subject(name: &str) -> Option<&'static Subject> {
    SUBJECTS.iter().find(|subject| subject.name == name)
}

const TCP: Rpc = Rpc::SINGLE;
/// Items in a call.
const BATCH: usize = 64;

/// All of them, in the order of tables.
pub const SUBJECTS: &[Subject] = &[
    Subject::ours("rpc", &TCP),
    Subject::ours("rpc, batch 64", &Rpc { batch: BATCH, ..TCP }),
    Subject::ours(
        "rpc, confirm each",
        &Rpc {
            confirm: Confirm::Each,
            ..TCP
        },
    ),
    Subject::ours(
        "rpc, Unix socket",
        &Rpc {
            over: Over::Unix,
            ..TCP
        },
    ),
    Subject::ours(
        "rpc, Unix socket, batch 64",
        &Rpc {
            over: Over::Unix,
            batch: BATCH,
            ..TCP
        },
    ),
    Subject::ours(
        "rpc, Unix socket, confirm each",
        &Rpc {
            over: Over::Unix,
            confirm: Confirm::Each,
            ..TCP
        },
    ),
    Subject::ours("rpc, TLS", &Rpc { over: Over::Tls, ..TCP }),
    Subject::ours(
        "rpc, disk",
        &Rpc {
            durability: Durability::Disk,
            confirm: Confirm::Each,
            ..TCP
        },
    ),
    Subject::ours("ray_queue", &Manager),
    Subject::ours("ray_queue, in process", &Inside),
    Subject::ours("sage_queue, in process", &Ring),
    Subject::new("tokio relay", Kind::Floor, Home::Own, &Relay { tls: false }),
    Subject::new("tokio relay, TLS", Kind::Floor, Home::Own, &Relay { tls: true }),
    #[cfg(feature = "crates")]
    Subject::peer("ZeroMQ proxy", Home::Own, &Proxy),
    #[cfg(feature = "crates")]
    Subject::peer("NATS core", Home::nats(false, false), &Core),
    #[cfg(feature = "crates")]
    Subject::peer("JetStream, memory", Home::nats(true, false), &JetStream { file: false }),
    #[cfg(feature = "crates")]
    Subject::peer(
        "JetStream, file, sync always",
        Home::nats(true, true),
        &JetStream { file: true },
    ),
    #[cfg(feature = "crates")]
    Subject::peer("Redis list", Home::Redis { synced: false }, &List),
    #[cfg(feature = "crates")]
    Subject::peer("Redis stream", Home::Redis { synced: false }, &Stream),
    #[cfg(feature = "crates")]
    Subject::peer("Redis stream, fsync always", Home::Redis { synced: true }, &Stream),
    #[cfg(feature = "crates")]
    Subject::peer("tonic stream", Home::Own, &Streams),
    #[cfg(feature = "crates")]
    Subject::peer("tarpc", Home::Own, &Calls),
    #[cfg(feature = "crates")]
    Subject::peer("remoc", Home::Own, &Channels),
];
