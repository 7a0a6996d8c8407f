//! The published vectors, against the crate and against a second encoder written from the document alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use router::{Key, KeyGroups};
use serde::Deserialize;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

#[derive(Deserialize)]
struct Vector {
    value: Value,
    encoding: String,
    hash: String,
    group_128: u32,
    group_256: u32,
    instances: Vec<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Value {
    Null(bool),
    Bool(bool),
    Int(String),
    Text(String),
    Bytes(String),
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null(_) => serializer.serialize_none(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            // The narrowest type that holds it, to see that the width does not matter.
            Self::Int(text) => match (
                text.parse::<u8>(),
                text.parse::<i32>(),
                text.parse::<u64>(),
                text.parse::<i128>(),
            ) {
                (Ok(value), ..) => serializer.serialize_u8(value),
                (_, Ok(value), ..) => serializer.serialize_i32(value),
                (_, _, Ok(value), _) => serializer.serialize_u64(value),
                (.., Ok(value)) => serializer.serialize_i128(value),
                _ => serializer.serialize_u128(text.parse().unwrap()),
            },
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(hex) => serializer.serialize_bytes(&unhex(hex)),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(None)?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(None)?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn counted(tag: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    let mut rest = bytes.len();
    loop {
        let low = (rest % 128) as u8;
        rest /= 128;
        if rest == 0 {
            out.push(low);
            break;
        }
        out.push(low + 128);
    }
    out.extend(bytes);
    out
}

/// Section 1 of the document, by hand.
fn encode(value: &Value) -> Vec<u8> {
    match value {
        Value::Null(present) => {
            assert!(present);
            vec![0]
        }
        Value::Bool(false) => vec![1],
        Value::Bool(true) => vec![2],
        Value::Int(text) => {
            if let Ok(value) = text.parse::<i64>() {
                [&[3][..], &value.to_le_bytes()].concat()
            } else if let Ok(value) = text.parse::<i128>() {
                [&[4][..], &value.to_le_bytes()].concat()
            } else {
                [&[5][..], &text.parse::<u128>().unwrap().to_le_bytes()].concat()
            }
        }
        Value::Text(text) => counted(6, text.as_bytes()),
        Value::Bytes(hex) => counted(7, &unhex(hex)),
        Value::List(items) => [vec![8], items.iter().flat_map(encode).collect(), vec![15]].concat(),
        Value::Map(entries) => {
            let mut sides: Vec<_> = entries
                .iter()
                .map(|(key, value)| [encode(key), encode(value)])
                .collect();
            sides.sort();
            [vec![9], sides.concat().concat(), vec![15]].concat()
        }
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../docs/key-hash-vectors.json")).unwrap()
}

#[test]
fn the_published_vectors_hold() {
    let vectors = vectors();
    assert!(vectors.len() >= 60);
    for vector in vectors {
        let what = format!("{:?}", vector.value);
        assert_eq!(hex(&encode(&vector.value)), vector.encoding, "{what}: encoding by hand");
        let key = Key::of(&vector.value).unwrap();
        assert_eq!(hex(key.encoded()), vector.encoding, "{what}: encoding");
        assert_eq!(format!("{:016x}", key.hash()), vector.hash, "{what}: hash");
        assert_eq!(KeyGroups::new(128).unwrap().group_of(&key), vector.group_128, "{what}");
        assert_eq!(KeyGroups::new(256).unwrap().group_of(&key), vector.group_256, "{what}");
        let instances: Vec<_> = (1..=8)
            .map(|p| KeyGroups::new(128).unwrap().instance_of(&key, p))
            .collect();
        assert_eq!(instances, vector.instances, "{what}");
        assert_eq!(
            Key::from_encoded(&unhex(&vector.encoding)).unwrap(),
            key,
            "{what}: read back"
        );
    }
}

#[test]
fn different_values_have_different_keys() {
    let keys: std::collections::HashSet<_> = vectors().iter().map(|it| Key::of(&it.value).unwrap()).collect();
    assert_eq!(keys.len(), vectors().len());
}

#[test]
fn the_fast_ways_give_the_vectors_too() {
    for vector in vectors() {
        let fast = match &vector.value {
            Value::Null(_) => Key::from(()),
            Value::Bool(value) => Key::from(*value),
            Value::Int(text) => text
                .parse::<i128>()
                .map_or_else(|_| Key::from(text.parse::<u128>().unwrap()), Key::from),
            Value::Text(text) => Key::from(text.as_str()),
            Value::Bytes(hex) => Key::bytes(&unhex(hex)),
            Value::List(_) | Value::Map(_) => continue,
        };
        assert_eq!(hex(fast.encoded()), vector.encoding);
        assert_eq!(format!("{:016x}", fast.hash()), vector.hash);
    }
}
