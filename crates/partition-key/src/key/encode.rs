//! Values into canonical key bytes (`docs/key-hash.md`).

use descriptor_core::{Error, ErrorKind};
use serde::ser::{self, Serialize, Serializer};

use super::{INLINE, Key, Refused};

pub(super) const NULL: u8 = 0x00;
pub(super) const FALSE: u8 = 0x01;
pub(super) const TRUE: u8 = 0x02;
/// A number that fits in 64 bits with sign: 8 bytes, little-endian.
pub(super) const INT64: u8 = 0x03;
/// A number that fits in 128 bits with sign and not in 64: 16 bytes, little-endian.
pub(super) const INT128: u8 = 0x04;
/// A number that only fits in 128 bits without sign: 16 bytes, little-endian.
pub(super) const UINT128: u8 = 0x05;
pub(super) const TEXT: u8 = 0x06;
pub(super) const BYTES: u8 = 0x07;
pub(super) const LIST: u8 = 0x08;
pub(super) const MAP: u8 = 0x09;
/// Ends a list or a map. No value starts with it.
pub(super) const END: u8 = 0x0f;

/// Lists and maps may lie this deep inside each other.
pub(super) const MAX_DEPTH: u32 = 16;

/// Bytes that move to the heap only when they outgrow the key's own room.
pub(super) struct KeyBuf {
    inline: [u8; INLINE],
    len: usize,
    spilled: Vec<u8>,
}

impl KeyBuf {
    pub(super) const fn new() -> Self {
        Self {
            inline: [0; INLINE],
            len: 0,
            spilled: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.spilled.is_empty() {
            if let Some(room) = self.inline.get_mut(self.len..self.len + bytes.len()) {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
                return;
            }
            self.spilled.reserve(self.len + bytes.len());
            self.spilled.extend(self.inline.iter().take(self.len));
        }
        self.spilled.extend_from_slice(bytes);
    }

    fn as_slice(&self) -> &[u8] {
        if self.spilled.is_empty() {
            self.inline.get(..self.len).unwrap_or_default()
        } else {
            &self.spilled
        }
    }

    pub(super) fn finish(self) -> Key {
        Key::from_canonical(self.as_slice())
    }

    pub(super) fn int(&mut self, value: i128) {
        if let Ok(small) = i64::try_from(value) {
            self.tagged(INT64, small.to_le_bytes());
        } else {
            self.tagged(INT128, value.to_le_bytes());
        }
    }

    pub(super) fn unsigned(&mut self, value: u128) {
        match i128::try_from(value) {
            Ok(signed) => self.int(signed),
            Err(_) => self.tagged(UINT128, value.to_le_bytes()),
        }
    }

    fn tagged<const N: usize>(&mut self, tag: u8, bytes: [u8; N]) {
        self.push(&[tag]);
        self.push(&bytes);
    }

    /// Tag, length as unsigned LEB128, bytes.
    pub(super) fn blob(&mut self, tag: u8, bytes: &[u8]) {
        self.push(&[tag]);
        let mut rest = bytes.len();
        while rest >= 0x80 {
            self.push(&[rest as u8 | 0x80]);
            rest >>= 7;
        }
        self.push(&[rest as u8]);
        self.push(bytes);
    }
}

pub(super) fn encode<K: Serialize + ?Sized>(value: &K, out: &mut KeyBuf) -> Result<(), Error> {
    value.serialize(Encoder { out, depth: 0 }).map_err(|Refused(found)| {
        Error::new(ErrorKind::NotSerializable, "make key")
            .expected("a value of integers, text, bytes, lists and maps")
            .found(found)
            .remedy("use an integer, text or a tuple of them as the key")
    })
}

struct Encoder<'a> {
    out: &'a mut KeyBuf,
    depth: u32,
}

impl<'a> Encoder<'a> {
    fn open(self, tag: u8) -> Result<List<'a>, Refused> {
        if self.depth >= MAX_DEPTH {
            return Err(Refused(format!("lists nested deeper than {MAX_DEPTH}")));
        }
        self.out.push(&[tag]);
        Ok(List {
            out: self.out,
            depth: self.depth + 1,
            ends: 1,
        })
    }

    /// `{name: ...}`, the form of a variant with content.
    fn variant(self, name: &str) -> Result<Self, Refused> {
        let open = self.open(MAP)?;
        open.out.blob(TEXT, name.as_bytes());
        Ok(Self {
            out: open.out,
            depth: open.depth,
        })
    }

    fn map(self) -> Result<Map<'a>, Refused> {
        let List { out, depth, ends } = self.open(MAP)?;
        Ok(Map {
            out,
            depth,
            ends,
            key: None,
            entries: Vec::new(),
        })
    }
}

macro_rules! ints {
    ($($method:ident: $int:ty),*) => {$(
        fn $method(self, value: $int) -> Result<(), Refused> {
            self.out.int(value.into());
            Ok(())
        }
    )*};
}

impl<'a> Serializer for Encoder<'a> {
    type Ok = ();
    type Error = Refused;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Map<'a>;
    type SerializeStruct = Map<'a>;
    type SerializeStructVariant = Map<'a>;

    ints!(serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64, serialize_i128: i128);
    ints!(serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64);

