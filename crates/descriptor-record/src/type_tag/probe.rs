//! A deserializer without data: it notes what it is asked for and answers with something harmless.

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::walk::{Walk, place};

/// Why a walk ends early; what was seen on the way counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The type did not like a value.
    Value,
    /// The walk turned back: it was inside the same type before, or went far enough.
    TurnedBack,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value can be made up")
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Value
    }
}

/// Texts that common text forms accept: any text, a number, an address, a date, a URL.
const TEXTS: [&str; super::walk::CANDIDATES] = ["", "a", "1", "127.0.0.1", "1970-01-01T00:00:00Z"];

/// One place of a type during one walk.
pub(super) struct Probe<'w> {
    walk: &'w mut Walk,
    at: u64,
    depth: usize,
}

impl<'w> Probe<'w> {
    pub(super) const fn root(walk: &'w mut Walk) -> Self {
        Self { walk, at: 0, depth: 0 }
    }

    fn child(&mut self, step: usize) -> Probe<'_> {
        Probe {
            at: place(self.at, step),
            depth: self.depth + 1,
            walk: self.walk,
        }
    }

    fn see(&mut self, what: &str, names: &[&str]) -> Result<(), Refused> {
        self.walk.see(self.at, self.depth, what, names)
    }
}

macro_rules! primitives {
    ($($method:ident $visit:ident $name:literal $value:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
            self.see($name, &[])?;
            let candidate = self.walk.value(self.at);
            let value: fn(usize) -> _ = $value;
            visitor.$visit(value(candidate))
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Refused;

    // Addresses and the like then ask for their binary form, which any value satisfies.
    fn is_human_readable(&self) -> bool {
        false
    }

    primitives! {
        deserialize_bool visit_bool "bool" |n| n % 2 == 1;
        deserialize_i8 visit_i8 "i8" |n| n as i8;
        deserialize_i16 visit_i16 "i16" |n| n as i16;
        deserialize_i32 visit_i32 "i32" |n| n as i32;
        deserialize_i64 visit_i64 "i64" |n| n as i64;
        deserialize_i128 visit_i128 "i128" |n| n as i128;
        deserialize_u8 visit_u8 "u8" |n| n as u8;
        deserialize_u16 visit_u16 "u16" |n| n as u16;
        deserialize_u32 visit_u32 "u32" |n| n as u32;
        deserialize_u64 visit_u64 "u64" |n| n as u64;
        deserialize_u128 visit_u128 "u128" |n| n as u128;
        deserialize_f32 visit_f32 "f32" |n| n as f32;
        deserialize_f64 visit_f64 "f64" |n| n as f64;
        deserialize_char visit_char "char" |n| char::from(b'a' + n as u8);
        deserialize_str visit_borrowed_str "text" |n| TEXTS.get(n).copied().unwrap_or_default();
        deserialize_string visit_borrowed_str "text" |n| TEXTS.get(n).copied().unwrap_or_default();
        deserialize_bytes visit_borrowed_bytes "bytes" |_| b"";
        deserialize_byte_buf visit_borrowed_bytes "bytes" |_| b"";
    }

    fn deserialize_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.see("any", &[])?;
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.see("ignored", &[])?;
        visitor.visit_unit()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.see("unit", &[])?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(mut self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.see("unit struct", &[name])?;
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.see("option", &[])?;
        if !self.walk.option_is_some(self.at) {
            return visitor.visit_none();
        }
        let at = self.at;
        let inside = visitor.visit_some(self.child(0));
        if let Err(refused) = inside.as_ref().map(drop) {
            self.walk.option_failed(at, *refused);
        }
        inside
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.see("newtype", &[name])?;
        self.walk.enter(name, &[])?;
        let inside = visitor.visit_newtype_struct(self.child(0));
        self.walk.leave();
        inside
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.see("sequence", &[])?;
        visitor.visit_seq(Items::some(self, 1))
    }

    fn deserialize_tuple<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.see("tuple", &[&len.to_string()])?;
        visitor.visit_seq(Items::all(self, len))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.see("tuple struct", &[name, &len.to_string()])?;
        self.walk.enter(name, &[])?;
        let inside = visitor.visit_seq(Items::all(self.child(0), len));
        self.walk.leave();
        inside
    }

    fn deserialize_map<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Refused> {
        self.see("map", &[])?;
        visitor.visit_map(Items::some(self, 1))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.see("struct", &[name])?;
        self.see("fields", fields)?;
        self.walk.enter(name, fields)?;
        let inside = visitor.visit_seq(Items::all(self.child(0), fields.len()));
        self.walk.leave();
        inside
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.see("enum", &[name])?;
        self.see("variants", variants)?;
        self.walk.enter(name, variants)?;
        let chosen = self.walk.variant(self.at, variants.len());
        let at = self.at;
        let inside = visitor.visit_enum(Choice {
            probe: self.child(chosen),
            name: variants.get(chosen).copied().unwrap_or_default(),
        });
        self.walk.leave();
        if inside.is_ok() {
            self.walk.variant_worked(at, chosen);
        }
        inside
    }
}

/// The elements of a sequence or map, or the fields of a struct.
struct Items<'w> {
    probe: Probe<'w>,
    next: usize,
    len: usize,
    /// True where fewer elements are fine, so that one that cannot be made up is left out.
    lenient: bool,
}

impl<'w> Items<'w> {
    const fn some(probe: Probe<'w>, len: usize) -> Self {
        Self {
            probe,
            next: 0,
            len,
            lenient: true,
        }
    }

    const fn all(probe: Probe<'w>, len: usize) -> Self {
        Self {
            lenient: false,
            ..Self::some(probe, len)
        }
    }

    fn take<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.next >= self.len {
            return Ok(None);
        }
        let item = seed.deserialize(self.probe.child(self.next));
        self.next += 1;
        match item {
            Err(refused) if self.lenient => {
                self.next = self.len;
                self.probe.walk.item_failed(refused);
                Ok(None)
            }
            item => item.map(Some),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        self.take(seed)
    }
}

impl<'de> MapAccess<'de> for Items<'_> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        self.take(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self.probe.child(usize::MAX))
    }
}

/// One variant of an enum.
struct Choice<'w> {
    probe: Probe<'w>,
    name: &'static str,
}

impl<'de, 'w> EnumAccess<'de> for Choice<'w> {
    type Error = Refused;
    type Variant = Probe<'w>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Probe<'w>), Refused> {
        let name: StrDeserializer<'_, Refused> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.probe))
    }
}

impl<'de> VariantAccess<'de> for Probe<'_> {
    type Error = Refused;

    fn unit_variant(mut self) -> Result<(), Refused> {
        self.see("unit variant", &[])
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(mut self, seed: S) -> Result<S::Value, Refused> {
        self.see("newtype variant", &[])?;
        seed.deserialize(self.child(0))
    }

    fn tuple_variant<V: Visitor<'de>>(mut self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.see("tuple variant", &[&len.to_string()])?;
        visitor.visit_seq(Items::all(self, len))
    }

    fn struct_variant<V: Visitor<'de>>(
        mut self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.see("struct variant", fields)?;
        visitor.visit_seq(Items::all(self, fields.len()))
    }
}
