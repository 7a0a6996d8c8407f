//! Canonical key bytes back into tokens: checking and showing them.

use std::fmt::{self, Write as _};

use super::encode::{BYTES, END, FALSE, INT64, INT128, LIST, MAP, MAX_DEPTH, NULL, TEXT, TRUE, UINT128};

/// What stands at the front of an encoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Uint(u128),
    Text(&'a str),
    Bytes(&'a [u8]),
    List,
    Map,
    End,
}

/// Takes one token off the front.
pub(super) fn next<'a>(bytes: &mut &'a [u8]) -> Result<Token<'a>, &'static str> {
    let (tag, rest) = bytes.split_first().ok_or("bytes that end inside a value")?;
    *bytes = rest;
    Ok(match *tag {
        NULL => Token::Null,
        FALSE => Token::Bool(false),
        TRUE => Token::Bool(true),
        INT64 => Token::Int(i64::from_le_bytes(fixed(bytes)?).into()),
        INT128 => {
            let value = i128::from_le_bytes(fixed(bytes)?);
            if i64::try_from(value).is_ok() {
                return Err("a number in a form wider than it needs");
            }
            Token::Int(value)
        }
        UINT128 => {
            let value = u128::from_le_bytes(fixed(bytes)?);
            if i128::try_from(value).is_ok() {
                return Err("a number in a form wider than it needs");
            }
            Token::Uint(value)
        }
        TEXT => Token::Text(std::str::from_utf8(blob(bytes)?).map_err(|_| "text that is not UTF-8")?),
        BYTES => Token::Bytes(blob(bytes)?),
        LIST => Token::List,
        MAP => Token::Map,
        END => Token::End,
        _ => return Err("an unknown tag"),
    })
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], &'static str> {
    let (value, rest) = bytes.split_first_chunk().ok_or("a number cut short")?;
    *bytes = rest;
    Ok(*value)
}

fn blob<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], &'static str> {
    let mut len = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("a length cut short")?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        if (part << shift) >> shift != part {
            return Err("a length beyond 64 bits");
        }
        len |= part << shift;
        if byte & 0x80 == 0 {
            if *byte == 0 && shift > 0 {
                return Err("a length in a form wider than it needs");
            }
            let len = usize::try_from(len).map_err(|_| "a length beyond the memory")?;
            let (value, rest) = bytes.split_at_checked(len).ok_or("text or bytes cut short")?;
            *bytes = rest;
            return Ok(value);
        }
    }
    Err("a length beyond 64 bits")
}

/// Confirms that `encoded` is one canonical value and nothing more.
pub(super) fn check(encoded: &[u8]) -> Result<(), &'static str> {
    let mut rest = encoded;
    match value(&mut rest, 0)? {
        true if rest.is_empty() => Ok(()),
        true => Err("bytes behind the value"),
        false => Err("an end without a beginning"),
    }
}

/// Passes over one value; false for an end marker.
fn value(bytes: &mut &[u8], depth: u32) -> Result<bool, &'static str> {
    let token = next(bytes)?;
    match token {
        Token::End => return Ok(false),
        Token::List | Token::Map if depth >= MAX_DEPTH => return Err("lists nested deeper than 16"),
        Token::List => while value(bytes, depth + 1)? {},
        Token::Map => {
            let mut last: &[u8] = &[];
            loop {
                let start = *bytes;
                if !value(bytes, depth + 1)? {
                    break;
                }
                let key = start.get(..start.len() - bytes.len()).unwrap_or_default();
                if key <= last {
                    return Err("a map whose keys are not in ascending order");
                }
                last = key;
                if !value(bytes, depth + 1)? {
                    return Err("a map key without a value");
                }
            }
        }
        _ => {}
    }
    Ok(true)
}

/// Writes the value for people.
pub(super) fn display(encoded: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    show(&mut &*encoded, f).map(|_| ())
}

fn show(bytes: &mut &[u8], f: &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error> {
    let Ok(token) = next(bytes) else {
        return f.write_str("invalid").map(|()| false);
    };
    match token {
        Token::Null => f.write_str("null")?,
        Token::Bool(value) => write!(f, "{value}")?,
        Token::Int(value) => write!(f, "{value}")?,
        Token::Uint(value) => write!(f, "{value}")?,
        Token::Text(value) => write!(f, "{value:?}")?,
        Token::Bytes(value) => write!(f, "0x{}", Hex(value))?,
        Token::List => {
            f.write_char('[')?;
            items(bytes, f, show)?;
            f.write_char(']')?;
        }
        Token::Map => {
            f.write_char('{')?;
            items(bytes, f, |bytes, f| {
                Ok(show(bytes, f)? && {
                    f.write_str(": ")?;
                    show(bytes, f)?
                })
            })?;
            f.write_char('}')?;
        }
        Token::End => return Ok(false),
    }
    Ok(true)
}

fn items(
    bytes: &mut &[u8],
    f: &mut fmt::Formatter<'_>,
    mut item: impl FnMut(&mut &[u8], &mut fmt::Formatter<'_>) -> Result<bool, fmt::Error>,
) -> fmt::Result {
    let mut first = true;
    while let Some(tag) = bytes.first() {
        if *tag == END {
            *bytes = bytes.get(1..).unwrap_or_default();
            break;
        }
        if !first {
            f.write_str(", ")?;
        }
        first = false;
        if !item(bytes, f)? {
            break;
        }
    }
    Ok(())
}

/// Bytes in lower-case hexadecimal.
pub(super) struct Hex<'a>(pub(super) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The bytes of a hexadecimal text of even length.
pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
