//! Items as bytes and back: `Bytes` are what they are, everything else goes through a codec.

use std::any::{Any, TypeId};
use std::cell::Cell;

use bytes::Bytes;
use descriptor_core::{Codec, Error, ErrorKind, Wire};
use rpc_wire::ItemCodec;

use crate::session::FRONT_OF_ITEM;

/// How items of one type are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Raw,
    Coded(Codec),
}

impl Format {
    pub(crate) fn of<T: Wire>(codec: Codec) -> Self {
        if TypeId::of::<T>() == TypeId::of::<Bytes>() {
            Self::Raw
        } else {
            Self::Coded(codec)
        }
    }

    pub(crate) const fn id(self) -> ItemCodec {
        match self {
            Self::Raw => ItemCodec(0),
            Self::Coded(codec) => ItemCodec(codec.id()),
        }
    }

    /// Appends the item to a buffer.
    ///
    /// # Errors
    /// `TooLarge`, `NotSerializable`; then nothing was appended.
    #[inline]
    pub(crate) fn append<T: Wire>(self, item: &T, limit: usize, buffer: &mut Vec<u8>) -> Result<(), Error> {
        match (self, as_bytes(item)) {
            (Self::Raw, Some(bytes)) if bytes.len() <= limit => buffer.extend_from_slice(bytes),
            (Self::Raw, bytes) => return Err(too_large(bytes.map_or(0, Bytes::len), limit)),
            (Self::Coded(codec), _) => codec.encode(item, limit, buffer)?,
        }
        Ok(())
    }

    /// Appends an item as it lies in a frame, with its length in front.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub(crate) fn lay_out<T: Wire>(self, item: &T, limit: usize, buffer: &mut Vec<u8>) -> Result<(), Error> {
        let at = buffer.len();
        buffer.extend_from_slice(&[0; FRONT_OF_ITEM]);
        if let Err(error) = self.append(item, limit, buffer) {
            buffer.truncate(at);
            return Err(error);
        }
        // An item is smaller than a frame, and a frame than 4 GiB.
        let len = buffer.len().saturating_sub(at + FRONT_OF_ITEM) as u32;
        if let Some(front) = buffer.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *front = len.to_le_bytes();
        }
        Ok(())
    }

    /// Reads an item that was written with the codec of that number.
    ///
    /// # Errors
    /// `Corrupt`, `Incompatible` for an unknown codec, `TypeMismatch` when bytes were expected or found and the other is not.
    #[inline]
    pub(crate) fn decode<T: Wire>(self, codec: u8, bytes: Bytes) -> Result<T, Error> {
        match self {
            Self::Raw if codec == 0 => adopt(bytes),
            Self::Coded(usual) if usual.id() == codec => usual.decode(&bytes, bytes.len()),
            Self::Coded(_) if codec != 0 => Codec::from_id(codec)?.decode(&bytes, bytes.len()),
            Self::Raw | Self::Coded(_) => Err(Error::new(ErrorKind::TypeMismatch, "get")
                .expected(if codec == 0 {
                    "an encoded item"
                } else {
                    "bytes as they are"
                })
                .found(format!("codec {codec}"))
                .remedy("open the queue for the type that was put")),
        }
    }
}

/// The item, when it is bytes.
#[inline]
pub(crate) fn as_bytes<T: Wire>(item: &T) -> Option<&Bytes> {
    (item as &dyn Any).downcast_ref()
}

fn adopt<T: Wire>(bytes: Bytes) -> Result<T, Error> {
    let mut item = Some(bytes);
    let same = (&mut item as &mut dyn Any).downcast_mut::<Option<T>>();
    same.and_then(Option::take)
        .ok_or_else(|| Error::new(ErrorKind::TypeMismatch, "decode item"))
}

pub(crate) fn too_large(len: usize, limit: usize) -> Error {
    Error::new(ErrorKind::TooLarge, "put")
        .expected(format!("at most {limit} bytes"))
        .found(format!("{len} bytes"))
        .remedy("raise the largest frame of the server, or send a reference to the data")
}

/// Buffers larger than this are not kept.
const KEEP: usize = 1 << 20;

/// Lends a buffer of this thread: no allocation per item. Nested calls get one of their own.
pub(crate) fn with_buffer<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    thread_local! {
        static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    }
    let mut buffer = BUFFER.take();
    buffer.clear();
    let result = work(&mut buffer);
    if buffer.capacity() <= KEEP {
        BUFFER.set(buffer);
    }
    result
}
