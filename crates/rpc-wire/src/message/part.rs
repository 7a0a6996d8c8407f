//! Values that belong to one message.

use descriptor_record::{QueueId, TypeTag};

use crate::WireError;
use crate::field::{Field, Reader, Writer};
use crate::value::Text;

/// A side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that connected.
    Client,
    /// The one that was connected to.
    Server,
    /// Either.
    Both,
}

/// What opening a queue may do. One byte, 0 to 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Creation {
    /// Open what is there.
    Never,
    /// Open what is there, or make one: exactly one when many ask at once.
    IfAbsent,
    /// Make one, and fail when there is one.
    Always,
}

impl Field for Creation {
    fn write(&self, to: &mut Writer<'_>) {
        let byte: u8 = match self {
            Self::Never => 0,
            Self::IfAbsent => 1,
            Self::Always => 2,
        };
        byte.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::read(from)? {
            0 => Ok(Self::Never),
            1 => Ok(Self::IfAbsent),
            2 => Ok(Self::Always),
            other => Err(from.refuse("0, 1 or 2", other.into())),
        }
    }
}

/// The type of the items, as far as the two sides must agree on it: name and hash of the shape.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    /// The name of the type.
    pub name: Text,
    /// The hash of its shape.
    pub shape: u64,
}

impl From<&TypeTag> for Tag {
    /// A name that is too long is cut: the shape still tells types apart.
    fn from(tag: &TypeTag) -> Self {
        Self {
            name: Text::clipped(tag.name()),
            shape: tag.shape(),
        }
    }
}

impl Field for Tag {
    fn write(&self, to: &mut Writer<'_>) {
        self.name.write(to);
        self.shape.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            name: Text::read(from)?,
            shape: u64::read(from)?,
        })
    }
}

/// A queue in a list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listing {
    /// Its name.
    pub id: QueueId,
    /// Which life of the name it is.
    pub epoch: u64,
    /// Items that wait.
    pub depth: u64,
}

impl Field for Listing {
    fn write(&self, to: &mut Writer<'_>) {
        self.id.write(to);
        self.epoch.write(to);
        self.depth.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            id: QueueId::read(from)?,
            epoch: u64::read(from)?,
            depth: u64::read(from)?,
        })
    }
}

/// The names of the numbers in [`StatsAre`](crate::StatsAre). A number that a reader does not know is left alone.
pub mod stat {
    /// Items that wait.
    pub const DEPTH: u16 = 1;
    /// The most items, 0 for any number.
    pub const CAPACITY: u16 = 2;
    /// Bytes of the items that wait or are away.
    pub const BYTES: u16 = 3;
    /// Items on loan, and prefetched ones not yet marked as consumed.
    pub const AWAY: u16 = 4;
    /// Items ever stored.
    pub const PUT_TOTAL: u16 = 5;
    /// Items that left for good.
    pub const GET_TOTAL: u16 = 6;
    /// Deliveries beyond the first of an item.
    pub const REDELIVERED_TOTAL: u16 = 7;
    /// Items that went to the dead letters.
    pub const DEAD_LETTERED_TOTAL: u16 = 8;
    /// Items that were dropped on purpose, for example with their queue.
    pub const DROPPED_TOTAL: u16 = 9;
    /// Which life of the name it is.
    pub const EPOCH: u16 = 10;
    /// Connections that have it open.
    pub const HANDLES: u16 = 11;
    /// Puts that wait for room.
    pub const WAITING_PUTS: u16 = 12;
    /// Gets that wait for items.
    pub const WAITING_GETS: u16 = 13;
    /// Items on loan.
    pub const LEASED: u16 = 14;
    /// Items given back for later that are not visible yet.
    pub const RESTING: u16 = 15;
    /// Loans that ran out.
    pub const EXPIRED_TOTAL: u16 = 16;
    /// Items that came back because the queue for dead letters refused them.
    pub const REFUSED_TOTAL: u16 = 17;
}
