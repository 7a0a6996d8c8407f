//! How a packet finds its targets.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

use crate::Key;

/// How one edge spreads packets over the instances of its target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Partition {
    /// One target after the other.
    #[default]
    RoundRobin,
    /// The target that owns the key's group; a packet without a key is refused.
    Hash,
    /// Every target gets a copy; no key needed.
    Broadcast,
    /// The target with the sender's own index; both sides have the same parallelism.
    Forward,
    /// Round robin over the sender's own contiguous share of the targets.
    Rescale,
    /// The less loaded of two targets drawn at random; a packet with a key is refused.
    LoadAware,
    /// What the partitioner registered under this name says.
    Custom(#[serde(with = "name")] Arc<str>),
}

/// What a packet may ask for itself, over the default of the edges it takes.
///
/// Every [`Partition`] but the custom ones, whose names would not fit into a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PacketPartition {
    /// As [`Partition::RoundRobin`].
    RoundRobin,
    /// As [`Partition::Hash`].
    Hash,
    /// As [`Partition::Broadcast`].
    Broadcast,
    /// As [`Partition::Forward`].
    Forward,
    /// As [`Partition::Rescale`].
    Rescale,
    /// As [`Partition::LoadAware`].
    LoadAware,
}

impl Partition {
    /// The custom partitioner registered as `name`.
    #[must_use]
    pub fn custom(name: impl Into<Arc<str>>) -> Self {
        Self::Custom(name.into())
    }

    /// True when packets need a key.
    #[must_use]
    pub const fn needs_key(&self) -> bool {
        matches!(self, Self::Hash)
    }
}

impl PacketPartition {
    /// The same partition, unless it is a custom one.
    #[must_use]
    pub const fn of(partition: &Partition) -> Option<Self> {
        Some(match partition {
            Partition::RoundRobin => Self::RoundRobin,
            Partition::Hash => Self::Hash,
            Partition::Broadcast => Self::Broadcast,
            Partition::Forward => Self::Forward,
            Partition::Rescale => Self::Rescale,
            Partition::LoadAware => Self::LoadAware,
            Partition::Custom(_) => return None,
        })
    }
}

impl From<PacketPartition> for Partition {
    fn from(own: PacketPartition) -> Self {
        match own {
            PacketPartition::RoundRobin => Self::RoundRobin,
            PacketPartition::Hash => Self::Hash,
            PacketPartition::Broadcast => Self::Broadcast,
            PacketPartition::Forward => Self::Forward,
            PacketPartition::Rescale => Self::Rescale,
            PacketPartition::LoadAware => Self::LoadAware,
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RoundRobin => "round_robin",
            Self::Hash => "hash",
            Self::Broadcast => "broadcast",
            Self::Forward => "forward",
            Self::Rescale => "rescale",
            Self::LoadAware => "load_aware",
            Self::Custom(name) => return write!(f, "custom `{name}`"),
        })
    }
}

mod name {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(name: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(name)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
        String::deserialize(deserializer).map(Into::into)
    }
}

/// The fixed number of groups that keys fall into, so that a key's place survives a change of parallelism.
///
/// Key -> group never changes; group -> instance follows the parallelism. The count is a power of two between
/// [`MIN`](Self::MIN) and [`MAX`](Self::MAX), fixed in the plan. See `docs/key-hash.md`.
///
/// ```
/// use router::{Key, KeyGroups};
/// let groups = KeyGroups::for_parallelism(100)?;
/// assert_eq!(groups.count(), 256); // the power of two at or above 150
/// let key = Key::from("user_1");
/// assert_eq!(groups.instance_of(&key, 4), groups.owner(groups.group_of(&key), 4));
/// assert!(groups.range(groups.instance_of(&key, 4), 4).contains(&groups.group_of(&key)));
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct KeyGroups(u32);

impl KeyGroups {
    /// The fewest groups.
    pub const MIN: u32 = 128;
    /// The most groups.
    pub const MAX: u32 = 32_768;
    /// The highest parallelism that [`for_parallelism`](Self::for_parallelism) serves: `MAX / 1.5`.
    pub const MAX_PARALLELISM: u32 = Self::MAX * 2 / 3;

    /// Exactly `count` groups.
    ///
    /// # Errors
    /// `InvalidGraph` unless `count` is a power of two in `128..=32768`.
    pub fn new(count: u32) -> Result<Self, Error> {
        if count.is_power_of_two() && (Self::MIN..=Self::MAX).contains(&count) {
            Ok(Self(count))
        } else {
            Err(Error::new(ErrorKind::InvalidGraph, "count key groups")
                .expected("a power of two from 128 to 32768")
                .found(count.to_string())
                .remedy("take KeyGroups::for_parallelism of the highest parallelism ever wanted"))
        }
    }

    /// The smallest count that is at least 1.5 times the highest parallelism ever wanted.
    ///
    /// # Errors
    /// `InvalidGraph` when that is more than [`MAX_PARALLELISM`](Self::MAX_PARALLELISM).
    pub fn for_parallelism(highest: u32) -> Result<Self, Error> {
        if highest > Self::MAX_PARALLELISM {
            return Err(Error::new(ErrorKind::InvalidGraph, "count key groups")
                .expected(format!("a parallelism of at most {}", Self::MAX_PARALLELISM))
                .found(highest.to_string())
                .remedy("lower the parallelism"));
        }
        Self::new((highest + highest.div_ceil(2)).next_power_of_two().max(Self::MIN))
    }

    /// The number of groups.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// The group of `key`: the low bits of the upper half of its hash.
    ///
    /// Hash tables take their bits from both ends of a hash; these are in the middle, so that the keys of one
    /// instance still spread over its tables.
    #[inline]
    #[must_use]
    pub const fn group_of(self, key: &Key) -> u32 {
        (key.hash() >> 32) as u32 & (self.0 - 1)
    }

    /// The instance that owns `group` among `parallelism` instances: contiguous ranges of groups, of nearly equal size.
    #[inline]
    #[must_use]
    pub const fn owner(self, group: u32, parallelism: u32) -> u32 {
        // The number of groups is a power of two.
        ((group as u64 * parallelism as u64) >> self.0.trailing_zeros()) as u32
    }

    /// The instance that owns `key` among `parallelism` instances.
    #[inline]
    #[must_use]
    pub const fn instance_of(self, key: &Key, parallelism: u32) -> u32 {
        self.owner(self.group_of(key), parallelism)
    }

    /// The groups that `instance` owns among `parallelism` instances; empty for an instance that does not exist.
    #[must_use]
    pub fn range(self, instance: u32, parallelism: u32) -> Range<u32> {
        if instance >= parallelism {
            return 0..0;
        }
        let first = |instance: u64| (instance * u64::from(self.0)).div_ceil(parallelism.into()) as u32;
        first(instance.into())..first(u64::from(instance) + 1)
    }
}

impl Default for KeyGroups {
    /// [`KeyGroups::MIN`] groups, enough for a parallelism of 85.
    fn default() -> Self {
        Self(Self::MIN)
    }
}

impl TryFrom<u32> for KeyGroups {
    type Error = Error;
    fn try_from(count: u32) -> Result<Self, Error> {
        Self::new(count)
    }
}

impl From<KeyGroups> for u32 {
    fn from(groups: KeyGroups) -> Self {
        groups.0
    }
}
