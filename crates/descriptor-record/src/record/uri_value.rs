//! Values in a URI: bare, quoted or in parentheses.

use std::fmt::{self, Write};

use queue_core::{Error, Result};

use super::rules::{invalid, too_deep};
use crate::{DescriptorRecord, Value, excerpt};

/// Stands as it is in names and values; everything else is percent-encoded. `+` is none of these: some programs
/// read it as a space.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b':')
}

pub(super) fn encode(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for byte in text.bytes() {
        if is_plain(byte) {
            f.write_char(byte as char)?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// `None` when a `%` is not followed by two hex digits or the bytes are not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            (digit()? * 16 + digit()?) as u8
        } else {
            byte
        });
    }
    String::from_utf8(out).ok()
}

/// What a bare word means; `None` for the words of numbers that are not finite, which no value has.
fn bare(word: &str) -> Option<Value> {
    Some(match word {
        "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "NaN" | "inf" | "-inf" => return None,
        _ => whole(word)
            .map(Value::Int)
            .or_else(|| fraction(word).map(Value::Float))
            .unwrap_or_else(|| Value::Text(word.to_owned())),
    })
}

/// Whole numbers in their one spelling, so that `007` stays text.
fn whole(word: &str) -> Option<i64> {
    word.parse().ok().filter(|number: &i64| number.to_string() == word)
}

/// Numbers with a fraction or an exponent.
fn fraction(word: &str) -> Option<f64> {
    let starts = word
        .strip_prefix('-')
        .unwrap_or(word)
        .starts_with(|c: char| c.is_ascii_digit());
    let marked = word.contains(['.', 'e', 'E']);
    (starts && marked)
        .then(|| word.parse().ok())
        .flatten()
        .filter(|number: &f64| number.is_finite())
}

/// A value as it stands in a URI.
pub(super) struct Written<'a>(pub(super) &'a Value);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Text(text) if !text.is_empty() && matches!(bare(text), Some(Value::Text(_))) => encode(f, text),
            Value::Text(text) => {
                f.write_char('\'')?;
                encode(f, text)?;
                f.write_char('\'')
            }
            Value::List(values) => {
                f.write_char('(')?;
                for (i, value) in values.iter().enumerate() {
                    if i > 0 {
                        f.write_char(',')?;
                    }
                    Written(value).fmt(f)?;
                }
                f.write_char(')')
            }
            // Null, bools and numbers are plain, and a float always shows a point or an exponent.
            scalar => scalar.fmt(f),
        }
    }
}

/// Reads the value of the parameter `key`.
pub(super) fn read_value(key: &str, text: &str) -> Result<Value> {
    let mut input = Input { key, text, rest: text };
    // The record and its parameters are two levels.
    let value = input.value(3)?;
    if input.rest.is_empty() {
        Ok(value)
    } else {
        Err(input.wrong("one value"))
    }
}

struct Input<'a> {
    key: &'a str,
    text: &'a str,
    rest: &'a str,
}

impl Input<'_> {
    /// Says where the fault is without repeating the value, which may be a secret in the wrong place.
    fn wrong(&self, expected: &str) -> Error {
        invalid("read URI record")
            .expected(format!("{expected} in {}", excerpt(self.key)))
            .found(format!(
                "a fault at byte {} of its value",
                self.text.len() - self.rest.len()
            ))
            .remedy("put text into single quotes and percent-encode quotes, commas and parentheses")
    }

    fn skip(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self) -> Result<String> {
        let end = self.rest.find(['\'', '(', ')', ',']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let word = decode(word).ok_or_else(|| self.wrong("`%` before two hex digits of UTF-8 text"))?;
        self.rest = rest;
        Ok(word)
    }

    fn value(&mut self, depth: usize) -> Result<Value> {
        if self.skip('(') {
            return self.list(depth);
        }
        if self.skip('\'') {
            let text = self.word()?;
            return if self.skip('\'') {
                Ok(Value::Text(text))
            } else {
                Err(self.wrong("a closing quote"))
            };
        }
        let word = self.word()?;
        if word.is_empty() && depth > 3 {
            return Err(self.wrong("a value between commas"));
        }
        bare(&word).ok_or_else(|| self.wrong("a finite number"))
    }

    fn list(&mut self, depth: usize) -> Result<Value> {
        if depth > DescriptorRecord::MAX_DEPTH {
            return Err(too_deep(&format!("nesting of {depth} or more")));
        }
        let mut values = Vec::new();
        if self.skip(')') {
            return Ok(Value::List(values));
        }
        loop {
            values.push(self.value(depth + 1)?);
            if self.skip(')') {
                return Ok(Value::List(values));
            }
            if !self.skip(',') {
                return Err(self.wrong("a comma or a closing parenthesis"));
            }
        }
    }
}
