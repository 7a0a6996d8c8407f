//! Everything that has a part to play.

use crate::meeting::Shape;
use crate::part::Part;
use crate::peer::{self, Transport};
use crate::play;

/// What a subject is beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ours.
    Ours,
    /// Sleeps when there is nothing to do.
    Peer,
    /// Asks again and again, and never sleeps.
    Spins,
}

/// Something that carries items between processes.
#[derive(Clone, Copy, Debug)]
pub struct Subject {
    /// Its name in tables.
    pub name: &'static str,
    /// Whose it is.
    pub kind: Kind,
    /// Its items are records that it encodes, whatever size is asked for.
    pub typed: bool,
    /// The most processes that it is made for.
    pub most: Shape,
    pub(crate) play: fn(&Part) -> Result<(), String>,
}

impl Subject {
    const fn of<T: Transport>() -> Self {
        Self {
            name: T::NAME,
            kind: T::KIND,
            typed: T::TYPED,
            most: T::MOST,
            play: play::act::<T>,
        }
    }
}

/// All of them, in the order of tables. The first one is `shm`, item by item.
pub const SUBJECTS: &[Subject] = &[
    Subject::of::<peer::Single>(),
    Subject::of::<peer::Batched>(),
    Subject::of::<peer::Packed>(),
    Subject::of::<peer::InPlace>(),
    Subject::of::<peer::Typed>(),
    #[cfg(feature = "crates")]
    Subject::of::<peer::Polling>(),
    #[cfg(feature = "crates")]
    Subject::of::<peer::Event>(),
    #[cfg(feature = "crates")]
    Subject::of::<peer::ShmemIpc>(),
    #[cfg(feature = "crates")]
    Subject::of::<peer::IpcChannel>(),
    Subject::of::<peer::Socket>(),
    Subject::of::<peer::BufferedSocket>(),
    Subject::of::<peer::Pipe>(),
    Subject::of::<peer::BufferedPipe>(),
];
