//! Items as bytes and back. `Bytes` are what they are; everything else goes through a codec.

use std::any::{Any, TypeId};
use std::cell::Cell;

use bytes::Bytes;
use descriptor_core::{Codec, Error, Wire};

/// The codec id of items that are bytes already.
const RAW: u8 = 0;

/// How items of `T` are written.
#[derive(Clone, Copy, Debug)]
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

    /// The number in the header.
    pub(crate) const fn id(self) -> u8 {
        match self {
            Self::Raw => RAW,
            Self::Coded(codec) => codec.id(),
        }
    }

    /// Appends the item.
    ///
    /// # Errors
    /// `TooLarge`, `NotSerializable`.
    pub(crate) fn encode<T: Wire>(self, item: &T, limit: usize, out: &mut Vec<u8>) -> Result<(), Error> {
        match (self, (item as &dyn Any).downcast_ref::<Bytes>()) {
            (Self::Raw, Some(bytes)) if bytes.len() <= limit => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            (Self::Raw, bytes) => Err(too_large(bytes.map_or(0, Bytes::len), limit)),
            (Self::Coded(codec), _) => codec.encode(item, limit, out),
        }
    }

    /// Reads one item.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn decode<T: Wire>(self, bytes: &[u8]) -> Result<T, Error> {
        match self {
            Self::Raw => {
                let mut item = Some(Bytes::copy_from_slice(bytes));
                let same: Option<T> = (&mut item as &mut dyn Any)
                    .downcast_mut::<Option<T>>()
                    .and_then(Option::take);
                same.ok_or_else(|| Error::new(descriptor_core::ErrorKind::TypeMismatch, "decode item"))
            }
            Self::Coded(codec) => codec.decode(bytes, bytes.len()),
        }
    }
}

pub(crate) fn too_large(len: usize, limit: usize) -> Error {
    Error::new(descriptor_core::ErrorKind::TooLarge, "put")
        .expected(format!("at most {limit} bytes"))
        .found(format!("{len} bytes"))
        .remedy("raise max_item, or send a reference to the data")
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
