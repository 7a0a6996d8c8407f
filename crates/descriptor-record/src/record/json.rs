//! The JSON form, and serde for everything that contains records.

use std::fmt;

use queue_core::{Error, ErrorKind, Result};
use serde::de::{self, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::error::Category;

use super::rules::{invalid, with_article};
use super::tree::Tree;
use crate::{DescriptorRecord, Metadata, QueueId, Scope, Value, excerpt, nearest};

const READ: &str = "read JSON record";
const KEYS: [&str; 7] = [
    "queue_id",
    "queue_type",
    "metadata",
    "created_timestamp",
    "version",
    "scope",
    "epoch",
];

impl DescriptorRecord {
    /// The record as one line of JSON. Parameters are plain values; `scope` and `epoch` appear where they are set.
    #[must_use]
    #[doc(alias = "to_dict")]
    pub fn to_json(&self) -> String {
        // Writing text keys and plain values into a String has no way to fail; readers would refuse an empty text.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads [`to_json`](Self::to_json), hand-written JSON, and what the Python original wrote: `class_name` and
    /// `can_serialize` are accepted and ignored, everything but `queue_id` and `queue_type` may be absent.
    ///
    /// # Errors
    /// `TooLarge` over 64 KiB, else `InvalidDescriptor` or `Incompatible`: no JSON, nesting over 16, unknown,
    /// missing or repeated keys, wrong types, and all that [`check`](Self::check) finds.
    #[doc(alias = "from_dict")]
    #[doc(alias = "resolve_descriptor")]
    pub fn from_json(json: &str) -> Result<Self> {
        if json.len() > Self::MAX_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, READ)
                .expected(format!("at most {} bytes", Self::MAX_BYTES))
                .found(format!("{} bytes", json.len()))
                .remedy("put large values into a file and name the file"));
        }
        let tree: Tree = serde_json::from_str(json).map_err(|error| not_json(&error))?;
        from_tree(tree)
    }
}

fn not_json(error: &serde_json::Error) -> Error {
    if error.classify() == Category::Data {
        // The tree's own refusals: nesting and whole numbers out of range.
        return invalid(READ)
            .expected("plain values nested at most 16 deep")
            .found(error.to_string())
            .remedy("use plain values or short lists");
    }
    invalid(READ)
        .expected("one JSON object")
        .found(error.to_string())
        .remedy("write a record such as {\"queue_id\": \"jobs\", \"queue_type\": \"local\"}")
}

fn from_tree(tree: Tree) -> Result<DescriptorRecord> {
    let Tree::Map(entries) = tree else {
        return Err(invalid(READ)
            .expected("a JSON object")
            .found(with_article(tree.type_name()))
            .remedy("write a record such as {\"queue_id\": \"jobs\", \"queue_type\": \"local\"}"));
    };
    if let Some(key) = repeated(&entries) {
        return Err(invalid(READ)
            .expected("every key once")
            .found(format!("{} twice", excerpt(key)))
            .remedy("keep one of them"));
    }
    let mut id = None;
    let mut queue_type = None;
    let mut rest = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match key.as_str() {
            "queue_id" => id = Some(QueueId::new(text(&key, value)?)?),
            "queue_type" => queue_type = Some(text(&key, value)?),
            _ => rest.push((key, value)),
        }
    }
    let id = id.ok_or_else(|| missing("queue_id", "\"queue_id\": \"jobs\""))?;
    let queue_type = queue_type.ok_or_else(|| missing("queue_type", "\"queue_type\": \"local\"").queue(id.as_str()))?;
    let mut record = DescriptorRecord::undated(id, queue_type);
    for (key, value) in rest {
        set(&mut record, &key, value).map_err(|error| error.queue(record.queue_id.as_str()))?;
    }
    record.check()?;
    Ok(record)
}

fn set(record: &mut DescriptorRecord, key: &str, value: Tree) -> Result<()> {
    match key {
        "metadata" => record.metadata = metadata(value)?,
        "created_timestamp" => record.created_timestamp = seconds(value)?,
        "version" => record.version = whole(key, value)?,
        "scope" => record.scope = scope(value)?,
        "epoch" => {
            record.epoch = match value {
                Tree::Null => None,
                value => Some(whole(key, value)?),
            }
        }
        // Written by the Python original; both follow from the queue type here.
        "class_name" => drop(text(key, value)?),
        "can_serialize" if matches!(value, Tree::Bool(_)) => {}
        "can_serialize" => return Err(wrong_type(key, "true or false", &value)),
        _ => return Err(unknown_key(key)),
    }
    Ok(())
}

fn repeated<V>(entries: &[(String, V)]) -> Option<&str> {
    let mut keys: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2)
        .find(|pair| pair.first() == pair.last())
        .and_then(|pair| pair.first().copied())
}

fn missing(key: &str, example: &str) -> Error {
    invalid(READ)
        .expected(format!("the key `{key}`"))
        .found("none")
        .remedy(format!("add {example}"))
}

