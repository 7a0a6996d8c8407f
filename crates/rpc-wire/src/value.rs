//! The values that messages are made of.

use std::num::NonZeroU32;
use std::time::Duration;

use bytes::Bytes;
use descriptor_record::{Codec, DescriptorRecord};
use queue_core::Error;

use crate::WireError;
use crate::field::{Field, Reader, Writer};

/// A queue on this connection: the number that the server gave at open, never 0. Lives in the head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle(NonZeroU32);

/// A request on this connection, numbered by whoever asks, never 0. The answer has the same number, which is then free again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call(NonZeroU32);

macro_rules! numbered {
    ($($name:ident),*) => {
        $(impl $name {
            /// That number, unless it is 0.
            #[must_use]
            pub const fn new(number: u32) -> Option<Self> {
                match NonZeroU32::new(number) {
                    Some(number) => Some(Self(number)),
                    None => None,
                }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0.get()
            }
        })*
    };
}
numbered!(Handle, Call);

impl Field for Handle {
    fn write(&self, to: &mut Writer<'_>) {
        to.front.queue = self.get();
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let number = std::mem::take(&mut from.front.queue);
        Self::new(number).ok_or_else(|| from.refuse("a queue's number", 0))
    }
}

/// 0 in the head for none.
impl Field for Option<Handle> {
    fn write(&self, to: &mut Writer<'_>) {
        to.front.queue = self.map_or(0, Handle::get);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Handle::new(std::mem::take(&mut from.front.queue)))
    }
}

impl Field for Call {
    fn write(&self, to: &mut Writer<'_>) {
        self.get().write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let number = u32::read(from)?;
        Self::new(number).ok_or_else(|| from.refuse("a number of a call", 0))
    }
}

/// 0 for none.
impl Field for Option<Call> {
    fn write(&self, to: &mut Writer<'_>) {
        self.map_or(0, Call::get).write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        u32::read(from).map(Call::new)
    }
}

/// The codec of all items of a frame, by [`Codec::id`]; 0 for bytes as they are. Lives in the head, and is not looked at here:
/// a server stores what it cannot read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ItemCodec(pub u8);

impl From<Codec> for ItemCodec {
    fn from(codec: Codec) -> Self {
        Self(codec.id())
    }
}

impl Field for ItemCodec {
    fn write(&self, to: &mut Writer<'_>) {
        to.front.codec = self.0;
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self(std::mem::take(&mut from.front.codec)))
    }
}

/// A bit of the flags in the head of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flag<const BIT: u8>(pub bool);

impl<const BIT: u8> Field for Flag<BIT> {
    fn write(&self, to: &mut Writer<'_>) {
        to.front.flags |= u8::from(self.0) << BIT;
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let bit = from.front.flags & 1 << BIT;
        from.front.flags ^= bit;
        Ok(Self(bit != 0))
    }
}

/// A time span in microseconds, counted by the clock of whoever receives it from when it is received: the clocks of two hosts
/// are never compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Micros(pub u64);

impl Micros {
    /// At once.
    pub const ZERO: Self = Self(0);
    /// Without end.
    pub const FOREVER: Self = Self(u64::MAX);

    /// The span, or `None` for [`FOREVER`](Self::FOREVER).
    #[must_use]
    pub const fn duration(self) -> Option<Duration> {
        match self {
            Self::FOREVER => None,
            Self(micros) => Some(Duration::from_micros(micros)),
        }
    }
}

/// Rounded up, so that a wait lasts at least its limit; what does not fit is without end.
impl From<Duration> for Micros {
    fn from(span: Duration) -> Self {
        let micros = span.as_nanos().div_ceil(1000);
        u64::try_from(micros).map_or(Self::FOREVER, Self)
    }
}

impl Field for Micros {
    fn write(&self, to: &mut Writer<'_>) {
        self.0.write(to);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        u64::read(from).map(Self)
    }
}

/// Text of at most [`Text::MAX`] bytes. A length of two bytes, then UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(String);

