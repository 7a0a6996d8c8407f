//! The binary form. Its layout is written down in `docs/descriptor-format.md`.

use queue_core::{Error, ErrorKind, Result};
use xxhash_rust::xxh3::xxh3_64;

use super::rules::too_deep;
use crate::{DescriptorRecord, QueueId, Scope, Value, excerpt};

const READ: &str = "read binary record";
const MAGIC: [u8; 4] = *b"SQDR";
const FORM: u8 = 1;
const CHECKSUM_BYTES: usize = 8;
const REMEDY: &str = "write the record again with to_bytes";

mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const TEXT: u8 = 5;
    pub(super) const LIST: u8 = 6;

    pub(super) const ABSENT: u8 = 0;
    pub(super) const PROCESS: u8 = 1;
    pub(super) const WORKER: u8 = 2;
    pub(super) const PRESENT: u8 = 1;
}

impl DescriptorRecord {
    /// The record as bytes, the same bytes for equal records.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(&MAGIC);
        out.push(FORM);
        put_text(&mut out, self.queue_id.as_str());
        put_text(&mut out, &self.queue_type);
        put_number(&mut out, u64::from(self.version));
        out.extend_from_slice(&self.created_timestamp.to_le_bytes());
        match &self.scope {
            Scope::Unscoped => out.push(tag::ABSENT),
            Scope::Process(id) => {
                out.push(tag::PROCESS);
                out.extend_from_slice(&id.to_le_bytes());
            }
            Scope::Worker(number) => {
                out.push(tag::WORKER);
                put_number(&mut out, u64::from(*number));
            }
        }
        match self.epoch {
            None => out.push(tag::ABSENT),
            Some(epoch) => {
                out.push(tag::PRESENT);
                put_number(&mut out, epoch);
            }
        }
        put_number(&mut out, self.metadata.len() as u64);
        for (key, value) in &self.metadata {
            put_text(&mut out, key);
            put_value(&mut out, value);
        }
        let checksum = xxh3_64(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Reads [`to_bytes`](Self::to_bytes). Takes no memory for lengths that the input does not have.
    ///
    /// # Errors
    /// `TooLarge` over 64 KiB, `Corrupt` for anything else that `to_bytes` did not write, `Incompatible` for a later
    /// form, and what [`check`](Self::check) finds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(Error::new(ErrorKind::TooLarge, READ)
                .expected(format!("at most {} bytes", Self::MAX_BYTES))
                .found(format!("{} bytes", bytes.len()))
                .remedy("put large values into a file and name the file"));
        }
        let Some(rest) = bytes.strip_prefix(&MAGIC) else {
            return Err(corrupt("bytes that start with SQDR", "another start"));
        };
        let (Some((&form, _)), Some((content, checksum))) =
            (rest.split_first(), bytes.split_last_chunk::<CHECKSUM_BYTES>())
        else {
            return Err(corrupt("a whole record", format!("only {} bytes", bytes.len())));
        };
        let (expected, found) = (xxh3_64(content), u64::from_le_bytes(*checksum));
        if expected != found {
            return Err(corrupt(format!("checksum {expected:016x}"), format!("{found:016x}")));
        }
        if form != FORM {
            return Err(Error::new(ErrorKind::Incompatible, READ)
                .expected(format!("binary form {FORM}"))
                .found(format!("form {form}"))
                .remedy("update this program or send the record as JSON"));
        }
        let mut input = Input(content.get(MAGIC.len() + 1..).unwrap_or_default());
        let record = input.record()?;
        if !input.0.is_empty() {
            return Err(corrupt(
                "the end of the record",
                format!("{} more bytes", input.0.len()),
            ));
        }
        record.check()?;
        Ok(record)
    }
}

fn corrupt(expected: impl Into<String>, found: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, READ)
        .expected(expected)
        .found(found)
        .remedy(REMEDY)
}