fn unknown_key(key: &str) -> Error {
    let error = invalid(READ)
        .expected(format!("only the keys {}", KEYS.join(", ")))
        .found(excerpt(key));
    match nearest(key, KEYS) {
        Some(known) => error.remedy(format!("did you mean `{known}`?")),
        None => error.remedy("parameters of the queue belong into `metadata`"),
    }
}

fn wrong_type(key: &str, expected: &str, found: &Tree) -> Error {
    invalid(READ)
        .expected(format!("`{key}` to be {expected}"))
        .found(with_article(found.type_name()))
        .remedy(format!("correct the value of `{key}`"))
}

fn text(key: &str, value: Tree) -> Result<String> {
    match value {
        Tree::Text(text) => Ok(text),
        other => Err(wrong_type(key, "text", &other)),
    }
}

fn seconds(value: Tree) -> Result<f64> {
    match value {
        Tree::Float(seconds) => Ok(seconds),
        Tree::Int(seconds) => Ok(seconds as f64),
        other => Err(wrong_type("created_timestamp", "a number of seconds", &other)),
    }
}

fn whole<N: TryFrom<i128>>(key: &str, value: Tree) -> Result<N> {
    let number = match value {
        Tree::Int(number) => i128::from(number),
        Tree::Big(number) => i128::from(number),
        other => return Err(wrong_type(key, "a whole number", &other)),
    };
    N::try_from(number).map_err(|_| {
        invalid(READ)
            .expected(format!("`{key}` of 0 to {} bits", 8 * size_of::<N>()))
            .found(number.to_string())
            .remedy(format!("correct the value of `{key}`"))
    })
}

fn scope(value: Tree) -> Result<Scope> {
    match value {
        Tree::Null => Ok(Scope::Unscoped),
        Tree::Text(text) => Scope::parse(&text).ok_or_else(|| {
            invalid(READ)
                .expected(format!("scope to be {}", Scope::FORM))
                .found(excerpt(&text))
                .remedy("leave `scope` out to bind to the process that first opens the queue")
        }),
        other => Err(wrong_type("scope", "text", &other)),
    }
}

fn metadata(value: Tree) -> Result<Metadata> {
    let Tree::Map(entries) = value else {
        return Err(wrong_type("metadata", "an object", &value));
    };
    if let Some(key) = repeated(&entries) {
        return Err(invalid(READ)
            .expected("every parameter once")
            .found(format!("{} twice", excerpt(key)))
            .remedy("keep one of them"));
    }
    entries
        .into_iter()
        .map(|(key, tree)| plain(&key, tree).map(|value| (key, value)))
        .collect()
}

fn plain(key: &str, tree: Tree) -> Result<Value> {
    Ok(match tree {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(value),
        Tree::Int(value) => Value::Int(value),
        Tree::Float(value) => Value::Float(value),
        Tree::Text(value) => Value::Text(value),
        Tree::List(values) => Value::List(values.into_iter().map(|v| plain(key, v)).collect::<Result<_>>()?),
        Tree::Big(number) => {
            return Err(invalid(READ)
                .expected(format!("whole numbers up to {} in {}", i64::MAX, excerpt(key)))
                .found(number.to_string())
                .remedy("write it as text"));
        }
        Tree::Map(_) => {
            return Err(invalid(READ)
                .expected(format!("null, bool, number, text or list in {}", excerpt(key)))
                .found("an object")
                .remedy("flatten it into several parameters"));
        }
    })
}

impl Serialize for DescriptorRecord {
    /// The JSON form for text formats, the binary form as bytes for others.
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.to_bytes());
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("queue_id", self.queue_id.as_str())?;
        map.serialize_entry("queue_type", &self.queue_type)?;
        map.serialize_entry("metadata", &Parameters(&self.metadata))?;
        map.serialize_entry("created_timestamp", &self.created_timestamp)?;
        map.serialize_entry("version", &self.version)?;
        if self.scope != Scope::Unscoped {
            map.serialize_entry("scope", &self.scope.to_string())?;
        }
        if let Some(epoch) = self.epoch {
            map.serialize_entry("epoch", &epoch)?;
        }
        map.end()
    }
}

struct Parameters<'a>(&'a Metadata);

impl Serialize for Parameters<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, Plain(value))))
    }
}

struct Plain<'a>(&'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i64(*value),
            // JSON has no such numbers and would get null; an object is refused by every reader.
            Value::Float(value) if !value.is_finite() => serializer.collect_map([("not_finite", value.to_string())]),
            Value::Float(value) => serializer.serialize_f64(*value),
            Value::Text(value) => serializer.serialize_str(value),
            Value::List(values) => {
                let mut seq = serializer.serialize_seq(Some(values.len()))?;
                for value in values {
                    seq.serialize_element(&Plain(value))?;
                }
                seq.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for DescriptorRecord {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            from_tree(Tree::deserialize(deserializer)?).map_err(de::Error::custom)
        } else {
            deserializer.deserialize_bytes(BinaryForm)
        }
    }
}

struct BinaryForm;

impl<'de> Visitor<'de> for BinaryForm {
    type Value = DescriptorRecord;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the binary form of a descriptor record")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> std::result::Result<DescriptorRecord, E> {
        DescriptorRecord::from_bytes(bytes).map_err(E::custom)
    }
}
