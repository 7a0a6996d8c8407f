//! The parameters of a queue, as its descriptor has them.

use std::time::Duration;

use descriptor_record::{DescriptorRecord, QueueId, Value, excerpt};
use queue_core::{Error, ErrorKind};

use crate::queue::about;
use crate::settings::Settings;

const CAPACITY: &str = "maxsize";
const MAX_BYTES: &str = "max_bytes";
const LEASE_TIME: &str = "lease_time";
const MAX_DELIVERIES: &str = "max_deliveries";
const DEAD_LETTER: &str = "dead_letter";
const DURABILITY: &str = "durability";
const DISK: &str = "disk";

/// What a queue was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// The most items, 0 for any number.
    pub(crate) capacity: u64,
    pub(crate) max_bytes: u64,
    /// None for as long as it takes.
    pub(crate) lease: Option<Duration>,
    /// 0 for no limit.
    pub(crate) max_deliveries: u32,
    pub(crate) dead_letter: Option<QueueId>,
    /// Whether it outlives the server.
    pub(crate) durable: bool,
}

/// What a descriptor says of a queue. Absent is what it leaves open.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    capacity: Option<u64>,
    max_bytes: Option<u64>,
    lease: Option<Duration>,
    max_deliveries: Option<u32>,
    pub(crate) dead_letter: Option<QueueId>,
    durable: Option<bool>,
}

impl Wanted {
    /// Reads the parameters that are a server's; the others are left alone.
    pub(crate) fn read(record: &DescriptorRecord) -> Result<Self, Error> {
        let durable = match record.metadata.get(DURABILITY) {
            None | Some(Value::Null) => None,
            Some(Value::Text(text)) if text == "volatile" || text == "process" => Some(false),
            Some(Value::Text(text)) if text == DISK => Some(true),
            Some(other) => {
                return Err(about(&record.queue_id, ErrorKind::Unsupported, "open")
                    .expected("`durability` of `volatile`, `process` or `disk`")
                    .found(excerpt(&other.to_string()))
                    .remedy("take one of these, or leave `durability` out"));
            }
        };
        let dead_letter = match record.metadata.get(DEAD_LETTER) {
            None | Some(Value::Null) => None,
            Some(Value::Text(id)) => Some(QueueId::new(id)?),
            Some(other) => return Err(invalid(record, DEAD_LETTER, "a queue id", other)),
        };
        if dead_letter.as_ref() == Some(&record.queue_id) {
            return Err(about(&record.queue_id, ErrorKind::InvalidDescriptor, "open")
                .expected("another queue as `dead_letter`")
                .found("the queue itself")
                .remedy("name another queue, or leave `dead_letter` out"));
        }
        Ok(Self {
            capacity: number(record, CAPACITY, u64::from(u32::MAX))?,
            max_bytes: number(record, MAX_BYTES, 1 << 50)?,
            lease: seconds(record, LEASE_TIME)?,
            max_deliveries: number(record, MAX_DELIVERIES, u64::from(u32::MAX))?.map(|number| number as u32),
            dead_letter,
            durable,
        })
    }

    /// Fails when it is to be durable and nobody would write it down.
    pub(crate) fn durable(&self, id: &QueueId, settings: &Settings) -> Result<(), Error> {
        if self.durable != Some(true) || settings.durable {
            return Ok(());
        }
        Err(about(id, ErrorKind::Unsupported, "open")
            .expected("a server that keeps queues on disk, as `durability=disk` says")
            .found("one that keeps them in memory")
            .remedy("start the server with --data-dir, or leave `durability` out"))
    }

    /// The terms of a queue that is made for it.
    pub(crate) fn terms(&self, settings: &Settings) -> Terms {
        let lease = self.lease.unwrap_or(settings.lease_time);
        Terms {
            capacity: self.capacity.unwrap_or(settings.queue_items),
            // Memory always has an end: none is the most that all queues together may have.
            max_bytes: match self.max_bytes.unwrap_or(settings.queue_bytes) {
                0 => settings.max_bytes,
                bytes => bytes,
            },
            lease: Some(lease).filter(|lease| !lease.is_zero()),
            max_deliveries: self.max_deliveries.unwrap_or(0),
            dead_letter: self.dead_letter.clone(),
            durable: self.durable.unwrap_or(false),
        }
    }

