//! The client, with a server that says anything.

use rpc_wire::{Frame, Message, Side};

use crate::frame::{examples, parts};

/// The bytes are messages: a length, then as many bytes for a frame.
pub(crate) fn run(mut bytes: &[u8]) {
    let mut said = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (parts, rest) = rest.split_at(length);
        bytes = rest;
        let Some(([kind, codec, flags, a, b, c, d], body)) = parts.split_first_chunk::<7>() else {
            continue;
        };
        let frame = Frame {
            kind: *kind,
            codec: *codec,
            flags: *flags,
            queue: u32::from_le_bytes([*a, *b, *c, *d]),
            body: body.to_vec().into(),
        };
        said.extend(Message::decode(&frame).ok());
    }
    queue_rpc::fuzz::client(said);
}

pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seed = Vec::new();
    for message in examples().iter().filter(|message| message.said_by() != Side::Client) {
        let parts = parts(message);
        seed.extend_from_slice(&u16::try_from(parts.len()).unwrap_or(u16::MAX).to_le_bytes());
        seed.extend_from_slice(&parts);
    }
    vec![seed]
}
