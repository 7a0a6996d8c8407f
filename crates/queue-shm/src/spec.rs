//! The parameters of `shm`.

use descriptor_core::{Caps, Codec, Error, ErrorKind, KeySpec, Kind, Metadata, Params, QueueId, Reach, Spec, Value};

use crate::header::Header;
use crate::layout::{MAX_ITEMS, MAX_RING, record_bytes};
use crate::record::MAX_ITEM;

const KIND: Kind = descriptor_core::kinds::SHM;
const DEFAULT_CAPACITY: usize = 1000;
const DEFAULT_MAX_ITEM: usize = 64 * 1024;
/// Bytes of the ring per item of the capacity, unless told otherwise.
const USUAL_ITEM: usize = 256;
/// Largest items that a ring holds at least, unless told otherwise.
const LARGEST_INSIDE: usize = 4;

/// Parameters of a [`ShmQueue`](crate::ShmQueue).
#[doc(alias = "ShmQueueDescriptor")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ShmSpec {
    /// The capacity in items, from 1 to 2^24. Parameter `maxsize`.
    #[doc(alias = "maxsize")]
    pub capacity: usize,
    /// The largest item, in bytes as encoded. Parameter `max_item`.
    pub max_item: usize,
    /// The capacity in bytes: encoded items, each rounded up to 8 and with 8 bytes more. None for as many as the other two
    /// suggest. Parameter `max_bytes`.
    pub max_bytes: Option<usize>,
    /// How items are encoded. `Bytes` are not: they are copied as they are. Parameter `codec`.
    pub codec: Codec,
    /// Whether the last one out removes the queue with what is inside. Parameter `auto_cleanup`.
    pub auto_cleanup: bool,
    /// Another name for the segment than the queue id. Parameter `shm_name`.
    pub shm_name: Option<QueueId>,
}

impl ShmSpec {
    /// Room for `capacity` items of up to 64 KiB.
    #[must_use]
    pub const fn bounded(capacity: usize) -> Self {
        Self {
            capacity,
            max_item: DEFAULT_MAX_ITEM,
            max_bytes: None,
            codec: Codec::Postcard,
            auto_cleanup: true,
            shm_name: None,
        }
    }

    /// Items of up to so many bytes.
    #[must_use]
    pub const fn max_item(mut self, bytes: usize) -> Self {
        self.max_item = bytes;
        self
    }

    /// Room for so many bytes.
    #[must_use]
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Items encoded like this.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// The queue stays, with what is inside, when nobody has it open.
    #[must_use]
    pub const fn keep(mut self) -> Self {
        self.auto_cleanup = false;
        self
    }

    /// The capacity in bytes.
    pub(crate) fn byte_capacity(&self) -> usize {
        let items = self.capacity.saturating_mul(USUAL_ITEM);
        let largest = record_bytes(self.max_item).saturating_mul(LARGEST_INSIDE);
        self.max_bytes.unwrap_or_else(|| items.max(largest).min(MAX_RING))
    }

    pub(crate) fn ring_bytes(&self) -> usize {
        self.byte_capacity()
    }

    pub(crate) fn name<'a>(&'a self, id: &'a QueueId) -> &'a str {
        self.shm_name.as_ref().unwrap_or(id).as_str()
    }

    /// What a header says of this.
    pub(crate) fn header(&self, id: &QueueId) -> Header {
        Header {
            capacity: self.capacity as u64,
            max_bytes: self.byte_capacity() as u64,
            max_item: self.max_item as u64,
            ring: 0,
            ring_bytes: 0,
            epoch: 0,
            control: [0; 2],
            created: 0,
            shape: 0,
            tag_sum: 0,
            codec: 0,
            keep: !self.auto_cleanup,
            id: id.as_str().into(),
            tag: String::new(),
        }
    }

    /// # Errors
    /// `InvalidDescriptor` for numbers that are too small, too large or contradict each other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let largest = record_bytes(self.max_item.min(MAX_ITEM));
        for (name, value, least, most) in [
            ("maxsize", self.capacity, 1, MAX_ITEMS),
            ("max_item", self.max_item, 1, MAX_ITEM),
            ("max_bytes", self.byte_capacity(), largest, MAX_RING),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::new(ErrorKind::InvalidDescriptor, "create")
                    .backend("shm")
                    .expected(format!("`{name}` from {least} to {most}"))
                    .found(value.to_string())
                    .remedy("max_bytes must have room for one item of max_item bytes and 8 more"));
            }
        }
        Ok(())
    }
}

impl Default for ShmSpec {
    /// Room for 1000 items of up to 64 KiB, 256 KiB in all.
    fn default() -> Self {
        Self::bounded(DEFAULT_CAPACITY)
    }
}

fn number(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

impl Spec for ShmSpec {
    const KIND: &'static str = KIND.name;
    const ALIASES: &'static [&'static str] = KIND.aliases;
    const REACH: Reach = KIND.reach;

    fn keys() -> &'static [KeySpec] {
        KIND.keys
    }

    fn to_metadata(&self) -> Metadata {
        let mut metadata = Metadata::from([
            ("maxsize".into(), number(self.capacity)),
            ("max_item".into(), number(self.max_item)),
            ("codec".into(), Value::Text(self.codec.name().into())),
            ("auto_cleanup".into(), Value::Bool(self.auto_cleanup)),
        ]);
        if let Some(bytes) = self.max_bytes {
            metadata.insert("max_bytes".into(), number(bytes));
        }
        if let Some(name) = &self.shm_name {
            metadata.insert("shm_name".into(), Value::Text(name.as_str().into()));
        }
        metadata
    }

    fn from_params(params: &Params) -> Result<Self, Error> {
        let size = |name| params.int(name).and_then(|value| usize::try_from(value).ok());
        let spec = Self {
            capacity: params.capacity("maxsize").unwrap_or(DEFAULT_CAPACITY),
            max_item: size("max_item").unwrap_or(DEFAULT_MAX_ITEM),
            max_bytes: size("max_bytes"),
            codec: params.text("codec").map(str::parse).transpose()?.unwrap_or_default(),
            auto_cleanup: params.flag("auto_cleanup").unwrap_or(true),
            shm_name: params.text("shm_name").map(QueueId::new).transpose()?,
        };
        spec.check()?;
        Ok(spec)
    }

    fn caps() -> Caps {
        let mut caps = Caps::IN_PROCESS;
        caps.cross_process = true;
        caps.survives_process = true;
        caps
    }
}
