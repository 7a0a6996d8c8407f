//! Reading the parameters of a record against the table of its type.

use std::time::Duration;

use crate::spec::{KeySpec, MAX_CAPACITY, Preset, Takes};
use crate::{Error, ErrorKind, Metadata, Value, excerpt, nearest};

/// Parameters that passed the table of their queue type: canonical types, defaults filled in, nothing ignored left.
#[derive(Clone, Debug, PartialEq)]
pub struct Params {
    values: Metadata,
}

impl Params {
    /// Checks `metadata` against `keys`, the table of the queue type `kind`. A `null` counts as not given.
    ///
    /// # Errors
    /// `InvalidDescriptor`, naming the parameter, what it takes, what was found and what to do.
    pub fn read(kind: &'static str, keys: &'static [KeySpec], metadata: &Metadata) -> Result<Self, Error> {
        let mut values = Metadata::new();
        for (name, value) in metadata {
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                return Err(unknown_key(kind, keys, name));
            };
            match check(key, value) {
                Ok(Some(value)) => {
                    values.insert(name.clone(), value);
                }
                Ok(None) => {}
                Err(remedy) => {
                    return Err(Error::new(ErrorKind::InvalidDescriptor, "read parameters")
                        .backend(kind)
                        .expected(format!("`{name}` to be {}", key.takes))
                        .found(shown(value))
                        .remedy(remedy));
                }
            }
        }
        for key in keys {
            let default = match key.default {
                Preset::Absent => continue,
                Preset::Int(value) => Value::Int(value),
                Preset::Float(value) => Value::Float(value),
                Preset::Flag(value) => Value::Bool(value),
                Preset::Text(value) => Value::Text(value.into()),
            };
            if !values.contains_key(key.name) {
                values.insert(key.name.into(), default);
            }
        }
        Ok(Self { values })
    }

    /// The value of a parameter, or its default; `None` for an optional one that was not given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// A capacity in items; `None` means without a bound.
    #[must_use]
    pub fn capacity(&self, name: &str) -> Option<usize> {
        self.int(name)
            .and_then(|items| usize::try_from(items).ok())
            .filter(|items| *items > 0)
    }

    /// A whole number.
    #[must_use]
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.get(name) {
            Some(Value::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name) {
            Some(Value::Bool(value)) => Some(*value),
            _ => None,
        }
    }

    /// Text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Value::Text(value)) => Some(value),
            _ => None,
        }
    }

    /// A span of time; one too long to be a [`Duration`] is the longest there is.
    #[must_use]
    pub fn seconds(&self, name: &str) -> Option<Duration> {
        match self.get(name) {
            Some(Value::Float(value)) => Some(Duration::try_from_secs_f64(*value).unwrap_or(Duration::MAX)),
            _ => None,
        }
    }

    /// All values, in the order of their names.
    #[must_use]
    pub const fn as_metadata(&self) -> &Metadata {
        &self.values
    }

    /// All values, in the order of their names.
    #[must_use]
    pub fn into_metadata(self) -> Metadata {
        self.values
    }
}

/// The canonical value, nothing where the parameter counts as not given, or what to do about a wrong one.
fn check(key: &KeySpec, value: &Value) -> Result<Option<Value>, &'static str> {
    let canonical = match (key.takes, value) {
        (Takes::Ignored(_), _) | (_, Value::Null) | (Takes::Unset(_), Value::Bool(false)) => return Ok(None),
        (Takes::Unset(remedy), _) => return Err(remedy),
        (Takes::Capacity { unbounded }, value) => Value::Int(capacity(value, unbounded)?),
        (Takes::Int { min, max }, Value::Int(number)) if (min..=max).contains(number) => Value::Int(*number),
        (Takes::Int { .. }, _) => return Err("give a whole number in that range, without quotes"),
        (Takes::Seconds, Value::Int(number)) if *number >= 0 => Value::Float(*number as f64),
        (Takes::Seconds, Value::Float(number)) if *number >= 0.0 && number.is_finite() => Value::Float(*number),
        (Takes::Seconds, _) => return Err("give a number such as 30 or 0.5"),
        (Takes::Share, Value::Int(number)) if (0..=1).contains(number) => Value::Float(*number as f64),
        (Takes::Share, Value::Float(number)) if (0.0..=1.0).contains(number) => Value::Float(*number),
        (Takes::Share, _) => return Err("give a number such as 0.01"),
        (Takes::Flag, Value::Bool(flag)) => Value::Bool(*flag),
        (Takes::Flag, _) => return Err("give true or false, without quotes"),
        (Takes::Text, Value::Text(text)) if !text.is_empty() => Value::Text(text.clone()),
        (Takes::Text, _) => return Err("give some text, or leave the parameter out"),
        (Takes::OneOf(words), Value::Text(word)) if words.contains(&word.as_str()) => Value::Text(word.clone()),
        (Takes::OneOf(_), _) => return Err("choose one of these words"),
    };
    Ok(Some(canonical))
}

fn capacity(value: &Value, unbounded: bool) -> Result<i64, &'static str> {
    let number = match value {
        Value::Int(number) => *number,
        // Some records of the Python original carry the number as text.
        Value::Text(text) => text
            .trim()
            .parse()
            .map_err(|_| "give the number of items as a whole number")?,
        _ => return Err("give the number of items as a whole number"),
    };
    match usize::try_from(number) {
        Ok(0) if unbounded => Ok(0),
        Ok(0) => Err("this type has no unbounded queues: choose a capacity, or use type `local`"),
        Ok(items) if items <= MAX_CAPACITY => Ok(number),
        Ok(_) => Err("choose a smaller capacity: items that wait this long are better kept on a disk"),
        Err(_) if unbounded => Err("use 0 for a queue without a bound"),
        Err(_) => Err("choose a capacity of at least 1"),
    }
}

fn unknown_key(kind: &'static str, keys: &[KeySpec], name: &str) -> Error {
    let known = || keys.iter().map(|key| key.name);
    let error = Error::new(ErrorKind::InvalidDescriptor, "read parameters")
        .backend(kind)
        .expected(format!("only the parameters {}", listed(known())))
        .found(excerpt(name));
    match nearest(name, known()) {
        Some(close) => error.remedy(format!("did you mean `{close}`?")),
        None => error.remedy("remove it"),
    }
}

/// A value for a message: what it is, and no more of it than fits a line.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("text {}", excerpt(text)),
        Value::List(values) => format!("a list of {} values", values.len()),
        Value::Null => "null".into(),
        other => format!("{} {other}", other.type_name()),
    }
}

/// The words with backticks and commas, for messages.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = words.into_iter().map(|word| format!("`{word}`")).collect();
    if quoted.is_empty() {
        "none".into()
    } else {
        quoted.join(", ")
    }
}
