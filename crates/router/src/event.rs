//! What travels on an edge.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Pack, Packet, timestamp_now};

/// One upstream connection of a consumer: the edge from one producing instance into this very input queue.
///
/// Given out by the plan; unique among all that write to one queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpstreamId(pub u32);

impl fmt::Display for UpstreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "upstream {}", self.0)
    }
}

/// One event with its sender; the item type of every input queue.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// The connection it came over.
    pub from: UpstreamId,
    /// What came.
    pub event: Event<T>,
}

const _: () = assert!(size_of::<Envelope<u64>>() <= 64);

/// Data and control in one order: nothing overtakes anything else of the same sender.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Event<T> {
    /// An item.
    Packet(Packet<T>),
    /// Items in a row, of one sender to one target: what a connection that [packs](crate::Connection::packing) sends.
    Packets(Pack<T>),
    /// Word of items in a row that wait in the process of their receiver, because their sender is there too: what goes through
    /// a queue between processes in their place. Whoever opens the queue for the receiver puts them back.
    Here {
        /// By which they are known there.
        number: u64,
        /// How many they are.
        packets: u32,
    },
    /// This sender will send no packet of an earlier event time, in milliseconds.
    Watermark(u64),
    /// Everything before it belongs to the snapshot of this number, everything behind does not.
    Barrier(u64),
    /// The last event of this sender. Boxed, so that rare words do not make every packet larger.
    Stop(Box<StopSignal>),
}

impl<T> Event<T> {
    /// The packet, if this is a single one.
    #[must_use]
    pub const fn packet(&self) -> Option<&Packet<T>> {
        match self {
            Self::Packet(packet) => Some(packet),
            _ => None,
        }
    }

    /// How many packets it holds.
    #[must_use]
    pub fn packets(&self) -> usize {
        match self {
            Self::Packet(_) => 1,
            Self::Packets(packets) => packets.len(),
            Self::Here { packets, .. } => *packets as usize,
            _ => 0,
        }
    }

    /// The same event with its payloads changed, where it has some.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Event<U> {
        match self {
            Self::Packet(packet) => Event::Packet(packet.map(change)),
            Self::Packets(packets) => Event::Packets(packets.map(change)),
            Self::Here { number, packets } => Event::Here { number, packets },
            Self::Watermark(time) => Event::Watermark(time),
            Self::Barrier(number) => Event::Barrier(number),
            Self::Stop(stop) => Event::Stop(stop),
        }
    }
}

// By hand, because a derive would ask for `T: Debug` and packets do not show their payload.
impl<T> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Packet(packet) => packet.fmt(f),
            Self::Packets(packets) => packets.fmt(f),
            Self::Here { number, packets } => write!(f, "Here({number}, {packets} packets)"),
            Self::Watermark(time) => write!(f, "Watermark({time})"),
            Self::Barrier(number) => write!(f, "Barrier({number})"),
            Self::Stop(stop) => stop.fmt(f),
        }
    }
}

impl<T> fmt::Debug for Envelope<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("from", &self.from)
            .field("event", &self.event)
            .finish()
    }
}

/// The end of a stream, and why it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopSignal {
    /// The name of the instance whose stream ends.
    pub source: String,
    /// When it was made, in nanoseconds since 1970-01-01 UTC.
    pub timestamp: u64,
    /// Why.
    pub cause: StopCause,
}

impl StopSignal {
    /// A signal made now.
    #[must_use]
    pub fn new(source: impl Into<String>, cause: StopCause) -> Self {
        Self {
            source: source.into(),
            timestamp: timestamp_now(),
            cause,
        }
    }
}

impl fmt::Display for StopSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.source, self.cause)
    }
}

/// Why a stream ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StopCause {
    /// All was sent.
    Finished,
    /// The operator failed; what it had sent before is still valid.
    Failed(String),
    /// Somebody stopped the job before its end.
    Aborted,
    /// The producer died without a word; whoever noticed wrote this.
    PeerDied(String),
    /// The operator failed for this reason, and the job goes on without it.
    Isolated(String),
}

impl StopCause {
    /// True only when the stream is complete.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::Finished)
    }
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("finished"),
            Self::Failed(why) => write!(f, "failed: {why}"),
            Self::Aborted => f.write_str("was aborted"),
            Self::PeerDied(why) => write!(f, "died: {why}"),
            Self::Isolated(why) => write!(f, "was isolated: {why}"),
        }
    }
}
