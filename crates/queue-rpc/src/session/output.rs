//! What is to be sent: small frames in one buffer, large ones where they are.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use rpc_wire::{Message, WireError};

/// Frames up to this size are copied behind the others, so that they go out in one piece.
const SMALL: usize = 8 << 10;

/// Pieces in the order in which they are sent.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Bytes>,
    tail: Vec<u8>,
}

impl Output {
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_empty()
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// # Errors
    /// As [`Message::encode`].
    pub(crate) fn message(&mut self, message: &Message, limit: u32) -> Result<(), WireError> {
        message.encode(&mut self.tail, limit)
    }

    /// A frame that is kept elsewhere too.
    pub(crate) fn piece(&mut self, piece: Bytes) {
        if piece.len() <= SMALL {
            self.tail.extend_from_slice(&piece);
            return;
        }
        self.end_tail();
        self.pieces.push_back(piece);
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(std::mem::take(&mut self.tail).into());
        }
    }

    /// All of it.
    pub(crate) fn take(&mut self, into: &mut VecDeque<Bytes>) {
        self.end_tail();
        into.append(&mut self.pieces);
    }

    /// What was taken and not sent; it comes first again.
    pub(crate) fn put_back(&mut self, pieces: &mut VecDeque<Bytes>) {
        pieces.append(&mut self.pieces);
        std::mem::swap(pieces, &mut self.pieces);
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Buffers for frames that are gathered item by item, used again and again.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    buffers: Vec<BytesMut>,
}

/// More than this is not kept for later.
const KEEP: usize = 4;
const LARGEST: usize = 256 << 10;

impl Spare {
    /// An empty buffer.
    pub(crate) fn get(&mut self, at_least: usize) -> BytesMut {
        match self.buffers.pop() {
            Some(buffer) if buffer.capacity() >= at_least => buffer,
            _ => BytesMut::with_capacity(at_least),
        }
    }

    /// Takes a buffer back, if nobody else has it.
    pub(crate) fn give(&mut self, bytes: Bytes) {
        if self.buffers.len() < KEEP
            && let Ok(mut buffer) = bytes.try_into_mut()
            && buffer.capacity() <= LARGEST
        {
            buffer.clear();
            self.buffers.push(buffer);
        }
    }
}