    fn serialize_u128(self, value: u128) -> Result<(), Refused> {
        self.out.unsigned(value);
        Ok(())
    }

    fn serialize_bool(self, value: bool) -> Result<(), Refused> {
        self.out.push(&[if value { TRUE } else { FALSE }]);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Result<(), Refused> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Refused> {
        // NaN equals nothing, 0.0 equals -0.0, and 1.0 would have to equal 1 in some languages and not in others.
        Err(Refused(format!("the float {value:?}")))
    }

    fn serialize_char(self, value: char) -> Result<(), Refused> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Refused> {
        self.out.blob(TEXT, value.as_bytes());
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Refused> {
        self.out.blob(BYTES, value);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_some<V: Serialize + ?Sized>(self, value: &V) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Refused> {
        self.out.push(&[NULL]);
        Ok(())
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<(), Refused> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _name: &'static str, _index: u32, variant: &'static str) -> Result<(), Refused> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<V: Serialize + ?Sized>(self, _name: &'static str, value: &V) -> Result<(), Refused> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<V: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        value: &V,
    ) -> Result<(), Refused> {
        let Self { out, depth } = self.variant(variant)?;
        value.serialize(Encoder { out: &mut *out, depth })?;
        out.push(&[END]);
        Ok(())
    }

    fn serialize_seq(self, _len: Option<usize>) -> Result<List<'a>, Refused> {
        self.open(LIST)
    }

    fn serialize_tuple(self, _len: usize) -> Result<List<'a>, Refused> {
        self.open(LIST)
    }

    fn serialize_tuple_struct(self, _name: &'static str, _len: usize) -> Result<List<'a>, Refused> {
        self.open(LIST)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<List<'a>, Refused> {
        let list = self.variant(variant)?.open(LIST)?;
        Ok(List { ends: 2, ..list })
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<Map<'a>, Refused> {
        self.map()
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<Map<'a>, Refused> {
        self.map()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<Map<'a>, Refused> {
        let map = self.variant(variant)?.map()?;
        Ok(Map { ends: 2, ..map })
    }
}

/// An open list; `ends` counts the containers that close with it.
struct List<'a> {
    out: &'a mut KeyBuf,
    depth: u32,
    ends: u8,
}

impl List<'_> {
    fn item<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Refused> {
        value.serialize(Encoder {
            out: self.out,
            depth: self.depth,
        })
    }

    fn close(self) {
        for _ in 0..self.ends {
            self.out.push(&[END]);
        }
    }
}

/// An open map. Its entries are kept back because they have to be sorted.
struct Map<'a> {
    out: &'a mut KeyBuf,
    depth: u32,
    ends: u8,
    key: Option<KeyBuf>,
    entries: Vec<(KeyBuf, KeyBuf)>,
}

impl Map<'_> {
    fn side<V: Serialize + ?Sized>(&self, value: &V) -> Result<KeyBuf, Refused> {
        let mut out = KeyBuf::new();
        value.serialize(Encoder {
            out: &mut out,
            depth: self.depth,
        })?;
        Ok(out)
    }

    fn entry(&mut self, name: &str, value: KeyBuf) {
        let mut key = KeyBuf::new();
        key.blob(TEXT, name.as_bytes());
        self.entries.push((key, value));
    }

    fn close(mut self) -> Result<(), Refused> {
        self.entries.sort_by(|(a, _), (b, _)| a.as_slice().cmp(b.as_slice()));
        if self
            .entries
            .windows(2)
            .any(|pair| matches!(pair, [(a, _), (b, _)] if a.as_slice() == b.as_slice()))
        {
            return Err(Refused("a map with two equal keys".into()));
        }
        for (key, value) in &self.entries {
            self.out.push(key.as_slice());
            self.out.push(value.as_slice());
        }
        for _ in 0..self.ends {
            self.out.push(&[END]);
        }
        Ok(())
    }
}

macro_rules! lists {
    ($($kind:ident: $method:ident),*) => {$(
        impl ser::$kind for List<'_> {
            type Ok = ();
            type Error = Refused;

            fn $method<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Refused> {
                self.item(value)
            }

            fn end(self) -> Result<(), Refused> {
                self.close();
                Ok(())
            }
        }
    )*};
}
lists!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

impl ser::SerializeMap for Map<'_> {
    type Ok = ();
    type Error = Refused;

    fn serialize_key<V: Serialize + ?Sized>(&mut self, key: &V) -> Result<(), Refused> {
        self.key = Some(self.side(key)?);
        Ok(())
    }

    fn serialize_value<V: Serialize + ?Sized>(&mut self, value: &V) -> Result<(), Refused> {
        let value = self.side(value)?;
        let key = self
            .key
            .take()
            .ok_or_else(|| Refused("a map value without a key".into()))?;
        self.entries.push((key, value));
        Ok(())
    }

    fn end(self) -> Result<(), Refused> {
        self.close()
    }
}

macro_rules! structs {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Map<'_> {
            type Ok = ();
            type Error = Refused;

            fn serialize_field<V: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &V,
            ) -> Result<(), Refused> {
                let value = self.side(value)?;
                self.entry(name, value);
                Ok(())
            }

            fn end(self) -> Result<(), Refused> {
                self.close()
            }
        }
    )*};
}
structs!(SerializeStruct, SerializeStructVariant);
