//! Frames around bytes that the fuzzer chose, with the sums that it would never guess.

use rpc_wire::{
    Ack, Call, Capabilities, Close, Consumed, Creation, Delivered, Flag, Get, HEAD, Handle, Hello, ItemCodec, Items,
    Lease, Limits, List, Message, Micros, Open, Opened, Peek, Ping, Put, Ranges, Record, Release, Stats, Tag, Text,
};
use sage_comm::{DescriptorRecord, QueueId};

/// A frame as docs/protocol.md has it: head and body.
pub(crate) fn frame(kind: u8, codec: u8, flags: u8, queue: u32, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0; HEAD];
    out.extend_from_slice(body);
    let length = u32::try_from(out.len()).unwrap_or(u32::MAX).to_le_bytes();
    let queue = queue.to_le_bytes();
    let check = length
        .iter()
        .chain(&[kind, codec, flags])
        .chain(&queue)
        .fold(0x5a, |sum, byte| sum ^ byte);
    let head = length.into_iter().chain([kind, codec, flags, check]).chain(queue);
    out.iter_mut().skip(4).zip(head).for_each(|(to, from)| *to = from);
    let sum = crc32c::crc32c(out.get(4..).unwrap_or_default()).to_le_bytes();
    out.iter_mut().zip(sum).for_each(|(to, from)| *to = from);
    out
}

/// The parts of a message's frame that [`frame`] takes: type, codec, flags, queue, body.
pub(crate) fn parts(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    if message.encode(&mut bytes, 1 << 20).is_err() {
        return Vec::new();
    }
    let mut parts: Vec<u8> = bytes.get(8..11).unwrap_or_default().to_vec();
    parts.extend_from_slice(bytes.get(12..).unwrap_or_default());
    parts
}

/// What [`parts`] made as a frame again.
pub(crate) fn whole(parts: &[u8]) -> Option<Vec<u8>> {
    let ([kind, codec, flags, a, b, c, d], body) = parts.split_first_chunk::<7>()?;
    Some(frame(*kind, *codec, *flags, u32::from_le_bytes([*a, *b, *c, *d]), body))
}

/// One message of each shape, those of a client in an order that makes sense.
pub(crate) fn examples() -> Vec<Message> {
    let (Some(queue), Some(call)) = (Handle::new(1), Call::new(2)) else {
        return Vec::new();
    };
    let id = QueueId::new("letters/in").expect("an id");
    let record = DescriptorRecord::new(id.clone(), "rpc").with("maxsize", 8);
    let items = Items::new([b"a".as_slice(), b"bcd"]).expect("small");
    let codec = ItemCodec(0);
    let (wait, items_each, bytes) = (Micros::ZERO, 2, 1 << 20);
    vec![
        hello().into(),
        Open {
            call,
            creation: Creation::IfAbsent,
            tag: Tag {
                name: Text::clipped("bytes"),
                shape: 1,
            },
            record: Record::new(&record).expect("short"),
        }
        .into(),
        Opened {
            queue,
            created: Flag(true),
            kept: Flag(false),
            call,
            epoch: 1,
            capacity: 8,
            next_put: 1,
            next_delivery: 1,
            lease: Micros::FOREVER,
        }
        .into(),
        Put {
            queue,
            codec,
            first: 1,
            wait,
            items: items.clone(),
        }
        .into(),
        Get {
            queue,
            once: Flag(true),
            outright: Flag(false),
            call,
            items: items_each,
            bytes,
            wait,
        }
        .into(),
        Delivered {
            queue,
            codec,
            last: Flag(true),
            call,
            first: 1,
            items,
        }
        .into(),
        Consumed { queue, up_to: 1 }.into(),
        Lease {
            queue,
            once: Flag(false),
            call,
            items: items_each,
            bytes,
            wait: Micros(1_000),
            lease: Micros(5_000),
        }
        .into(),
        Ack {
            queue,
            call,
            deliveries: Ranges::of([1, 2, 5]).expect("few"),
        }
        .into(),
        Peek {
            queue,
            call,
            skip: 0,
            items: 5,
            bytes: u64::MAX,
        }
        .into(),
        Stats { call, id: id.clone() }.into(),
        List {
            call,
            prefix: Text::clipped("letters"),
            after: Some(id),
            most: 10,
        }
        .into(),
        Ping { number: 3 }.into(),
        Close { queue, call }.into(),
        Release { queue, call }.into(),
    ]
}

/// What a client says first.
pub(crate) fn hello() -> Hello {
    Hello {
        capabilities: Capabilities(0xff),
        limits: Limits {
            frame: 1 << 20,
            ..Limits::default()
        },
        session: [0; 16],
        epoch: 0,
        nonce: [3; 32],
        agent: Text::clipped("fuzz"),
    }
}
