//! Codecs: limits both ways, reused buffers, and frames made to do harm.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use descriptor_record::Codec;
use proptest::prelude::*;
use queue_core::ErrorKind;
use serde::{Deserialize, Serialize, Serializer};

const LIMIT: usize = Codec::DEFAULT_LIMIT;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Unit,
    New(u32),
    Pair(i8, String),
    Named { bytes: Vec<u8>, maybe: Option<char> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    shape: Vec<Shape>,
    numbers: (u8, u16, u32, u64, i64, u128),
    float: f32,
    double: f64,
    map: BTreeMap<String, Option<Vec<i16>>>,
    unit: (),
}

fn everything() -> impl Strategy<Value = Everything> {
    let shape = prop_oneof![
        Just(Shape::Unit),
        any::<u32>().prop_map(Shape::New),
        any::<(i8, String)>().prop_map(|(n, s)| Shape::Pair(n, s)),
        any::<(Vec<u8>, Option<char>)>().prop_map(|(bytes, maybe)| Shape::Named { bytes, maybe }),
    ];
    (
        prop::collection::vec(shape, 0..5),
        any::<(u8, u16, u32, u64, i64, u128)>(),
        -1e6_f32..1e6,
        -1e9_f64..1e9,
        any::<BTreeMap<String, Option<Vec<i16>>>>(),
    )
        .prop_map(|(shape, numbers, float, double, map)| Everything {
            shape,
            numbers,
            float,
            double,
            map,
            unit: (),
        })
}

/// A type that contains itself, so a frame decides how deep it is.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Self>>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Node(Box<Self>),
    Many(Vec<Self>),
}

struct Panics;

impl Serialize for Panics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeTuple;
        let mut tuple = serializer.serialize_tuple(2)?;
        tuple.serialize_element("written before the panic")?;
        panic!("by design");
    }
}

proptest! {
    #[test]
    fn items_come_back_and_follow_what_is_in_the_buffer(item in everything(), before in any::<Vec<u8>>()) {
        for codec in Codec::ALL {
            let mut buffer = before.clone();
            codec.encode(&item, LIMIT, &mut buffer).unwrap();
            prop_assert_eq!(&buffer[..before.len()], &before[..]);
            prop_assert_eq!(codec.decode::<Everything>(&buffer[before.len()..], LIMIT).unwrap(), item.clone());
        }
    }

    #[test]
    fn changed_frames_are_an_item_or_corrupt(item in everything(), at in any::<prop::sample::Index>(), with in any::<u8>()) {
        for codec in Codec::ALL {
            let mut frame = Vec::new();
            codec.encode(&item, LIMIT, &mut frame).unwrap();
            let at = at.index(frame.len());
            prop_assert_eq!(codec.decode::<Everything>(&frame[..at], LIMIT).unwrap_err().kind(), ErrorKind::Corrupt);
            // Only behind an unchanged frame: a changed length may well take in what follows.
            let mut longer = frame.clone();
            longer.extend([0, 0]);
            prop_assert_eq!(codec.decode::<Everything>(&longer, LIMIT).unwrap_err().kind(), ErrorKind::Corrupt);
            frame[at] = with;
            if let Err(error) = codec.decode::<Everything>(&frame, LIMIT) {
                prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
            }
        }
    }

    #[test]
    fn garbage_never_panics(frame in prop::collection::vec(any::<u8>(), 0..200)) {
        for codec in Codec::ALL {
            for error in [
                codec.decode::<Everything>(&frame, LIMIT).err(),
                codec.decode::<Tree>(&frame, LIMIT).err(),
                codec.decode::<Vec<String>>(&frame, LIMIT).err(),
                codec.decode::<bytes_like::Bytes>(&frame, LIMIT).err(),
            ].into_iter().flatten() {
                prop_assert_eq!(error.kind(), ErrorKind::Corrupt);
            }
        }
    }
}

/// A type that asks for an owned byte buffer, as `bytes::Bytes` does.
mod bytes_like {
    use serde::de::{Deserialize, Deserializer, Error, Visitor};

    #[derive(Debug, PartialEq)]
    pub(crate) struct Bytes(pub(crate) Vec<u8>);

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Buffer;
            impl Visitor<'_> for Buffer {
                type Value = Bytes;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }
                fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                    Ok(Bytes(bytes.to_vec()))
                }
            }
            deserializer.deserialize_byte_buf(Buffer)
        }
    }
}