    /// Compares what it says with a queue that is there.
    pub(crate) fn agree(&self, id: &QueueId, found: &Terms) -> Result<(), Error> {
        let lease = self.lease.map(|lease| Some(lease).filter(|lease| !lease.is_zero()));
        let max_bytes = self.max_bytes.filter(|bytes| *bytes != 0);
        let dead_letter = self.dead_letter.as_ref().map(Some);
        let kept = |durable: bool| if durable { DISK } else { "process" };
        compare(id, DURABILITY, self.durable.map(kept), kept(found.durable))?;
        compare(id, CAPACITY, self.capacity, found.capacity)?;
        compare(id, MAX_BYTES, max_bytes, found.max_bytes)?;
        compare(id, LEASE_TIME, lease.map(shown), shown(found.lease))?;
        compare(id, MAX_DELIVERIES, self.max_deliveries, found.max_deliveries)?;
        let named = |id: Option<&QueueId>| id.map_or("none", QueueId::as_str).to_owned();
        compare(
            id,
            DEAD_LETTER,
            dead_letter.map(named),
            named(found.dead_letter.as_ref()),
        )
    }
}

impl Terms {
    /// The descriptor of a queue of these terms.
    pub(crate) fn record(&self, of: &DescriptorRecord, epoch: u64) -> DescriptorRecord {
        let int = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        let mut record = DescriptorRecord {
            metadata: Default::default(),
            epoch: Some(epoch),
            ..of.clone()
        };
        record.metadata.insert(CAPACITY.to_owned(), int(self.capacity));
        record.metadata.insert(MAX_BYTES.to_owned(), int(self.max_bytes));
        let lease = self.lease.map_or(0.0, |lease| lease.as_secs_f64());
        record.metadata.insert(LEASE_TIME.to_owned(), Value::Float(lease));
        let deliveries = int(self.max_deliveries.into());
        record.metadata.insert(MAX_DELIVERIES.to_owned(), deliveries);
        if let Some(id) = &self.dead_letter {
            let id = Value::Text(id.as_str().to_owned());
            record.metadata.insert(DEAD_LETTER.to_owned(), id);
        }
        if self.durable {
            let disk = Value::Text(DISK.to_owned());
            record.metadata.insert(DURABILITY.to_owned(), disk);
        }
        record
    }

    /// Those of the queue for dead letters, when nobody has made it.
    pub(crate) fn of_dead_letters(&self) -> Self {
        Self {
            max_deliveries: 0,
            dead_letter: None,
            ..self.clone()
        }
    }
}

fn shown(lease: Option<Duration>) -> String {
    lease.map_or_else(|| "0".to_owned(), |lease| format!("{}", lease.as_secs_f64()))
}

fn compare<T: PartialEq + std::fmt::Display>(
    id: &QueueId,
    name: &str,
    wanted: Option<T>,
    found: T,
) -> Result<(), Error> {
    match wanted.filter(|wanted| *wanted != found) {
        None => Ok(()),
        Some(wanted) => Err(about(id, ErrorKind::Incompatible, "open")
            .expected(format!("`{name}` of {wanted}, as the descriptor says"))
            .found(format!("{found}, as the queue was made"))
            .remedy(format!(
                "leave `{name}` out to take the queue as it is, or delete the queue first"
            ))),
    }
}

fn number(record: &DescriptorRecord, name: &str, most: u64) -> Result<Option<u64>, Error> {
    match record.metadata.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Int(number)) if (0..=most as i64).contains(number) => Ok(Some(*number as u64)),
        Some(other) => Err(invalid(
            record,
            name,
            &format!("a whole number from 0 to {most}"),
            other,
        )),
    }
}

fn seconds(record: &DescriptorRecord, name: &str) -> Result<Option<Duration>, Error> {
    let seconds = match record.metadata.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Int(seconds)) => *seconds as f64,
        Some(Value::Float(seconds)) => *seconds,
        Some(other) => return Err(invalid(record, name, "seconds, from 0 on", other)),
    };
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| {
        let found = Value::Float(seconds);
        invalid(record, name, "seconds, from 0 on", &found)
    })
}

fn invalid(record: &DescriptorRecord, name: &str, expected: &str, found: &Value) -> Error {
    about(&record.queue_id, ErrorKind::InvalidDescriptor, "open")
        .expected(format!("{expected} as `{name}`"))
        .found(excerpt(&found.to_string()))
        .remedy("correct the descriptor")
}
