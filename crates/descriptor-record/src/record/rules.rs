//! What makes a record valid, whatever form it came in.

use queue_core::{Error, ErrorKind, Result};

use crate::{DescriptorRecord, Value, excerpt};

/// Parts of a parameter name that announce a secret.
const SECRET_WORDS: [&str; 6] = ["token", "secret", "password", "passwd", "passphrase", "credentials"];
const SECRET_NAMES: [&str; 4] = ["api_key", "apikey", "private_key", "access_key"];
/// No scalar takes more in any form: `-1.7976931348623157e308` and its separators.
const SCALAR_WEIGHT: usize = 28;
/// The fixed keys with the longest scope, epoch and timestamp.
const FIXED_WEIGHT: usize = 320;

pub(super) fn invalid(operation: &'static str) -> Error {
    Error::new(ErrorKind::InvalidDescriptor, operation)
}

impl DescriptorRecord {
    /// Checks every rule that needs no knowledge of the queue type: its name, the names, number, depth and size of
    /// the parameters, finite numbers, the version, and that no secret is inside.
    ///
    /// # Errors
    /// `InvalidDescriptor`, `TooLarge` or `Incompatible` (a version of the future), naming the value, the rule and a
    /// remedy. The value of a secret is not repeated.
    pub fn check(&self) -> Result<()> {
        self.broken_rule()
            .map_or(Ok(()), |error| Err(error.queue(self.queue_id.as_str())))
    }

    fn broken_rule(&self) -> Option<Error> {
        if !is_queue_type(&self.queue_type) {
            return Some(
                invalid("check record")
                    .expected("a queue type of a-z, 0-9, _ and +, first a letter, at most 32 bytes")
                    .found(excerpt(&self.queue_type))
                    .remedy("name a queue type such as local, shm or rpc"),
            );
        }
        if self.version != Self::VERSION {
            let kind = if self.version > Self::VERSION {
                ErrorKind::Incompatible
            } else {
                ErrorKind::InvalidDescriptor
            };
            return Some(
                Error::new(kind, "check record")
                    .expected(format!("record version {}", Self::VERSION))
                    .found(format!("version {}", self.version))
                    .remedy("write the record with the version this program reads, or update this program"),
            );
        }
        if !self.created_timestamp.is_finite() {
            return Some(
                invalid("check record")
                    .expected("created_timestamp in finite seconds since 1970")
                    .found(self.created_timestamp.to_string())
                    .remedy("leave created_timestamp out or give seconds such as 1700000000.5"),
            );
        }
        if self.metadata.len() > Self::MAX_KEYS {
            return Some(
                Error::new(ErrorKind::TooLarge, "check record")
                    .expected(format!("at most {} parameters", Self::MAX_KEYS))
                    .found(self.metadata.len().to_string())
                    .remedy("keep only the parameters of the queue type"),
            );
        }
        let mut weight = FIXED_WEIGHT + self.queue_id.as_str().len() + self.queue_type.len();
        for (key, value) in &self.metadata {
            if !is_key(key) {
                return Some(
                    invalid("check record")
                        .expected(
                            "a parameter name of letters, digits, _ . and -, first a letter or _, at most 64 bytes",
                        )
                        .found(excerpt(key))
                        .remedy("rename the parameter"),
                );
            }
            if let Some(error) = leaked_secret(key, value).or_else(|| broken_value(key, value)) {
                return Some(error);
            }
            weight += key.len() + 4 + value_weight(value);
        }
        (weight > Self::MAX_BYTES).then(|| {
            Error::new(ErrorKind::TooLarge, "check record")
                .expected(format!("at most {} bytes in the longest form", Self::MAX_BYTES))
                .found(format!("{weight} bytes"))
                .remedy("put large values into a file and name the file")
        })
    }
}

fn is_queue_type(text: &str) -> bool {
    text.len() <= DescriptorRecord::MAX_TYPE_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'+'))
}

fn is_key(text: &str) -> bool {
    text.len() <= DescriptorRecord::MAX_KEY_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// True for parameters such as `token`, `auth_token` and `db-password`, but not `max_tokens`.
fn is_secret_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['-', '.'], "_");
    key.split('_').any(|word| SECRET_WORDS.contains(&word)) || SECRET_NAMES.iter().any(|name| key.contains(name))
}

fn leaked_secret(key: &str, value: &Value) -> Option<Error> {
    let refers = match value {
        Value::Null => true,
        Value::Text(text) => match text.split_once(':') {
            Some(("env", name)) => {
                name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
            }
            Some(("file", path)) => !path.is_empty() && !path.contains('\0'),
            _ => false,
        },
        _ => false,
    };
    (is_secret_key(key) && !refers).then(|| {
        invalid("check record")
            .expected(format!("`{key}` to say where the secret is: env:NAME or file:PATH"))
            .found(format!(
                "{} that may be the secret itself",
                with_article(value.type_name())
            ))
            .remedy("move the secret into an environment variable or a file and name that")
    })
}

fn broken_value(key: &str, value: &Value) -> Option<Error> {
    if !is_finite(value) {
        return Some(
            invalid("check record")
                .expected(format!("finite numbers in `{key}`"))
                .found("a number that is infinite or not a number")
                .remedy("leave the parameter out or use null"),
        );
    }
    // The record and its metadata are two levels.
    let depth = 2 + list_depth(value);
    (depth > DescriptorRecord::MAX_DEPTH).then(|| too_deep(&format!("`{key}` nested {depth} deep")))
}

pub(super) fn too_deep(found: &str) -> Error {
    invalid("read record")
        .expected(format!("nesting of at most {}", DescriptorRecord::MAX_DEPTH))
        .found(found)
        .remedy("use plain values or short lists")
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::List(values) => values.iter().all(is_finite),
        _ => true,
    }
}

fn list_depth(value: &Value) -> usize {
    match value {
        Value::List(values) => 1 + values.iter().map(list_depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// An upper bound for the bytes of a value in every form; exact for plain words.
fn value_weight(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => SCALAR_WEIGHT,
        // A control character is six bytes in JSON, any other byte at most three in a URI; quotes are two more.
        Value::Text(text) => 6 + text.bytes().map(byte_weight).sum::<usize>(),
        Value::List(values) => 6 + values.iter().map(|v| 2 + value_weight(v)).sum::<usize>(),
    }
}

const fn byte_weight(byte: u8) -> usize {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b':' => 1,
        0..=0x1f => 6,
        _ => 3,
    }
}

/// "a text", "an int".
pub(super) fn with_article(type_name: &str) -> String {
    let article = if type_name.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {type_name}")
}
