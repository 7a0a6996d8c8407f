//! A frame: sixteen bytes of head, then the fields of one message.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 4 | CRC-32C of all bytes after it |
//! | 4 | 4 | length of the whole frame, head included |
//! | 8 | 1 | type |
//! | 9 | 1 | codec of the items, 0 for bytes as they are and where there are none |
//! | 10 | 1 | flags |
//! | 11 | 1 | check: 0x5a and the bytes 4 to 10 and 12 to 15, all xored |
//! | 12 | 4 | queue: the number given at open, or 0 |
//!
//! The check byte is for the length: a bit that flips there would otherwise make the reader wait for bytes that nobody sends.
//! It is known after sixteen bytes, the checksum only at the end.

use bytes::{Buf, Bytes};

use crate::WireError;

/// The bytes of a head, and of the smallest frame.
pub const HEAD: usize = 16;
/// The largest limit for frames that can be agreed on: 1 GiB.
pub const MAX_FRAME: u32 = 1 << 30;
/// The smallest limit that can be agreed on, 128 KiB: every message but a batch of items fits into it.
pub const LEAST_FRAME: u32 = 128 << 10;
/// The limit until one is agreed on: nobody sends more before it is known who it is.
pub const HANDSHAKE_FRAME: u32 = 4 << 10;

/// Xored into the check byte, so that a head of zeros is none.
const SALT: u8 = 0x5a;

/// One frame whose checksum was right. What is in `body` is still a peer's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which message it is.
    pub kind: u8,
    /// The codec of its items.
    pub codec: u8,
    /// Bits that belong to the message.
    pub flags: u8,
    /// The queue that it is about, or 0.
    pub queue: u32,
    /// The fields of the message.
    pub body: Bytes,
}

/// The length of the frame that begins with these bytes and its type, or nothing while the head is not all there.
pub(crate) fn peek(bytes: &[u8], limit: u32) -> Result<Option<(usize, u8)>, WireError> {
    let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else {
        return Ok(None);
    };
    let [_, _, _, _, a, b, c, d, kind, _, _, found, ..] = *head;
    let expected = check_byte(head);
    if found != expected {
        return Err(WireError::Head { expected, found });
    }
    let length = u32::from_le_bytes([a, b, c, d]);
    if length < HEAD as u32 || length > limit {
        return Err(WireError::Length { found: length, limit });
    }
    Ok(Some((length as usize, kind)))
}

/// The frame in these bytes, which are those that `peek` asked for.
pub(crate) fn open(mut bytes: Bytes) -> Result<Frame, WireError> {
    let Some((head, _)) = bytes.split_first_chunk::<HEAD>() else {
        return Err(WireError::Length {
            found: bytes.len() as u32,
            limit: MAX_FRAME,
        });
    };
    let [s0, s1, s2, s3, _, _, _, _, kind, codec, flags, _, q0, q1, q2, q3] = *head;
    let found = u32::from_le_bytes([s0, s1, s2, s3]);
    let expected = crc32c::crc32c(bytes.get(4..).unwrap_or_default());
    if found != expected {
        return Err(WireError::Checksum { expected, found });
    }
    bytes.advance(HEAD);
    Ok(Frame {
        kind,
        codec,
        flags,
        queue: u32::from_le_bytes([q0, q1, q2, q3]),
        body: bytes,
    })
}

/// What of a head is known before the length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Front {
    pub(crate) kind: u8,
    pub(crate) codec: u8,
    pub(crate) flags: u8,
    pub(crate) queue: u32,
}

/// Writes the head of the frame that begins at `start` of `out` and ends with `tail`, which follows elsewhere.
pub(crate) fn seal(out: &mut [u8], start: usize, front: Front, tail: &[u8], limit: u32) -> Result<(), WireError> {
    let found = out.len().saturating_sub(start) + tail.len();
    let length = u32::try_from(found).ok().filter(|length| *length <= limit);
    let frame = out.get_mut(start..).and_then(<[u8]>::split_first_chunk_mut::<HEAD>);
    let (Some(length), Some((head, _))) = (length, frame) else {
        return Err(WireError::Excess {
            what: "a frame",
            limit: limit as usize,
            found,
        });
    };
    let [a, b, c, d] = length.to_le_bytes();
    let [q0, q1, q2, q3] = front.queue.to_le_bytes();
    let (kind, codec, flags) = (front.kind, front.codec, front.flags);
    *head = [0, 0, 0, 0, a, b, c, d, kind, codec, flags, 0, q0, q1, q2, q3];
    head[11] = check_byte(head);
    let sum = crc32c::crc32c(out.get(start + 4..).unwrap_or_default());
    let sum = crc32c::crc32c_append(sum, tail);
    if let Some(first) = out.get_mut(start..).and_then(<[u8]>::first_chunk_mut) {
        *first = sum.to_le_bytes();
    }
    Ok(())
}

fn check_byte(head: &[u8; HEAD]) -> u8 {
    let [_, _, _, _, l0, l1, l2, l3, kind, codec, flags, _, q0, q1, q2, q3] = *head;
    SALT ^ l0 ^ l1 ^ l2 ^ l3 ^ kind ^ codec ^ flags ^ q0 ^ q1 ^ q2 ^ q3
}
