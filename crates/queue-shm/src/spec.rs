//! The parameters of `shm`.

use std::time::Duration;

use descriptor_core::{
    Caps, Codec, Descriptor, DescriptorRecord, Error, ErrorKind, KeySpec, Kind, Metadata, Params, QueueId, Reach, Spec,
    Value,
};

use crate::header::Header;
use crate::layout::{MAX_ITEMS, MAX_RING, record_bytes};
use crate::record::MAX_ITEM;

const KIND: Kind = descriptor_core::kinds::SHM;
const DEFAULT_CAPACITY: usize = 1000;
/// As the other queue types with leases have it.
const USUAL_LEASE: Duration = Duration::from_secs(30);
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
    /// How long a lease lasts; zero for as long as its holder lives. Parameter `lease_time`, in seconds.
    pub lease_time: Duration,
    /// How often an item is handed out at most; 0 for no limit. Parameter `max_deliveries`.
    pub max_deliveries: u32,
    /// The queue of this type that takes what was handed out that often: its id, where it has the parameters of this one, or
    /// its URI. Without one such items are dropped and counted. Parameter `dead_letter`.
    pub dead_letter: Option<String>,
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
            lease_time: USUAL_LEASE,
            max_deliveries: 0,
            dead_letter: None,
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

    /// Leases that last so long; zero for as long as their holder lives.
    #[must_use]
    pub const fn lease_time(mut self, time: Duration) -> Self {
        self.lease_time = time;
        self
    }

    /// So many deliveries at most; 0 for no limit.
    #[must_use]
    pub const fn max_deliveries(mut self, deliveries: u32) -> Self {
        self.max_deliveries = deliveries;
        self
    }

    /// The queue for what was handed out so often: its id, or its URI such as `shm://jobs/dead?maxsize=100`.
    #[must_use]
    pub fn dead_letter(mut self, queue: impl Into<String>) -> Self {
        self.dead_letter = Some(queue.into());
        self
    }

    /// The queue for dead letters.
    ///
    /// # Errors
    /// `InvalidDescriptor` when that is no queue id nor the URI of a queue of this type.
    fn named_dead_letters(&self) -> Result<Option<(QueueId, Self)>, Error> {
        let Some(text) = &self.dead_letter else {
            return Ok(None);
        };
        if text.contains("://") {
            let descriptor = Descriptor::<Self>::from_record(&DescriptorRecord::from_uri(text)?)?;
            return Ok(Some((descriptor.queue_id().clone(), descriptor.spec().clone())));
        }
        let spec = Self {
            shm_name: None,
            max_deliveries: 0,
            dead_letter: None,
            ..self.clone()
        };
        Ok(Some((QueueId::new(text.as_str())?, spec)))
    }

    /// The queue for dead letters of the queue `id`.
    ///
    /// # Errors
    /// `InvalidDescriptor` when there can be none of that name, when it is this queue, or encodes items otherwise.
    pub(crate) fn dead_letters(&self, id: &QueueId) -> Result<Option<(QueueId, Self)>, Error> {
        let Some((dead_id, spec)) = self.named_dead_letters()? else {
            return Ok(None);
        };
        let wrong = |expected: &str, found: String, remedy: &'static str| {
            Error::new(ErrorKind::InvalidDescriptor, "open")
                .backend("shm")
                .expected(expected)
                .found(found)
                .remedy(remedy)
        };
        if spec.name(&dead_id) == self.name(id) {
            return Err(wrong(
                "`dead_letter` to be another queue",
                format!("`{id}` itself"),
                "choose another id, such as the queue's with `/dead` behind it",
            ));
        }
        if spec.codec != self.codec {
            return Err(wrong(
                "the same `codec` for the dead letters",
                format!("{} here and {} there", self.codec.name(), spec.codec.name()),
                "choose one codec: items go there as they are",
            ));
        }
        Ok(Some((dead_id, spec)))
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
            lease_time: u64::try_from(self.lease_time.as_nanos()).unwrap_or(0),
            max_deliveries: self.max_deliveries.into(),
            tag_sum: 0,
            codec: 0,
            keep: !self.auto_cleanup,
            id: id.as_str().into(),
            dead_letter: self
                .dead_letters(id)
                .ok()
                .flatten()
                .map_or_else(String::new, |(id, _)| id.as_str().into()),
            tag: String::new(),
        }
    }

    /// # Errors
    /// `InvalidDescriptor` for numbers that are too small, too large or contradict each other.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.named_dead_letters()?;
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
            ("lease_time".into(), Value::Float(self.lease_time.as_secs_f64())),
            ("max_deliveries".into(), Value::Int(self.max_deliveries.into())),
        ]);
        if let Some(bytes) = self.max_bytes {
            metadata.insert("max_bytes".into(), number(bytes));
        }
        if let Some(name) = &self.shm_name {
            metadata.insert("shm_name".into(), Value::Text(name.as_str().into()));
        }
        if let Some(queue) = &self.dead_letter {
            metadata.insert("dead_letter".into(), Value::Text(queue.as_str().into()));
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
            lease_time: params.seconds("lease_time").unwrap_or(USUAL_LEASE),
            max_deliveries: u32::try_from(params.int("max_deliveries").unwrap_or(0)).unwrap_or(u32::MAX),
            dead_letter: params.text("dead_letter").map(Into::into),
        };
        spec.check()?;
        Ok(spec)
    }

    fn caps() -> Caps {
        let mut caps = Caps::IN_PROCESS;
        caps.cross_process = true;
        caps.survives_process = true;
        caps.lease = true;
        caps
    }
}
