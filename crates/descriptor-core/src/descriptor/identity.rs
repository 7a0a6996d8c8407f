//! What a descriptor says about itself, and the copies made of it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Descriptor;
use crate::{DescriptorRecord, Error, ErrorKind, QueueId, Spec, Value};

impl<S: Spec> Descriptor<S> {
    /// The queue's name.
    pub const fn queue_id(&self) -> &QueueId {
        &self.id
    }

    /// The canonical queue type.
    pub const fn queue_type(&self) -> &'static str {
        S::KIND
    }

    /// The typed parameters.
    pub const fn spec(&self) -> &S {
        &self.spec
    }

    /// When the descriptor was made, in seconds since 1970-01-01 UTC.
    pub const fn created_timestamp(&self) -> f64 {
        self.created
    }

    /// True when this descriptor holds the live queue.
    pub fn is_initialized(&self) -> bool {
        self.handle().is_some()
    }

    /// False once a queue of this process is live in this descriptor.
    pub fn can_serialize(&self) -> bool {
        !(S::is_process_bound() && self.is_initialized())
    }

    /// The descriptor as a plain value. It works at any time; what a live queue forbids is sending it off.
    #[doc(alias = "to_dict")]
    pub fn to_record(&self) -> DescriptorRecord {
        DescriptorRecord {
            queue_id: self.id.clone(),
            queue_type: S::KIND.into(),
            metadata: self.metadata(),
            created_timestamp: self.created,
            version: DescriptorRecord::VERSION,
            scope: self.scope(),
            epoch: self.epoch,
        }
    }

    /// A copy with every parameter and no live queue, which can be written down.
    #[must_use]
    #[doc(alias = "to_serializable_descriptor")]
    pub fn to_serializable(&self) -> Self {
        let mut copy = self.clone();
        copy.handle = Mutex::new(None);
        copy
    }

    /// Another queue with the same parameters: with this id, or with a fresh one. Nothing is shared with this queue.
    ///
    /// # Errors
    /// `InvalidDescriptor` when the spec does not pass its own table, which cannot be for one that was made by [`new`](Self::new).
    pub fn clone_as(&self, id: Option<QueueId>) -> Result<Self, Error> {
        let id = id.unwrap_or_else(|| QueueId::generated(S::KIND));
        Self::fresh(id, self.spec.clone())
    }

    /// The record, where it may be written down.
    fn portable(&self, operation: &'static str) -> Result<DescriptorRecord, Error> {
        if self.can_serialize() {
            return Ok(self.to_record());
        }
        Err(Error::new(ErrorKind::NotSerializable, operation)
            .queue(self.id.as_str())
            .backend(S::KIND)
            .expected("a descriptor without a live queue of this process")
            .found("a live queue")
            .remedy("write down the copy that to_serializable() gives"))
    }

    /// The descriptor as JSON.
    ///
    /// # Errors
    /// `NotSerializable` while a queue of this process is live in it.
    pub fn to_json(&self) -> Result<String, Error> {
        Ok(self.portable("to_json")?.to_json())
    }

    /// The descriptor in its binary form.
    ///
    /// # Errors
    /// `NotSerializable` while a queue of this process is live in it.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        Ok(self.portable("to_bytes")?.to_bytes())
    }

    /// The descriptor as one line, such as `shm://jobs?maxsize=1024`.
    ///
    /// # Errors
    /// `NotSerializable` while a queue of this process is live in it.
    pub fn to_uri(&self) -> Result<String, Error> {
        Ok(self.portable("to_uri")?.to_uri())
    }

    /// Reads what [`to_json`](Self::to_json) and the Python original write.
    ///
    /// # Errors
    /// As [`DescriptorRecord::from_json`] and [`from_record`](Self::from_record).
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Self::from_record(&DescriptorRecord::from_json(json)?)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) writes.
    ///
    /// # Errors
    /// As [`DescriptorRecord::from_bytes`] and [`from_record`](Self::from_record).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::from_record(&DescriptorRecord::from_bytes(bytes)?)
    }

    /// Reads what [`to_uri`](Self::to_uri) writes.
    ///
    /// # Errors
    /// As [`DescriptorRecord::from_uri`] and [`from_record`](Self::from_record).
    pub fn from_uri(uri: &str) -> Result<Self, Error> {
        Self::from_record(&DescriptorRecord::from_uri(uri)?)
    }
}

impl<S: Spec> Serialize for Descriptor<S> {
    /// Writes the record, so that a descriptor can be a part of any message.
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        self.portable("serialize")
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de, S: Spec> Deserialize<'de> for Descriptor<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_record(&DescriptorRecord::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<S: Spec> Clone for Descriptor<S> {
    /// The same queue under another handle: live when this one is, found by name when it is not.
    fn clone(&self) -> Self {
        Self {
            id: self.id.clone(),
            spec: self.spec.clone(),
            created: self.created,
            scope: self.scope.clone(),
            epoch: self.epoch,
            bound: Arc::clone(&self.bound),
            clones: Arc::clone(&self.clones),
            handle: Mutex::new(self.handle().clone()),
        }
    }
}

impl<S: Spec> PartialEq for Descriptor<S> {
    /// Equal id and parameters; being live or not makes no difference.
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id && self.metadata() == other.metadata()
    }
}

// Parameters are never NaN.
impl<S: Spec> Eq for Descriptor<S> {}

impl<S: Spec> Hash for Descriptor<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
        S::KIND.hash(state);
        for (key, value) in self.metadata() {
            key.hash(state);
            hash_value(&value, state);
        }
    }
}

fn hash_value(value: &Value, state: &mut impl Hasher) {
    std::mem::discriminant(value).hash(state);
    match value {
        Value::Null => {}
        Value::Bool(value) => value.hash(state),
        Value::Int(value) => value.hash(state),
        // Adding zero makes -0.0 and 0.0, which are equal, the same bits.
        Value::Float(value) => (value + 0.0).to_bits().hash(state),
        Value::Text(value) => value.hash(state),
        Value::List(values) => {
            values.len().hash(state);
            values.iter().for_each(|value| hash_value(value, state));
        }
    }
}

impl<S: Spec> fmt::Display for Descriptor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Queue[{}]({})", S::KIND, self.id)
    }
}

impl<S: Spec> fmt::Debug for Descriptor<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = if self.is_initialized() { "initialized" } else { "lazy" };
        let travels = if self.can_serialize() {
            "serializable"
        } else {
            "non-serializable"
        };
        write!(
            f,
            "Descriptor(id={:?}, type={:?}, {live}, {travels})",
            self.id.as_str(),
            S::KIND
        )
    }
}
