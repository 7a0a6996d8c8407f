//! The partition key: canonical bytes and their hash, computed once.

mod decode;
mod encode;
mod hash;
mod read;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use descriptor_core::{Error, ErrorKind};
use serde::de::Deserialize;
use serde::{Deserializer, Serialize, Serializer, de, ser};
use xxhash_rust::xxh3::xxh3_64;

use encode::KeyBuf;

/// The longest encoding that is kept without an allocation: 20 bytes of text, or two integers as a tuple.
const INLINE: usize = 22;

/// The key of a packet, in the canonical encoding of `docs/key-hash.md`, with its xxh3-64 hash.
///
/// Equal values give equal keys whatever their Rust type: `1_u8` and `1_i64`, `"a"` and `String::from("a")`, a tuple
/// and a list. `0`, `""`, `false` and `()` are keys like any other. Keys of up to 22 encoded bytes need no allocation;
/// longer ones are shared by their clones.
///
/// ```
/// use partition_key::Key;
/// let key = Key::of(&("user", 7_u8))?;
/// assert_eq!(key, Key::of(&(String::from("user"), 7_i64))?);
/// assert_eq!(key.to_string(), r#"["user", 7]"#);
/// assert_eq!(key.decode::<(String, u32)>()?, ("user".to_owned(), 7));
/// assert_eq!(Key::from(7_u64).hash(), Key::from(7_i8).hash());
/// # Ok::<(), descriptor_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Key {
    /// 0 for integers: their hash is had from registers faster than from memory.
    hash: u64,
    repr: Repr,
}

#[derive(Clone)]
enum Repr {
    Int(Int),
    Inline { len: u8, bytes: [u8; INLINE] },
    Shared(Arc<[u8]>),
}

/// A number that fits in 64 bits with sign: its encoding are the last nine bytes. Two words, the second of them the
/// number: bytes that are put together one by one are slow to read again.
#[derive(Clone, Copy)]
#[repr(align(8))]
struct Int([u8; 16]);

impl Int {
    const START: usize = 7;

    #[inline]
    const fn new(value: i64) -> Self {
        let word = (encode::INT64 as u128) << (8 * Self::START) | (value as u64 as u128) << 64;
        Self(word.to_le_bytes())
    }

    #[inline]
    const fn value(self) -> i64 {
        (u128::from_le_bytes(self.0) >> 64) as i64
    }
}

const _: () = assert!(size_of::<Option<Key>>() == 32);

impl Key {
    /// The key of any value that serde can describe, except those with floats.
    ///
    /// Structs are maps of their field names, unit variants are text, other variants are maps of one entry, `None` is
    /// null and `Some(x)` is `x`. Byte slices are lists for serde; use [`Key::bytes`] for a key of raw bytes.
    ///
    /// # Errors
    /// `NotSerializable` for a float, for a map with two equal keys, for nesting deeper than 16, and when the value's
    /// own `Serialize` fails.
    pub fn of<K: Serialize + ?Sized>(value: &K) -> Result<Self, Error> {
        let mut buf = KeyBuf::new();
        encode::encode(value, &mut buf)?;
        Ok(buf.finish())
    }

    /// The key of raw bytes. It differs from the key of the same text and from that of the list of the same numbers.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Self {
        let mut buf = KeyBuf::new();
        buf.blob(encode::BYTES, bytes);
        buf.finish()
    }

    /// Takes an encoding made elsewhere.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not exactly one value in canonical form.
    pub fn from_encoded(encoded: &[u8]) -> Result<Self, Error> {
        read::check(encoded).map_err(|found| {
            Error::new(ErrorKind::Corrupt, "read key")
                .expected("one value in the canonical key encoding")
                .found(found)
                .remedy("encode keys as docs/key-hash.md says")
        })?;
        Ok(Self::from_canonical(encoded))
    }

    /// The canonical encoding.
    #[must_use]
    pub fn encoded(&self) -> &[u8] {
        match &self.repr {
            Repr::Int(Int(bytes)) => bytes.get(Int::START..).unwrap_or_default(),
            // `len` is at most INLINE by construction; an empty slice would be the worst that could come of a bug.
            Repr::Inline { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Repr::Shared(bytes) => bytes,
        }
    }

    /// xxh3-64, seed 0, of [`encoded`](Self::encoded). Computed when the key was made; that of an integer of 64 bits here,
    /// in a few instructions.
    #[inline]
    #[must_use]
    pub const fn hash(&self) -> u64 {
        match &self.repr {
            Repr::Int(int) => {
                let word = int.value() as u64;
                hash::of_nine(word << 8 | encode::INT64 as u64, word)
            }
            _ => self.hash,
        }
    }

    /// The value back, as any type that can be read from it; text and bytes can be borrowed from the key.
    ///
    /// # Errors
    /// `TypeMismatch` when the key does not hold a `K`.
    pub fn decode<'de, K: Deserialize<'de>>(&'de self) -> Result<K, Error> {
        decode::decode(self.encoded()).map_err(|cause| {
            Error::new(ErrorKind::TypeMismatch, "decode key")
                .expected(std::any::type_name::<K>())
                .found(self.to_string())
                .caused_by(cause)
        })
    }

    /// The integer of a key that is one, where 64 bits with sign hold it. `Key::from` of that makes an equal key.
    #[inline]
    #[must_use]
    pub const fn as_i64(&self) -> Option<i64> {
        match &self.repr {
            Repr::Int(int) => Some(int.value()),
            _ => None,
        }
    }

    fn from_canonical(encoded: &[u8]) -> Self {
        if let [encode::INT64, value @ ..] = encoded
            && let Ok(value) = value.try_into()
        {
            return Self::int64(i64::from_le_bytes(value));
        }
        let mut bytes = [0; INLINE];
        let repr = match bytes.get_mut(..encoded.len()) {
            Some(start) => {
                start.copy_from_slice(encoded);
                Repr::Inline {
                    len: encoded.len() as u8,
                    bytes,
                }
            }
            None => Repr::Shared(encoded.into()),
        };
        Self {
            hash: xxh3_64(encoded),
            repr,
        }
    }

    /// The most frequent kind of key, without the buffer that others are built in.
    #[inline]
    const fn int64(value: i64) -> Self {
        Self {
            hash: 0,
            repr: Repr::Int(Int::new(value)),
        }
    }

    fn int128(value: i128) -> Self {
        let mut buf = KeyBuf::new();
        buf.int(value);
        buf.finish()
    }
}

