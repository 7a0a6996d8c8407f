//! The file of durable queues, when a server starts with it. The library under the store may panic on damaged pages; that must end in
//! an error of the store like everything else.

use std::panic;
use std::sync::OnceLock;

use bytes::Bytes;
use rpc_broker::{Author, Broker, Entry};
use rpc_server::fuzz::{image, start, start_with_rows};
use rpc_wire::ItemCodec;
use sage_comm::DescriptorRecord;

const SESSION: [u8; 16] = [3; 16];

/// The bytes are changes of a sound file: three bytes for the place, one for the length, and as many bytes. Without a length the file
/// ends there.
pub(crate) fn file(mut bytes: &[u8]) {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    let mut image = SOUND.get_or_init(|| image(&entries()).expect("memory")).clone();
    while let Some(([low, middle, high, length], rest)) = bytes.split_first_chunk() {
        let place = u32::from_le_bytes([*low, *middle, *high, 0]) as usize % (image.len() + 1);
        let (change, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        if *length == 0 {
            image.truncate(place);
        }
        for (byte, new) in image.iter_mut().skip(place).zip(change) {
            *byte = *new;
        }
    }
    quietly(move || start(image)).map_or_else(|error| assert!(!error.to_string().is_empty()), drop);
}

/// The bytes are rows of a file whose pages are sound.
pub(crate) fn rows(bytes: &[u8]) {
    // Nothing but our own code looks at these, and that must not panic.
    start_with_rows(bytes).map_or_else(|error| assert!(!error.to_string().is_empty()), drop);
}

/// Without a word about a panic that the store contains, of which the fuzzer would hear before. One that it does not contain comes out.
fn quietly(start: impl FnOnce() -> Result<Broker, sage_comm::Error>) -> Result<Broker, sage_comm::Error> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let started = panic::catch_unwind(panic::AssertUnwindSafe(start));
    panic::set_hook(hook);
    started.expect("the store contains all panics")
}

fn record(uri: &str) -> Vec<u8> {
    let record = DescriptorRecord::from_uri(uri).expect("a line");
    record.to_bytes().to_vec()
}

/// Items as they lie in a frame.
fn items(texts: &[&str]) -> Vec<u8> {
    let item = |text: &&str| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat();
    texts.iter().flat_map(item).collect()
}

fn entries() -> Vec<Entry> {
    let put = |order: u64, texts: &[&str]| Entry::Put {
        queue: 1,
        order,
        codec: ItemCodec(0),
        count: texts.len() as u32,
        items: Bytes::from(items(texts)),
        by: Some(Author {
            session: SESSION,
            next_put: order + texts.len() as u64,
        }),
    };
    vec![
        Entry::Session {
            id: SESSION,
            identity: Some("alice".to_owned()),
        },
        Entry::Made {
            queue: 1,
            record: record("rpc://jobs?durability=disk&maxsize=100"),
        },
        Entry::Typed {
            queue: 1,
            name: "String".to_owned(),
            shape: 7,
        },
        put(1, &["one", "two", "three"]),
        put(4, &["four"]),
        Entry::Settled {
            queue: 1,
            first: 1,
            count: 2,
        },
        Entry::Made {
            queue: 2,
            record: record("rpc://others?durability=disk"),
        },
        Entry::Closed { queue: 2 },
    ]
}

pub(crate) fn file_seeds() -> Vec<Vec<u8>> {
    let change = |place: u32, bytes: &[u8]| {
        let [low, middle, high, _] = place.to_le_bytes();
        [&[low, middle, high, bytes.len() as u8], bytes].concat()
    };
    // The head, a page, and an end that is too early.
    vec![
        change(0, b"redb"),
        change(64, &[1, 2, 3, 4]),
        change(4096, &[0xff; 8]),
        change(5000, &[]),
    ]
}

pub(crate) fn row_seeds() -> Vec<Vec<u8>> {
    let row = |table: u8, one: u8, two: u8, content: &[u8]| {
        let [low, high] = (content.len() as u16).to_le_bytes();
        [&[table, one, two, low, high], content].concat()
    };
    let queue = [&[0, 0], record("rpc://jobs?durability=disk").as_slice()].concat();
    let typed = [
        &[1, 1],
        &[7; 8][..],
        &3_u32.to_le_bytes(),
        b"u64",
        &record("rpc://a?durability=disk"),
    ]
    .concat();
    let run = [&[0], &2_u32.to_le_bytes()[..], &items(&["one", "two"])].concat();
    let sound = [
        row(0, 0, 0, &1_u64.to_le_bytes()),
        row(0x81, 1, 0, &queue),
        row(0x82, 1, 1, &run),
        row(0x82, 1, 3, &run),
        row(4, 0, 3, &[0]),
        row(3, 1, 3, &5_u64.to_le_bytes()),
    ];
    vec![sound.concat(), row(0x81, 2, 0, &typed), row(1, 1, 0, &queue)]
}
