//! One item of a stream, with what routing needs to know about it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{Key, PacketPartition};

/// A payload with its key, its wish for a partition, the input it arrives at, and the moment its source made it.
///
/// The timestamp is the source's and stays the same through every operator and hop; two packets are equal when all but
/// their timestamps are.
///
/// ```
/// use router::{Packet, PacketPartition};
/// let bid = Packet::new("bid 12", 1_700_000_000_000_000_000).with_key(12_u64);
/// let price = bid.inherit_partition_info(99_u32);
/// assert_eq!((price.key(), price.timestamp()), (bid.key(), bid.timestamp()));
/// let by_name = price.update_key("ada", Some(PacketPartition::Hash));
/// assert_eq!(format!("{by_name:?}"), r#"<Packet input=0 key="ada" payload_type=u32 ts=1700000000000000000>"#);
/// ```
#[derive(Clone, Serialize, Deserialize)]
pub struct Packet<T> {
    /// What the packet carries.
    pub payload: T,
    timestamp: u64,
    #[serde(rename = "partition_key")]
    key: Option<Key>,
    input_index: u16,
    #[serde(rename = "partition_strategy")]
    partition: Option<PacketPartition>,
}

const _: () = assert!(size_of::<Packet<u64>>() <= size_of::<u64>() + 48);

impl<T> Packet<T> {
    /// A packet without a key, made by its source at `timestamp` (nanoseconds since 1970-01-01 UTC).
    ///
    /// Sources read the clock once per batch.
    #[must_use]
    pub const fn new(payload: T, timestamp: u64) -> Self {
        Self {
            payload,
            timestamp,
            key: None,
            input_index: 0,
            partition: None,
        }
    }

    /// A packet made now: [`timestamp_now`] and [`Packet::new`].
    #[must_use]
    pub fn now(payload: T) -> Self {
        Self::new(payload, timestamp_now())
    }

    /// The same packet with this key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Key>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same packet asking for this partition wherever it goes; `None` leaves it to the edges.
    #[must_use]
    pub fn with_partition(mut self, partition: impl Into<Option<PacketPartition>>) -> Self {
        self.partition = partition.into();
        self
    }

    /// The same packet, for this input of its consumer.
    #[must_use]
    pub fn with_input_index(mut self, input_index: u16) -> Self {
        self.input_index = input_index;
        self
    }

    /// The key, if there is one.
    #[doc(alias = "partition_key")]
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// The partition this packet asks for itself.
    #[doc(alias = "partition_strategy")]
    #[must_use]
    pub const fn partition(&self) -> Option<PacketPartition> {
        self.partition
    }

    /// The input of the consumer it arrives at.
    #[must_use]
    pub const fn input_index(&self) -> u16 {
        self.input_index
    }

    /// When its source made it, in nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// True when it has a key; `0`, `""` and `false` are keys.
    #[must_use]
    pub const fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// A packet of `payload` with this one's key, partition, input and timestamp.
    #[must_use]
    pub fn inherit_partition_info<U>(&self, payload: U) -> Packet<U> {
        Packet {
            payload,
            timestamp: self.timestamp,
            key: self.key.clone(),
            input_index: self.input_index,
            partition: self.partition,
        }
    }

    /// The same packet with its payload changed.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Packet<U> {
        Packet {
            payload: change(self.payload),
            timestamp: self.timestamp,
            key: self.key,
            input_index: self.input_index,
            partition: self.partition,
        }
    }

    /// The same packet with another key, and with another partition where one is given.
    #[must_use]
    pub fn update_key(mut self, key: impl Into<Key>, partition: Option<PacketPartition>) -> Self {
        self.key = Some(key.into());
        self.partition = partition.or(self.partition);
        self
    }
}

impl<T: PartialEq> PartialEq for Packet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.payload == other.payload
            && self.input_index == other.input_index
            && self.partition == other.partition
            && self.key == other.key
    }
}

impl<T: Eq> Eq for Packet<T> {}

/// Shows the payload's type and not the payload, which may be large or secret.
impl<T> fmt::Debug for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Packet input={} key=", self.input_index)?;
        match &self.key {
            Some(key) => write!(f, "{key}")?,
            None => f.write_str("unkeyed")?,
        }
        write!(f, " payload_type={} ts={}>", std::any::type_name::<T>(), self.timestamp)
    }
}

/// The clock of packets and stop signals: nanoseconds since 1970-01-01 UTC, 0 for a clock set before that.
#[must_use]
pub fn timestamp_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