impl Text {
    /// The longest text: 1 KiB.
    pub const MAX: usize = 1024;

    /// Keeps the text.
    ///
    /// # Errors
    /// [`WireError::Excess`] when it is too long.
    pub fn new(text: impl Into<String>) -> Result<Self, WireError> {
        let text = text.into();
        match text.len() {
            0..=Self::MAX => Ok(Self(text)),
            found => Err(WireError::Excess {
                what: "a text",
                limit: Self::MAX,
                found,
            }),
        }
    }

    /// Keeps the beginning of the text, cut at a character when it is too long: for messages.
    #[must_use]
    pub fn clipped(text: impl Into<String>) -> Self {
        let mut text = text.into();
        text.truncate(text.floor_char_boundary(Self::MAX));
        Self(text)
    }

    /// The text. It may come from a peer: escape it in logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Field for Text {
    fn write(&self, to: &mut Writer<'_>) {
        // At most MAX.
        (self.0.len() as u16).write(to);
        to.bytes(self.0.as_bytes());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = usize::from(u16::read(from)?);
        if len > Self::MAX {
            return Err(from.refuse("at most 1024 bytes of text", len as u64));
        }
        let bytes = from.take(len)?;
        let text = std::str::from_utf8(bytes).map_err(|error| from.refuse("UTF-8", error.valid_up_to() as u64))?;
        Ok(Self(text.to_owned()))
    }
}

/// A descriptor record in its binary form, at most [`Record::MAX`] bytes. A length of four bytes, then the record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Record(Bytes);

impl Record {
    /// The longest record: 64 KiB.
    pub const MAX: usize = 64 << 10;

    /// The binary form of a record.
    ///
    /// # Errors
    /// [`WireError::Excess`] when it is too long.
    pub fn new(record: &DescriptorRecord) -> Result<Self, WireError> {
        let bytes = record.to_bytes();
        match bytes.len() {
            0..=Self::MAX => Ok(Self(bytes.into())),
            found => Err(WireError::Excess {
                what: "a record",
                limit: Self::MAX,
                found,
            }),
        }
    }

    /// The record.
    ///
    /// # Errors
    /// As [`DescriptorRecord::from_bytes`]: this is a peer's word until it was read.
    pub fn read(&self) -> Result<DescriptorRecord, Error> {
        DescriptorRecord::from_bytes(&self.0)
    }
}

impl Field for Record {
    fn write(&self, to: &mut Writer<'_>) {
        // At most MAX.
        (self.0.len() as u32).write(to);
        to.bytes(&self.0);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        match u32::read(from)? {
            len if len as usize <= Self::MAX => from.share(len as usize).map(Self),
            len => Err(from.refuse("at most 65536 bytes of record", len.into())),
        }
    }
}

/// At most `MAX` values. A count of two bytes, then the values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Few<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Few<T, MAX> {
    /// Keeps the values.
    ///
    /// # Errors
    /// [`WireError::Excess`] when there are too many.
    pub fn new(values: impl Into<Vec<T>>) -> Result<Self, WireError> {
        const { assert!(MAX <= u16::MAX as usize) }
        let values = values.into();
        match values.len() {
            found if found > MAX => Err(WireError::Excess {
                what: "a list",
                limit: MAX,
                found,
            }),
            _ => Ok(Self(values)),
        }
    }

    /// The values.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// The values.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: Field, const MAX: usize> Field for Few<T, MAX> {
    fn write(&self, to: &mut Writer<'_>) {
        // At most MAX, which fits.
        (self.0.len() as u16).write(to);
        for value in &self.0 {
            value.write(to);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, WireError> {
        let count = usize::from(u16::read(from)?);
        if count > MAX {
            return Err(from.refuse("a shorter list", count as u64));
        }
        // Grows with what is there, not with what was announced.
        let mut values = Vec::new();
        for _ in 0..count {
            values.push(T::read(from)?);
        }
        Ok(Self(values))
    }
}
