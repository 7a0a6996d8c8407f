//! What comes over a connection, before anybody acts on it.

use rpc_wire::{Decoder, Frame, Message, check_preamble};

use crate::frame::{examples, parts, whole};

pub(crate) fn preamble(bytes: &[u8]) {
    if let Some(first) = bytes.first_chunk()
        && check_preamble(*first).is_ok()
    {
        assert_eq!(*first, rpc_wire::preamble());
    }
}

pub(crate) fn preamble_seeds() -> Vec<Vec<u8>> {
    vec![rpc_wire::preamble().to_vec()]
}

/// Bytes in pieces, as they may come. The size of the pieces changes nothing.
pub(crate) fn frames(bytes: &[u8]) {
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let whole = heard(bytes, bytes.len().max(1));
    assert_eq!(whole, heard(bytes, usize::from(*piece).max(1)));
}

/// The messages, and whether they ended with an error.
fn heard(bytes: &[u8], piece: usize) -> (Vec<Message>, bool) {
    let mut decoder = Decoder::new();
    let mut heard = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.feed(piece);
        loop {
            match decoder.next_message() {
                Ok(Some(message)) => heard.push(message),
                Ok(None) => break,
                Err(_) => return (heard, true),
            }
        }
    }
    (heard, false)
}

pub(crate) fn frame_seeds() -> Vec<Vec<u8>> {
    let all: Vec<u8> = examples()
        .iter()
        .filter_map(|message| whole(&parts(message)))
        .flatten()
        .collect();
    vec![[&[7], rpc_wire::preamble().as_slice(), all.as_slice()].concat()]
}

/// The fields of one message. What was read is written and read again.
pub(crate) fn messages(bytes: &[u8]) {
    let Some(([kind, codec, flags, a, b, c, d], body)) = bytes.split_first_chunk::<7>() else {
        return;
    };
    let frame = Frame {
        kind: *kind,
        codec: *codec,
        flags: *flags,
        queue: u32::from_le_bytes([*a, *b, *c, *d]),
        body: body.to_vec().into(),
    };
    let Ok(message) = Message::decode(&frame) else { return };
    let mut written = Vec::new();
    message
        .encode(&mut written, 1 << 30)
        .expect("what was read can be written");
    let mut decoder = Decoder::new();
    decoder.set_limit(1 << 30);
    decoder.feed(&rpc_wire::preamble());
    decoder.feed(&written);
    assert_eq!(decoder.next_message().expect("well-formed"), Some(message));
}

pub(crate) fn message_seeds() -> Vec<Vec<u8>> {
    examples().iter().map(parts).collect()
}
