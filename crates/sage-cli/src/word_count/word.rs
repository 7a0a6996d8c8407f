//! Words as they travel: raw bytes and counts.

use std::fmt;

use serde::de::{self, SeqAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Any bytes; written as bytes and not as a list of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Bytes(pub(super) Box<[u8]>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(AnyBytes)
    }
}

struct AnyBytes;

impl<'de> de::Visitor<'de> for AnyBytes {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
        Ok(Bytes(bytes.into()))
    }

    fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
        Ok(Bytes(bytes.into()))
    }

    // Formats without bytes write them as a list.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Bytes, A::Error> {
        let mut bytes = Vec::new();
        while let Some(byte) = list.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes.into()))
    }
}

/// A word and how often it was met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WordCount {
    pub(super) word: Bytes,
    pub(super) count: u64,
}

/// What ends a word: the six bytes of `[:space:]` in the C locale. [`u8::is_ascii_whitespace`] lacks the vertical tab.
pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The words of a text: its maximal runs of bytes that are no space.
pub(super) fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&byte| is_space(byte)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_are_those_of_the_c_locale() {
        let spaces: Vec<u8> = (0..=u8::MAX).filter(|&byte| is_space(byte)).collect();
        assert_eq!(spaces, b"\t\n\x0b\x0c\r ");
    }

    #[test]
    fn words_are_the_runs_between_spaces() {
        let found: Vec<_> = words(b"\n a\tb\x0bc\x0c\rd\xff\x00\xa0 \xc3\xa9").collect();
        assert_eq!(found, [&b"a"[..], b"b", b"c", b"d\xff\x00\xa0", b"\xc3\xa9"]);
        assert_eq!(words(b"").count(), 0);
        assert_eq!(words(b" \n ").count(), 0);
    }

    #[test]
    fn any_bytes_survive_a_round_trip() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let sent = WordCount {
            word: Bytes(all.into()),
            count: u64::MAX,
        };
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<WordCount>(&text).unwrap(), sent);
    }
}