/// LEB128: seven bits per byte, the lowest first.
fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(tag::NULL),
        Value::Bool(false) => out.push(tag::FALSE),
        Value::Bool(true) => out.push(tag::TRUE),
        Value::Int(number) => {
            out.push(tag::INT);
            // Zigzag: small negative numbers stay short.
            put_number(out, ((number << 1) ^ (number >> 63)) as u64);
        }
        Value::Float(number) => {
            out.push(tag::FLOAT);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::Text(text) => {
            out.push(tag::TEXT);
            put_text(out, text);
        }
        Value::List(values) => {
            out.push(tag::LIST);
            put_number(out, values.len() as u64);
            for value in values {
                put_value(out, value);
            }
        }
    }
}

/// What has not been read yet.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn record(&mut self) -> Result<DescriptorRecord> {
        let queue_id = QueueId::new(self.text()?)?;
        let queue_type = self.text()?.to_owned();
        let mut record = DescriptorRecord::undated(queue_id, queue_type);
        record.version = self.small()?;
        record.created_timestamp = f64::from_le_bytes(self.array()?);
        record.scope = match self.byte()? {
            tag::ABSENT => Scope::Unscoped,
            tag::PROCESS => Scope::Process(u128::from_le_bytes(self.array()?)),
            tag::WORKER => Scope::Worker(self.small()?),
            other => return Err(corrupt("a scope tag of 0 to 2", other.to_string())),
        };
        record.epoch = match self.byte()? {
            tag::ABSENT => None,
            tag::PRESENT => Some(self.number()?),
            other => return Err(corrupt("an epoch tag of 0 or 1", other.to_string())),
        };
        let mut last = None;
        let count = self.number()?;
        for _ in 0..count {
            let key = self.text()?;
            if last.is_some_and(|last| last >= key) {
                return Err(corrupt("parameters in ascending order", excerpt(key)));
            }
            last = Some(key);
            let value = self.value(3)?;
            record.metadata.insert(key.to_owned(), value);
        }
        Ok(record)
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, tail) = self
            .0
            .split_at_checked(len)
            .ok_or_else(|| corrupt(format!("{len} more bytes"), self.0.len().to_string()))?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, tail) = self
            .0
            .split_first_chunk::<N>()
            .ok_or_else(|| corrupt(format!("{N} more bytes"), self.0.len().to_string()))?;
        self.0 = tail;
        Ok(*head)
    }

    fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits || (byte == 0 && shift > 0) {
                return Err(corrupt("a number in its shortest form", "a longer one"));
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(corrupt("a number of at most 64 bits", "a longer one"))
    }

    fn small(&mut self) -> Result<u32> {
        let number = self.number()?;
        u32::try_from(number).map_err(|_| corrupt("a number of at most 32 bits", number.to_string()))
    }

    fn text(&mut self) -> Result<&'a str> {
        let len = self.number()?;
        let len = usize::try_from(len).map_err(|_| corrupt(format!("{len} more bytes"), self.0.len().to_string()))?;
        std::str::from_utf8(self.take(len)?).map_err(|error| corrupt("UTF-8 text", error.to_string()))
    }

    /// One value; a list at `depth` is the `depth`th level of the record.
    fn value(&mut self, depth: usize) -> Result<Value> {
        Ok(match self.byte()? {
            tag::NULL => Value::Null,
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::INT => {
                let zigzag = self.number()?;
                Value::Int((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64))
            }
            tag::FLOAT => Value::Float(f64::from_le_bytes(self.array()?)),
            tag::TEXT => Value::Text(self.text()?.to_owned()),
            tag::LIST if depth > DescriptorRecord::MAX_DEPTH => {
                return Err(too_deep(&format!("nesting of {depth} or more")));
            }
            tag::LIST => {
                let count = self.number()?;
                // Grows with what is really there, not with what the count claims.
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(self.value(depth + 1)?);
                }
                Value::List(values)
            }
            other => return Err(corrupt("a value tag of 0 to 6", other.to_string())),
        })
    }
}
