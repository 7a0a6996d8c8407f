//! One item of a stream, with what routing needs to know about it.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize, Serializer};

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
#[derive(Clone, Deserialize)]
#[serde(from = "Fields<T, Option<Key>>")]
pub struct Packet<T> {
    /// What the packet carries.
    pub payload: T,
    pub(crate) timestamp: u64,
    pub(crate) key: Option<Key>,
    pub(crate) marks: Marks,
}

/// The input and the partition in one word: written and read apart, a packet that was made a moment ago could not be
/// moved before both writes have reached the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks(u64);

impl Marks {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn input_index(self) -> u16 {
        self.0 as u16
    }

    pub(crate) const fn with_input_index(self, input_index: u16) -> Self {
        Self(self.0 & !0xffff | input_index as u64)
    }

    pub(crate) const fn partition(self) -> Option<PacketPartition> {
        Some(match self.0 >> 16 {
            1 => PacketPartition::RoundRobin,
            2 => PacketPartition::Hash,
            3 => PacketPartition::Broadcast,
            4 => PacketPartition::Forward,
            5 => PacketPartition::Rescale,
            6 => PacketPartition::LoadAware,
            _ => return None,
        })
    }

    pub(crate) const fn with_partition(self, partition: Option<PacketPartition>) -> Self {
        let mark = match partition {
            None => 0,
            Some(PacketPartition::RoundRobin) => 1,
            Some(PacketPartition::Hash) => 2,
            Some(PacketPartition::Broadcast) => 3,
            Some(PacketPartition::Forward) => 4,
            Some(PacketPartition::Rescale) => 5,
            Some(PacketPartition::LoadAware) => 6,
        };
        Self(self.0 & 0xffff | mark << 16)
    }
}

/// A packet as it travels.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Packet")]
struct Fields<T, K> {
    payload: T,
    timestamp: u64,
    partition_key: K,
    input_index: u16,
    partition_strategy: Option<PacketPartition>,
}

impl<T> From<Fields<T, Option<Key>>> for Packet<T> {
    fn from(fields: Fields<T, Option<Key>>) -> Self {
        Self {
            payload: fields.payload,
            timestamp: fields.timestamp,
            key: fields.partition_key,
            marks: Marks::NONE
                .with_input_index(fields.input_index)
                .with_partition(fields.partition_strategy),
        }
    }
}

impl<T: Serialize> Serialize for Packet<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = Fields {
            payload: &self.payload,
            timestamp: self.timestamp,
            partition_key: &self.key,
            input_index: self.input_index(),
            partition_strategy: self.partition(),
        };
        fields.serialize(serializer)
    }
}

const _: () = assert!(size_of::<Packet<u64>>() <= size_of::<u64>() + 48);

impl<T> Packet<T> {
    /// A packet without a key, made by its source at `timestamp` (nanoseconds since 1970-01-01 UTC).
    ///
    /// Sources read the clock once per batch.
    #[inline]
    #[must_use]
    pub const fn new(payload: T, timestamp: u64) -> Self {
        Self {
            payload,
            timestamp,
            key: None,
            marks: Marks::NONE,
        }
    }

    /// A packet made now: [`timestamp_now`] and [`Packet::new`].
    #[must_use]
    pub fn now(payload: T) -> Self {
        Self::new(payload, timestamp_now())
    }

    /// The same packet with this key.
    #[inline]
    #[must_use]
    pub fn with_key(mut self, key: impl Into<Key>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// The same packet asking for this partition wherever it goes; `None` leaves it to the edges.
    #[inline]
    #[must_use]
    pub fn with_partition(mut self, partition: impl Into<Option<PacketPartition>>) -> Self {
        self.marks = self.marks.with_partition(partition.into());
        self
    }

    /// The same packet, for this input of its consumer.
    #[inline]
    #[must_use]
    pub fn with_input_index(mut self, input_index: u16) -> Self {
        self.marks = self.marks.with_input_index(input_index);
        self
    }

    /// The key, if there is one.
    #[doc(alias = "partition_key")]
    #[inline]
    #[must_use]
    pub const fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// The partition this packet asks for itself.
    #[doc(alias = "partition_strategy")]
    #[inline]
    #[must_use]
    pub const fn partition(&self) -> Option<PacketPartition> {
        self.marks.partition()
    }

    /// The input of the consumer it arrives at.
    #[must_use]
    pub const fn input_index(&self) -> u16 {
        self.marks.input_index()
    }

    /// When its source made it, in nanoseconds since 1970-01-01 UTC.
    #[inline]
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
    #[inline]
    #[must_use]
    pub fn inherit_partition_info<U>(&self, payload: U) -> Packet<U> {
        Packet {
            payload,
            timestamp: self.timestamp,
            key: self.key.clone(),
            marks: self.marks,
        }
    }

    /// The same packet with its payload changed.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Packet<U> {
        Packet {
            payload: change(self.payload),
            timestamp: self.timestamp,
            key: self.key,
            marks: self.marks,
        }
    }

    /// The same packet with another key, and with another partition where one is given.
    #[inline]
    #[must_use]
    pub fn update_key(mut self, key: impl Into<Key>, partition: Option<PacketPartition>) -> Self {
        self.key = Some(key.into());
        if partition.is_some() {
            self.marks = self.marks.with_partition(partition);
        }
        self
    }
}

impl<T: PartialEq> PartialEq for Packet<T> {
    fn eq(&self, other: &Self) -> bool {
        self.payload == other.payload && self.marks == other.marks && self.key == other.key
    }
}

impl<T: Eq> Eq for Packet<T> {}

/// Shows the payload's type and not the payload, which may be large or secret.
impl<T> fmt::Debug for Packet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<Packet input={} key=", self.input_index())?;
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