#[test]
fn lengths_that_the_frame_does_not_have_cost_nothing() {
    for claimed in [1_u64 << 31, 1 << 40, 1 << 60, u64::MAX] {
        for codec in [Codec::Bincode, Codec::Postcard, Codec::Fixed] {
            // A length alone is encoded like any number by all of them.
            let mut frame = Vec::new();
            codec.encode(&claimed, LIMIT, &mut frame).unwrap();
            frame.extend([1; 20]);
            let outcomes = [
                codec.decode::<String>(&frame, LIMIT).err(),
                codec.decode::<Vec<u8>>(&frame, LIMIT).err(),
                codec.decode::<Vec<u64>>(&frame, LIMIT).err(),
                codec.decode::<Vec<[u64; 32]>>(&frame, LIMIT).err(),
                codec.decode::<BTreeMap<u8, u8>>(&frame, LIMIT).err(),
                codec.decode::<bytes_like::Bytes>(&frame, LIMIT).err(),
                // These take no bytes at all, so only counting them ends it.
                codec.decode::<Vec<()>>(&frame, LIMIT).err(),
                codec.decode::<BTreeMap<(), ()>>(&frame, LIMIT).err(),
            ];
            for error in outcomes {
                assert_eq!(error.unwrap().kind(), ErrorKind::Corrupt);
            }
        }
    }
    let units = vec![(); 1 << 20];
    for codec in Codec::ALL {
        let mut frame = Vec::new();
        codec.encode(&units, LIMIT, &mut frame).unwrap();
        assert_eq!(codec.decode::<Vec<()>>(&frame, LIMIT).unwrap().len(), units.len());
    }
}

#[test]
fn h06_nesting_bombs_are_corrupt() {
    for len in [200, 100_000, LIMIT] {
        // `1` is Some, Node and, in bincode and postcard, a length of one.
        for codec in [Codec::Bincode, Codec::Postcard, Codec::Fixed] {
            for byte in [1_u8, 2] {
                let error = codec.decode::<Tree>(&vec![byte; len], LIMIT).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt);
            }
            let error = codec.decode::<Chain>(&vec![1; len], LIMIT).unwrap_err();
            assert!(error.to_string().contains("deep"), "{error}");
        }
        let nodes = 1_u32.to_le_bytes().repeat(len / 4);
        let error = Codec::Fixed.decode::<Tree>(&nodes, LIMIT).unwrap_err();
        assert!(error.to_string().contains("deep"), "{error}");
        assert!(Codec::Json.decode::<Tree>("[".repeat(len).as_bytes(), LIMIT).is_err());
        let nodes = "{\"Node\":".repeat(len / 8);
        assert!(Codec::Json.decode::<Tree>(nodes.as_bytes(), LIMIT).is_err());
    }
    let short = (0..30).fold(Tree::Leaf, |inner, _| {
        Tree::Many(vec![Tree::Node(Box::new(inner)), Tree::Leaf])
    });
    for codec in Codec::ALL {
        let mut frame = Vec::new();
        codec.encode(&short, LIMIT, &mut frame).unwrap();
        assert_eq!(codec.decode::<Tree>(&frame, LIMIT).unwrap(), short);
    }
}

#[test]
fn limits_hold_both_ways_and_name_both_sizes() {
    for codec in Codec::ALL {
        let item = "x".repeat(1000);
        let mut exact = Vec::new();
        codec.encode(&item, LIMIT, &mut exact).unwrap();
        let size = exact.len();

        let mut buffer = vec![7; 3];
        codec.encode(&item, size, &mut buffer).unwrap();
        assert_eq!(buffer.len(), 3 + size);
        assert_eq!(codec.decode::<String>(&exact, size).unwrap(), item);

        let mut buffer = vec![7; 3];
        let refusals = [
            codec.encode(&item, size - 1, &mut buffer).unwrap_err(),
            codec.decode::<String>(&exact, size - 1).unwrap_err(),
        ];
        assert_eq!(buffer, [7; 3]);
        for error in refusals {
            assert_eq!(error.kind(), ErrorKind::TooLarge);
            let message = error.to_string();
            assert!(
                message.contains(&size.to_string()) && message.contains(&(size - 1).to_string()),
                "{message}"
            );
            assert!(message.contains(codec.name()), "{message}");
        }
        codec.encode(&(), 10, &mut buffer).unwrap();
    }
}