impl PartialEq for Key {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        match (&self.repr, &other.repr) {
            (Repr::Int(int), Repr::Int(other)) => int.value() == other.value(),
            _ if self.hash != other.hash => false,
            // What is behind the encoding is zero.
            (
                Repr::Inline { len, bytes },
                Repr::Inline {
                    len: others,
                    bytes: other,
                },
            ) => len == others && bytes == other,
            _ => self.encoded() == other.encoded(),
        }
    }
}

impl Eq for Key {}

impl Hash for Key {
    /// Writes the key's own hash, so that tables do not read the bytes again.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash());
    }
}

macro_rules! key_from_int {
    ($($int:ty),*) => {$(
        impl From<$int> for Key {
            #[inline]
            fn from(value: $int) -> Self {
                i64::try_from(value).map_or_else(|_| Self::int128(value as i128), Self::int64)
            }
        }
    )*};
}
key_from_int!(u8, u16, u32, u64, i8, i16, i32, i64, i128, usize, isize);

impl From<u128> for Key {
    fn from(value: u128) -> Self {
        let mut buf = KeyBuf::new();
        buf.unsigned(value);
        buf.finish()
    }
}

impl From<bool> for Key {
    fn from(value: bool) -> Self {
        Self::from_canonical(&[if value { encode::TRUE } else { encode::FALSE }])
    }
}

impl From<()> for Key {
    fn from((): ()) -> Self {
        Self::from_canonical(&[encode::NULL])
    }
}

impl From<&str> for Key {
    fn from(value: &str) -> Self {
        let mut buf = KeyBuf::new();
        buf.blob(encode::TEXT, value.as_bytes());
        buf.finish()
    }
}

impl From<String> for Key {
    fn from(value: String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<char> for Key {
    fn from(value: char) -> Self {
        Self::from(&*value.encode_utf8(&mut [0; 4]))
    }
}

/// Why a value cannot be a key, or a key not such a value.
#[derive(Debug)]
struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

impl ser::Error for Refused {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self(message.to_string())
    }
}

impl de::Error for Refused {
    fn custom<M: fmt::Display>(message: M) -> Self {
        Self(message.to_string())
    }
}

/// The value in a form for people: `7`, `"text"`, `0x00ff`, `[1, null]`, `{"a": true}`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        read::display(self.encoded(), f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// The encoding travels, as bytes or, in text formats, in hexadecimal; the hash is computed again by the reader.
impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&read::Hex(self.encoded()))
        } else {
            serializer.serialize_bytes(self.encoded())
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_str(Encoded)
        } else {
            deserializer.deserialize_bytes(Encoded)
        }
    }
}

struct Encoded;

impl de::Visitor<'_> for Encoded {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key in its canonical encoding, as bytes or in hexadecimal")
    }

    fn visit_bytes<E: de::Error>(self, encoded: &[u8]) -> Result<Key, E> {
        Key::from_encoded(encoded).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, hex: &str) -> Result<Key, E> {
        let encoded = read::unhex(hex).ok_or_else(|| E::invalid_value(de::Unexpected::Str(hex), &self))?;
        self.visit_bytes(&encoded)
    }
}
