//! A pool as JSON with a checksum.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::DescriptorPool;
use crate::{DescriptorRecord, Error, ErrorKind, QueueId, Result};

const READ: &str = "read pool";

/// The document; the checksum is 16 hex digits.
#[derive(Serialize)]
struct Document<'a> {
    name: &'a str,
    version: u64,
    checksum: String,
    queues: &'a BTreeMap<QueueId, DescriptorRecord>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with name, version, checksum and queues")]
struct ReadDocument {
    name: String,
    version: u64,
    checksum: String,
    queues: Queues,
}

struct Queues(BTreeMap<QueueId, DescriptorRecord>);

impl DescriptorPool {
    /// The pool as JSON: `name`, `version`, `checksum` and `queues`, an object of records by id.
    #[must_use]
    #[doc(alias = "serialize_pool")]
    pub fn to_json(&self) -> String {
        // Text keys, numbers and checked records into a String: nothing that can fail.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Reads [`to_json`](Self::to_json).
    ///
    /// # Errors
    /// `TooLarge` over [`MAX_BYTES`](Self::MAX_BYTES), `Corrupt` when the checksum does not match, else
    /// `InvalidDescriptor` naming the first fault and its place.
    #[doc(alias = "deserialize_pool")]
    pub fn from_json(json: &str) -> Result<Self> {
        if json.len() > Self::MAX_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, READ)
                .expected(format!("at most {} bytes", Self::MAX_BYTES))
                .found(format!("{} bytes", json.len()))
                .remedy("split the job into several"));
        }
        let document: ReadDocument = serde_json::from_str(json).map_err(|error| {
            Error::new(ErrorKind::InvalidDescriptor, READ)
                .expected("a pool with name, version, checksum and queues")
                .found(error.to_string())
                .remedy("write the pool again with to_json")
        })?;
        document.verify()
    }
}

impl ReadDocument {
    fn verify(self) -> Result<DescriptorPool> {
        let mut pool = DescriptorPool::new(self.name, self.version)?;
        pool.queues = self.queues.0;
        let checksum = format!("{:016x}", pool.checksum());
        if checksum != self.checksum {
            return Err(Error::new(ErrorKind::Corrupt, READ)
                .expected(format!("checksum {checksum}"))
                .found(crate::excerpt(&self.checksum))
                .remedy("write the pool again with to_json instead of editing it"));
        }
        Ok(pool)
    }
}

impl Serialize for DescriptorPool {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let document = Document {
            name: &self.name,
            version: self.version,
            checksum: format!("{:016x}", self.checksum()),
            queues: &self.queues,
        };
        document.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DescriptorPool {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        ReadDocument::deserialize(deserializer)?
            .verify()
            .map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Queues {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_map(ById)
    }
}

struct ById;

impl<'de> Visitor<'de> for ById {
    type Value = Queues;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of records by queue id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Queues, A::Error> {
        let mut queues = BTreeMap::new();
        while let Some(id) = map.next_key::<QueueId>()? {
            if queues.contains_key(&id) {
                return Err(de::Error::custom(format_args!("queue `{id}` twice")));
            }
            let record: DescriptorRecord = map.next_value()?;
            if record.queue_id != id {
                let found = record.queue_id;
                return Err(de::Error::custom(format_args!(
                    "the record of `{found}` under the id `{id}`"
                )));
            }
            queues.insert(id, record);
        }
        Ok(Queues(queues))
    }
}