#[test]
fn items_of_any_size_and_items_within_items_come_back() {
    /// Encodes items while it is encoded.
    struct Nested(usize);
    impl Serialize for Nested {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeTuple;
            let mut tuple = serializer.serialize_tuple(2)?;
            tuple.serialize_element(&vec![7_u8; self.0])?;
            let mut frame = Vec::new();
            Codec::Fixed
                .encode(&self.0, LIMIT, &mut frame)
                .map_err(serde::ser::Error::custom)?;
            tuple.serialize_element(&frame)?;
            tuple.end()
        }
    }
    for codec in Codec::ALL {
        for size in [0, 1, 4_000, 5_000, 100, 70_000, 2_000_000, 3] {
            let mut frame = b"kept".to_vec();
            codec.encode(&Nested(size), 4 * LIMIT, &mut frame).unwrap();
            let (bytes, inside) = codec.decode::<(Vec<u8>, Vec<u8>)>(&frame[4..], 4 * LIMIT).unwrap();
            assert!(bytes == vec![7; size], "{codec} {size}");
            assert_eq!(Codec::Fixed.decode::<usize>(&inside, LIMIT).unwrap(), size);
        }
    }
}

#[test]
fn what_follows_the_item_is_corrupt() {
    for codec in Codec::ALL {
        let mut frame = Vec::new();
        codec.encode(&5_u8, LIMIT, &mut frame).unwrap();
        frame.push(b'1');
        frame.push(b' ');
        frame.push(b'1');
        let error = codec.decode::<u8>(&frame, LIMIT).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    }
    let error = Codec::Postcard.decode::<u8>(&[1, 2, 3], LIMIT).unwrap_err();
    assert!(error.to_string().contains("2 bytes behind"), "{error}");
}

#[test]
fn an_item_that_panics_or_refuses_leaves_the_buffer_as_it_was() {
    /// Fails halfway: a map key that is no text is beyond JSON, an unknown length beyond the others.
    struct Refuses;
    impl Serialize for Refuses {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(
                ["a"; 9]
                    .iter()
                    .filter(|_| true)
                    .map(|_| BTreeMap::from([(Some(vec![1]), 1)])),
            )
        }
    }
    for codec in Codec::ALL {
        let mut buffer = b"kept".to_vec();
        let outcome = catch_unwind(AssertUnwindSafe(|| codec.encode(&Panics, LIMIT, &mut buffer)));
        assert!(outcome.is_err());
        assert_eq!(buffer, b"kept");
        let error = codec.encode(&Refuses, LIMIT, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSerializable, "{error}");
        assert_eq!(buffer, b"kept");
        codec.encode("next", LIMIT, &mut buffer).unwrap();
        assert_eq!(codec.decode::<String>(&buffer[4..], LIMIT).unwrap(), "next");
    }
}

#[test]
fn types_that_ask_the_frame_are_sent_to_json() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u8),
        Text(String),
    }
    let item = Either::Text("x".into());
    for codec in Codec::ALL {
        let mut frame = Vec::new();
        codec.encode(&item, LIMIT, &mut frame).unwrap();
        match codec.decode::<Either>(&frame, LIMIT) {
            Ok(read) => assert_eq!((codec, read), (Codec::Json, Either::Text("x".into()))),
            Err(error) => assert!(codec != Codec::Json && error.to_string().contains("json"), "{error}"),
        }
    }
}

#[test]
fn codecs_are_found_by_id_and_name() {
    assert_eq!(
        Codec::ALL.map(|codec| (codec.id(), codec.name())),
        [(1, "bincode"), (2, "postcard"), (3, "json"), (4, "fixed")]
    );
    for codec in Codec::ALL {
        assert_eq!(Codec::from_id(codec.id()).unwrap(), codec);
        assert_eq!(codec.name().parse::<Codec>().unwrap(), codec);
    }
    for id in [0, 5, 255] {
        assert_eq!(Codec::from_id(id).unwrap_err().kind(), ErrorKind::Incompatible);
    }
    assert_eq!(
        "cbor".parse::<Codec>().unwrap_err().kind(),
        ErrorKind::InvalidDescriptor
    );
    assert_eq!(Codec::default(), Codec::Postcard);
}
