//! Items as bytes and back. `Bytes` are what they are; everything else goes through a codec.

use std::any::{Any, TypeId};
use std::cell::Cell;

use bytes::Bytes;
use descriptor_core::{Codec, Error, Wire};

use crate::memory;

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

    /// The item as bytes: its own, or those that it is encoded to, appended to `buffer`.
    ///
    /// # Errors
    /// `TooLarge`, `NotSerializable`.
    #[inline]
    pub(crate) fn bytes<'a, T: Wire>(
        self,
        item: &'a T,
        limit: usize,
        buffer: &'a mut Vec<u8>,
    ) -> Result<&'a [u8], Error> {
        match (self, (item as &dyn Any).downcast_ref::<Bytes>()) {
            (Self::Raw, Some(bytes)) if bytes.len() <= limit => Ok(bytes),
            (Self::Raw, bytes) => Err(too_large(bytes.map_or(0, Bytes::len), limit)),
            (Self::Coded(codec), _) => {
                let before = buffer.len();
                codec.encode(item, limit, buffer)?;
                Ok(buffer.get(before..).unwrap_or_default())
            }
        }
    }

    /// Lends a buffer to encode into. Bytes need none.
    #[inline]
    pub(crate) fn with_buffer<R>(self, work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        match self {
            Self::Raw => work(&mut Vec::new()),
            Self::Coded(_) => with_buffer(work),
        }
    }

    /// The item, where it is bytes and nothing else.
    ///
    /// # Errors
    /// `TypeMismatch` where it is something else.
    #[inline]
    pub(crate) fn adopt<T: Wire>(self, bytes: Bytes) -> Result<T, Error> {
        let mut item = Some(bytes);
        let same = (&mut item as &mut dyn Any).downcast_mut::<Option<T>>();
        same.and_then(Option::take)
            .ok_or_else(|| Error::new(descriptor_core::ErrorKind::TypeMismatch, "decode item"))
    }

    /// Reads one item.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn decode<T: Wire>(self, bytes: &[u8]) -> Result<T, Error> {
        match self {
            Self::Raw => self.adopt(memory::copy(bytes)),
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
