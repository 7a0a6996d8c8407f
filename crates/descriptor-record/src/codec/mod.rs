//! How items become frames and frames become items.

mod draft;
mod guard;
mod tail;

use std::cell::Cell;
use std::fmt;
use std::str::FromStr;

use bincode::config::{Configuration, Fixint, LittleEndian};
use queue_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::{DeserializeOwned, DeserializeSeed};

use self::guard::{Guarded, MAX_DEPTH, SPARE_ELEMENTS};
use self::tail::Tail;
use crate::excerpt;

/// An encoding of items, named by one byte in every frame that leaves the process.
///
/// A fitting type reads back what it wrote with the same codec. Only `json` describes itself:
/// attributes such as `serde(flatten)`, `serde(untagged)` and `skip_serializing_if` need `json`.
///
/// ```
/// use descriptor_record::Codec;
/// let mut frame = Vec::new();
/// Codec::default().encode(&("bid", 42_u64), Codec::DEFAULT_LIMIT, &mut frame)?;
/// let item: (String, u64) = Codec::default().decode(&frame, Codec::DEFAULT_LIMIT)?;
/// assert_eq!(item, ("bid".to_owned(), 42));
/// # Ok::<(), queue_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Codec {
    /// bincode 2, standard configuration: little endian, numbers in as few bytes as they need.
    Bincode = 1,
    /// postcard 1: the smallest frames.
    #[default]
    Postcard = 2,
    /// JSON: readable, for every language.
    Json = 3,
    /// bincode 2 with every number at its full width: the least work, for where bytes cost little.
    Fixed = 4,
}

/// Little endian, lengths of eight bytes, variants of enums of four.
const FULL_WIDTH: Configuration<LittleEndian, Fixint> = bincode::config::legacy();

impl Codec {
    /// Every codec, in the order of the ids.
    pub const ALL: [Self; 4] = [Self::Bincode, Self::Postcard, Self::Json, Self::Fixed];
    /// A limit for frames where nobody says otherwise: 16 MiB.
    pub const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

    /// The id in a frame.
    #[must_use]
    pub const fn id(self) -> u8 {
        self as u8
    }

    /// The codec with this id.
    ///
    /// # Errors
    /// `Incompatible` for an id of no known codec.
    pub fn from_id(id: u8) -> Result<Self> {
        Self::ALL.into_iter().find(|codec| codec.id() == id).ok_or_else(|| {
            Error::new(ErrorKind::Incompatible, "choose codec")
                .expected("codec 1 (bincode), 2 (postcard), 3 (json) or 4 (fixed)")
                .found(format!("codec {id}"))
                .remedy("let both sides use the same version of this library")
        })
    }

    /// The name in parameters and messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bincode => "bincode",
            Self::Postcard => "postcard",
            Self::Json => "json",
            Self::Fixed => "fixed",
        }
    }

    /// Appends the item to `out`, which may be used again and again.
    ///
    /// When this fails, or the item's `Serialize` panics, `out` is as long as before.
    ///
    /// # Errors
    /// `TooLarge` with both sizes when the item takes more than `limit` bytes (never more than that is stored),
    /// `NotSerializable` when the item's `Serialize` refuses or the codec cannot express it.
    pub fn encode<T: Serialize + ?Sized>(self, item: &T, limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let drafted = match self {
            Self::Bincode => draft::write(item, bincode::config::standard(), limit, out),
            Self::Fixed => draft::write(item, FULL_WIDTH, limit, out),
            Self::Postcard | Self::Json => false,
        };
        if drafted {
            return Ok(());
        }
        let mut tail = Tail::new(out, limit);
        let outcome = match self {
            Self::Bincode => bincode::serde::encode_into_writer(item, &mut tail, bincode::config::standard())
                .map_err(|error| error.to_string()),
            Self::Fixed => {
                bincode::serde::encode_into_writer(item, &mut tail, FULL_WIDTH).map_err(|error| error.to_string())
            }
            Self::Postcard => postcard::serialize_with_flavor(item, &mut tail).map_err(|error| error.to_string()),
            Self::Json => serde_json::to_writer(&mut tail, item).map_err(|error| error.to_string()),
        };
        outcome.map_err(|error| {
            Error::new(ErrorKind::NotSerializable, "encode item")
                .backend(self.name())
                .expected(format!(
                    "a value of {} that this codec can express",
                    std::any::type_name::<T>()
                ))
                .found(error)
                .remedy("use codec json, or give the type another Serialize")
        })?;
        tail.keep().map_err(|size| self.too_large("encode item", limit, size))
    }

    /// Reads one item that fills the whole frame.
    ///
    /// Memory follows the frame, not the lengths it claims. Values of all but `json` nest at most 128 deep
    /// and have at most 2^20 elements without any bytes.
    ///
    /// # Errors
    /// `TooLarge` with both sizes when the frame is longer than `limit`, `Corrupt` when it is not exactly one `T`.
    pub fn decode<T: DeserializeOwned>(self, frame: &[u8], limit: usize) -> Result<T> {
        if frame.len() > limit {
            return Err(self.too_large("decode item", limit, frame.len()));
        }
        let elements = Cell::new(frame.len().saturating_add(SPARE_ELEMENTS));
        let seed = Guarded::<std::marker::PhantomData<T>>::root(&elements);
        let (item, rest) = match self {
            Self::Bincode => bincode::serde::seed_decode_from_slice(seed, frame, bincode::config::standard())
                .map(|(item, read)| (item, frame.len().saturating_sub(read)))
                .map_err(|error| self.corrupt::<T>(frame, error.to_string()))?,
            Self::Fixed => bincode::serde::seed_decode_from_slice(seed, frame, FULL_WIDTH)
                .map(|(item, read)| (item, frame.len().saturating_sub(read)))
                .map_err(|error| self.corrupt::<T>(frame, error.to_string()))?,
            Self::Postcard => {
                let mut reader = postcard::Deserializer::from_bytes(frame);
                seed.deserialize(&mut reader)
                    .and_then(|item| reader.finalize().map(|rest| (item, rest.len())))
                    .map_err(|error| self.corrupt::<T>(frame, error.to_string()))?
            }
            // Has its own limit of 128 levels and refuses what follows the item.
            Self::Json => serde_json::from_slice(frame)
                .map(|item| (item, 0))
                .map_err(|error| self.corrupt::<T>(frame, error.to_string()))?,
        };
        if rest > 0 {
            return Err(self.corrupt::<T>(frame, format!("{rest} bytes behind it")));
        }
        Ok(item)
    }

    #[cold]
    fn too_large(self, operation: &'static str, limit: usize, size: usize) -> Error {
        Error::new(ErrorKind::TooLarge, operation)
            .backend(self.name())
            .expected(format!("at most {limit} bytes"))
            .found(format!("{size} bytes"))
            .remedy("raise the limit of the queue, or send a reference to the data")
    }

    #[cold]
    fn corrupt<T>(self, frame: &[u8], fault: String) -> Error {
        Error::new(ErrorKind::Corrupt, "decode item")
            .backend(self.name())
            .expected(format!(
                "{} bytes that are one {}, nested at most {MAX_DEPTH} deep",
                frame.len(),
                std::any::type_name::<T>()
            ))
            .found(fault)
            .remedy("check that both sides use the same type and codec")
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Codec {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|codec| codec.name() == name).ok_or_else(|| {
            Error::new(ErrorKind::InvalidDescriptor, "choose codec")
                .expected("bincode, postcard, json or fixed")
                .found(excerpt(name))
                .remedy("leave the codec out to use postcard")
        })
    }
}
