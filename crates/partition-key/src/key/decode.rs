//! Canonical key bytes back into values.

use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::Refused;
use super::encode::END;
use super::read::{Token, next};

pub(super) fn decode<'de, K: Deserialize<'de>>(encoded: &'de [u8]) -> Result<K, Refused> {
    let mut rest = encoded;
    let value = K::deserialize(Decoder(&mut rest))?;
    if rest.is_empty() {
        Ok(value)
    } else {
        Err(Refused("more items than the type holds".into()))
    }
}

impl From<&'static str> for Refused {
    fn from(message: &'static str) -> Self {
        Self(message.into())
    }
}

struct Decoder<'a, 'de>(&'a mut &'de [u8]);

impl Decoder<'_, '_> {
    /// Takes the marker off when the container ends here.
    fn ends(&mut self) -> bool {
        match self.0.split_first() {
            Some((&END, rest)) => {
                *self.0 = rest;
                true
            }
            _ => false,
        }
    }

    fn close(mut self) -> Result<(), Refused> {
        if self.ends() {
            Ok(())
        } else {
            Err(Refused("more items than the type holds".into()))
        }
    }
}

impl<'de> de::Deserializer<'de> for Decoder<'_, 'de> {
    type Error = Refused;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match next(self.0)? {
            Token::Null => visitor.visit_unit(),
            Token::Bool(value) => visitor.visit_bool(value),
            Token::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
                (_, Ok(value)) => visitor.visit_u64(value),
                (Ok(value), _) => visitor.visit_i64(value),
                _ => visitor.visit_i128(value),
            },
            Token::Uint(value) => visitor.visit_u128(value),
            Token::Text(value) => visitor.visit_borrowed_str(value),
            Token::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Token::List => {
                let value = visitor.visit_seq(Decoder(self.0))?;
                self.close()?;
                Ok(value)
            }
            Token::Map => {
                let value = visitor.visit_map(Decoder(self.0))?;
                self.close()?;
                Ok(value)
            }
            Token::End => Err("the end of a list where a value was due".into()),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let mut ahead = *self.0;
        if next(&mut ahead)? == Token::Null {
            *self.0 = ahead;
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        match next(self.0)? {
            Token::Text(name) => visitor.visit_enum(name.into_deserializer()),
            Token::Map => {
                let value = visitor.visit_enum(Decoder(self.0))?;
                self.close()?;
                Ok(value)
            }
            _ => Err("a value that is no variant".into()),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct identifier ignored_any
    }
}

impl<'de> de::SeqAccess<'de> for Decoder<'_, 'de> {
    type Error = Refused;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.0.first() == Some(&END) {
            return Ok(None);
        }
        seed.deserialize(Decoder(self.0)).map(Some)
    }
}

impl<'de> de::MapAccess<'de> for Decoder<'_, 'de> {
    type Error = Refused;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        de::SeqAccess::next_element_seed(self, seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(Decoder(self.0))
    }
}

impl<'de> de::EnumAccess<'de> for Decoder<'_, 'de> {
    type Error = Refused;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let name = seed.deserialize(Decoder(self.0))?;
        Ok((name, self))
    }
}

impl<'de> de::VariantAccess<'de> for Decoder<'_, 'de> {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        <()>::deserialize(self)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Refused> {
        de::Deserializer::deserialize_any(self, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        de::Deserializer::deserialize_any(self, visitor)
    }
}
