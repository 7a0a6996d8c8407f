//! Items that a stranger encoded.

use std::collections::BTreeMap;

use router::{Envelope, Event, Pack, Packet, UpstreamId};
use sage_comm::Codec;
use serde::{Deserialize, Serialize};

/// The largest frame that is read.
const LIMIT: usize = 1 << 20;

/// Something of everything that serde knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Item {
    id: u64,
    change: i32,
    name: String,
    tags: Vec<Option<String>>,
    numbers: BTreeMap<i16, Vec<u8>>,
    nothing: Vec<()>,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(u32),
    Group { of: Vec<Self> },
}

/// What was read is written and read again.
fn read(codec: Codec, bytes: &[u8]) {
    let Ok(item) = codec.decode::<Item>(bytes, LIMIT) else {
        return;
    };
    let mut written = Vec::new();
    codec
        .encode(&item, usize::MAX, &mut written)
        .expect("what was read can be written");
    let again = codec.decode::<Item>(&written, usize::MAX);
    assert_eq!(again.expect("what was written can be read"), item);
}

fn written(codec: Codec) -> Vec<Vec<u8>> {
    let item = Item {
        id: 7,
        change: -1,
        name: "letter".into(),
        tags: vec![None, Some("b".into())],
        numbers: BTreeMap::from([(-3, vec![1, 2, 3])]),
        nothing: vec![(); 3],
        shape: Shape::Group {
            of: vec![Shape::Point, Shape::Circle(5)],
        },
    };
    let mut bytes = Vec::new();
    codec.encode(&item, LIMIT, &mut bytes).expect("small");
    vec![bytes]
}

pub(crate) fn bincode(bytes: &[u8]) {
    read(Codec::Bincode, bytes);
}

pub(crate) fn bincode_seeds() -> Vec<Vec<u8>> {
    written(Codec::Bincode)
}

pub(crate) fn postcard(bytes: &[u8]) {
    read(Codec::Postcard, bytes);
}

pub(crate) fn postcard_seeds() -> Vec<Vec<u8>> {
    written(Codec::Postcard)
}

pub(crate) fn fixed(bytes: &[u8]) {
    read(Codec::Fixed, bytes);
}

pub(crate) fn fixed_seeds() -> Vec<Vec<u8>> {
    written(Codec::Fixed)
}

pub(crate) fn json(bytes: &[u8]) {
    read(Codec::Json, bytes);
}

pub(crate) fn json_seeds() -> Vec<Vec<u8>> {
    written(Codec::Json)
}

/// What travels between the workers of a job.
pub(crate) fn event(bytes: &[u8]) {
    for codec in [Codec::Postcard, Codec::Fixed] {
        let Ok(envelope) = codec.decode::<Envelope<String>>(bytes, LIMIT) else {
            continue;
        };
        let mut written = Vec::new();
        codec
            .encode(&envelope, usize::MAX, &mut written)
            .expect("what was read can be written");
        let again = codec.decode::<Envelope<String>>(&written, usize::MAX);
        assert!(again.expect("what was written can be read") == envelope);
    }
}

pub(crate) fn event_seeds() -> Vec<Vec<u8>> {
    let letter = || Packet::new("letter".to_owned(), 5);
    let events = [
        Event::Packet(letter()),
        Event::Packets(Pack::from_iter([letter(), letter()])),
        Event::Packets(Pack::from_iter([letter().with_key(7), letter().with_key(-7)])),
        Event::Packets(Pack::from_iter([letter().with_key("k"), letter().with_input_index(1)])),
        Event::Here { number: 1, packets: 2 },
        Event::Watermark(7),
        Event::Barrier(3),
    ];
    let envelopes = events.map(|event| Envelope {
        from: UpstreamId(2),
        event,
    });
    let written = |codec: Codec| {
        envelopes.iter().map(move |envelope| {
            let mut bytes = Vec::new();
            codec.encode(envelope, LIMIT, &mut bytes).expect("small");
            bytes
        })
    };
    written(Codec::Postcard).chain(written(Codec::Fixed)).collect()
}
