//! How the fields of a message are laid out: one after the other, without gaps, numbers little endian and of fixed width.
//!
//! Every value has one form. What could be written in two ways is refused in all but one, so that equal bytes and equal
//! messages are the same thing.

use bytes::Bytes;
use descriptor_record::QueueId;

use crate::WireError;
use crate::frame::{Frame, Front};

/// A frame being written. Some fields live in its head.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    pub(crate) out: &'a mut Vec<u8>,
    pub(crate) front: Front,
}

impl Writer<'_> {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

/// A frame being read. What a field took from the head is gone from there, and nothing may be left over.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    body: &'a Bytes,
    at: usize,
    pub(crate) front: Front,
    pub(crate) message: &'static str,
    pub(crate) field: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(frame: &'a Frame, message: &'static str) -> Self {
        Self {
            body: &frame.body,
            at: 0,
            front: Front {
                kind: frame.kind,
                codec: frame.codec,
                flags: frame.flags,
                queue: frame.queue,
            },
            message,
            field: "",
        }
    }

    /// The next bytes, shared.
    pub(crate) fn share(&mut self, len: usize) -> Result<Bytes, WireError> {
        let from = self.at;
        self.take(len)?;
        Ok(self.body.slice(from..self.at))
    }

    /// All bytes that are left, shared.
    pub(crate) fn share_rest(&mut self) -> Bytes {
        let rest = self.body.slice(self.at.min(self.body.len())..);
        self.at = self.body.len();
        rest
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.body.len().saturating_sub(self.at)
    }

    /// The next bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let taken = rest.get(..len).ok_or(WireError::Short {
            message: self.message,
            field: self.field,
        })?;
        self.at += len;
        Ok(taken)
    }

    /// Whether the next byte is this one, which stays.
    fn next_is(&self, byte: u8) -> bool {
        self.body.get(self.at) == Some(&byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let taken = self.take(N)?;
        taken.first_chunk().copied().ok_or(WireError::Short {
            message: self.message,
            field: self.field,
        })
    }

    pub(crate) const fn refuse(&self, expected: &'static str, found: u64) -> WireError {
        WireError::Value {
            message: self.message,
            field: self.field,
            expected,
            found,
        }
    }

    /// Nothing is left, in the body and in the head.
    pub(crate) fn finish(mut self) -> Result<(), WireError> {
        let Front {
            codec, flags, queue, ..
        } = self.front;
        for (field, found) in [("codec", codec.into()), ("flags", flags.into()), ("queue", queue)] {
            if found != 0 {
                self.field = field;
                return Err(self.refuse("0", found.into()));
            }
        }
        match self.left() {
            0 => Ok(()),
            bytes => Err(WireError::Trailing {
                message: self.message,
                bytes,
            }),
        }
    }
}

/// A value in a message.
pub(crate) trait Field: Sized {
    fn write(&self, to: &mut Writer<'_>);
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError>;
}

macro_rules! numbers {
    ($($number:ty),*) => {
        $(impl Field for $number {
            fn write(&self, to: &mut Writer<'_>) {
                to.bytes(&self.to_le_bytes());
            }
            fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
                from.array().map(Self::from_le_bytes)
            }
        })*
    };
}
numbers!(u8, u16, u32, u64);

impl<const N: usize> Field for [u8; N] {
    fn write(&self, to: &mut Writer<'_>) {
        to.bytes(self);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        from.array()
    }
}

impl Field for bool {
    fn write(&self, to: &mut Writer<'_>) {
        u8::from(*self).write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::read(from)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(from.refuse("0 or 1", other.into())),
        }
    }
}

/// One byte for the length, which is at most [`QueueId::MAX_LEN`].
impl Field for QueueId {
    fn write(&self, to: &mut Writer<'_>) {
        // An id has at most 200 bytes.
        (self.as_str().len() as u8).write(to);
        to.bytes(self.as_str().as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = u8::read(from)?;
        let bytes = from.take(len.into())?;
        let id = std::str::from_utf8(bytes).ok().and_then(|text| Self::new(text).ok());
        id.ok_or(WireError::Id {
            message: from.message,
            field: from.field,
        })
    }
}

/// A length of 0 for none.
impl Field for Option<QueueId> {
    fn write(&self, to: &mut Writer<'_>) {
        match self {
            Some(id) => id.write(to),
            None => 0_u8.write(to),
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        if from.next_is(0) {
            from.take(1)?;
            return Ok(None);
        }
        QueueId::read(from).map(Some)
    }
}

impl<A: Field, B: Field> Field for (A, B) {
    fn write(&self, to: &mut Writer<'_>) {
        self.0.write(to);
        self.1.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok((A::read(from)?, B::read(from)?))
    }
}
